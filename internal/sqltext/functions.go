package sqltext

import "strings"

// effect is what a function does apart from computing its result from its arguments.
type effect uint8

const (
	effectUnknown  effect = iota // not on a list: it may read and write anything
	effectPure                   // nothing: the same arguments give the same result
	effectStable                 // depends on settings of the session or on the catalogue; reads and writes no table
	effectVolatile               // clock, randomness, sequences, locks, the session's identity; reads and writes no table
)

// functions holds what is known by dialect. A name with overloads has the effect of the worst of them, but for those
// whose other overloads are no business of a query (length(bytea, name)). The lists for PostgreSQL are held against
// a server's own catalogue in the tests.
var functions = map[Dialect]map[string]effect{
	Postgres: listed(windowFunctions+aggregates+`
		coalesce nullif greatest least
		length char_length character_length octet_length bit_length lower upper initcap trim btrim ltrim rtrim lpad rpad
		substr substring position strpos left right overlay repeat replace reverse translate split_part starts_with ascii chr
		md5 sha224 sha256 sha384 sha512 encode decode to_hex quote_ident string_to_array regexp_replace regexp_match
		regexp_like regexp_count regexp_substr regexp_instr regexp_split_to_array normalize
		abs ceil ceiling floor round trunc mod div power pow sqrt cbrt exp ln log log10 sign pi gcd lcm factorial
		degrees radians sin cos tan cot asin acos atan atan2 sinh cosh tanh asinh acosh atanh width_bucket
		bool_and bool_or every bit_and bit_or bit_xor string_agg array_agg stddev stddev_pop stddev_samp variance var_pop
		var_samp corr covar_pop covar_samp mode percentile_cont percentile_disc
		array_length array_upper array_lower array_ndims array_dims array_append array_prepend array_cat array_position
		array_positions array_remove array_replace cardinality unnest
		json_array_length jsonb_array_length json_typeof jsonb_typeof json_extract_path json_extract_path_text
		jsonb_extract_path jsonb_extract_path_text jsonb_set jsonb_insert jsonb_pretty jsonb_strip_nulls json_strip_nulls
		num_nulls num_nonnulls make_date make_time make_timestamp make_interval justify_days justify_hours justify_interval
		date_bin isfinite get_bit get_byte set_bit set_byte host masklen netmask
		pg_size_pretty`, `
		date_trunc date_part extract age timezone overlaps to_char to_date to_timestamp to_number make_timestamptz
		concat concat_ws format array_to_string array_to_json
		json_agg jsonb_agg json_object_agg jsonb_object_agg json_build_object jsonb_build_object json_build_array
		jsonb_build_array to_json to_jsonb row_to_json jsonb_to_recordset json_to_recordset jsonb_to_record json_to_record
		json_populate_record jsonb_populate_record json_populate_recordset jsonb_populate_recordset
		jsonb_array_elements jsonb_array_elements_text json_array_elements json_array_elements_text jsonb_each
		jsonb_each_text json_each json_each_text jsonb_object_keys json_object_keys generate_series generate_subscripts
		regexp_split_to_table string_to_table regexp_matches
		quote_literal quote_nullable pg_typeof to_regclass to_regtype format_type pg_get_expr pg_get_serial_sequence
		to_tsvector to_tsquery plainto_tsquery phraseto_tsquery websearch_to_tsquery ts_rank ts_rank_cd ts_headline
		current_setting current_database current_schema current_schemas version pg_backend_pid
		has_table_privilege has_column_privilege has_schema_privilege col_description obj_description shobj_description`, `
		now clock_timestamp statement_timestamp transaction_timestamp timeofday
		random setseed gen_random_uuid uuid_generate_v1 uuid_generate_v4 uuidv4 uuidv7
		nextval setval currval lastval
		txid_current txid_current_if_assigned txid_current_snapshot pg_current_xact_id pg_current_xact_id_if_assigned
		pg_current_snapshot pg_snapshot_xmin pg_snapshot_xmax pg_current_wal_lsn pg_xact_commit_timestamp pg_is_in_recovery
		pg_advisory_lock pg_advisory_lock_shared pg_advisory_unlock pg_advisory_unlock_shared pg_advisory_unlock_all
		pg_advisory_xact_lock pg_advisory_xact_lock_shared pg_try_advisory_lock pg_try_advisory_lock_shared
		pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared
		pg_notify pg_sleep pg_sleep_for pg_cancel_backend pg_relation_size pg_total_relation_size pg_table_size
		pg_indexes_size pg_database_size inet_client_addr inet_server_addr pg_postmaster_start_time`),
	SQLite: listed(windowFunctions+aggregates+`
		total group_concat string_agg coalesce nullif ifnull iif if
		length octet_length lower upper trim ltrim rtrim substr substring replace instr hex unhex typeof unicode char quote
		glob like likelihood likely unlikely printf format concat concat_ws zeroblob
		abs round sign ceil ceiling floor trunc mod pow power sqrt exp ln log log10 log2 pi degrees radians
		sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh
		json jsonb json_array json_array_length json_extract jsonb_extract json_insert json_object json_patch json_pretty
		json_quote json_remove json_replace json_set json_type json_valid json_group_array json_group_object`,
		`sqlite_version sqlite_source_id`, `
		random randomblob changes last_insert_rowid total_changes
		date time datetime julianday strftime unixepoch timediff current_date current_time current_timestamp`),
	MySQL: listed(windowFunctions+aggregates+`
		coalesce ifnull nullif if isnull greatest least any_value cast
		length char_length character_length octet_length bit_length lower lcase upper ucase trim ltrim rtrim lpad rpad
		substr substring substring_index mid left right concat concat_ws replace reverse repeat space instr locate
		strcmp field find_in_set elt hex unhex bin oct conv ascii ord char md5 sha sha1 sha2 crc32 to_base64 from_base64
		abs round truncate ceil ceiling floor mod sign pow power sqrt exp ln log log2 log10 pi degrees radians
		sin cos tan cot asin acos atan atan2 bit_and bit_or bit_xor bit_count
		group_concat std stddev stddev_pop stddev_samp variance var_pop var_samp
		json_array json_object json_extract json_unquote json_quote json_length json_contains json_contains_path json_keys
		json_type json_valid json_depth json_search json_set json_insert json_replace json_remove json_arrayagg
		json_objectagg inet_aton inet_ntoa inet6_aton inet6_ntoa`, `
		database schema version charset collation coercibility format date_format
		date time year month day dayofmonth dayofweek dayofyear dayname monthname hour minute second microsecond quarter week
		weekday weekofyear to_days to_seconds from_days datediff timediff last_day date_add date_sub adddate subdate addtime
		timestampadd timestampdiff str_to_date makedate maketime timestamp extract convert_tz from_unixtime`, `
		now sysdate curdate curtime current_date current_time current_timestamp localtime localtimestamp utc_date utc_time
		utc_timestamp unix_timestamp rand uuid uuid_short connection_id user current_user session_user system_user
		found_rows row_count last_insert_id sleep get_lock release_lock release_all_locks is_free_lock is_used_lock
		benchmark random_bytes nextval lastval setval`),
}

const windowFunctions = ` row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value `

const aggregates = ` count sum avg min max `

// niladic holds the words that are calls without parentheses.
var niladic = map[Dialect]map[string]bool{
	Postgres: wordSet(`current_catalog current_date current_role current_schema current_time current_timestamp
		current_user localtime localtimestamp session_user system_user user`),
	SQLite: wordSet(`current_date current_time current_timestamp`),
	MySQL: wordSet(`current_date current_time current_timestamp current_user current_role localtime localtimestamp
		session_user system_user user utc_date utc_time utc_timestamp sysdate`),
}

// systemColumns holds the columns that the server changes on its own, a VACUUM for one, or shows of other transactions.
var systemColumns = map[Dialect]map[string]bool{
	Postgres: wordSet(`ctid xmin xmax cmin cmax tableoid`),
	SQLite:   wordSet(`rowid oid _rowid_`),
}

// effectOf tells what calling an unquoted name does. Other knows only what all dialects agree is pure.
func effectOf(d Dialect, name string) effect {
	if d != Other {
		return functions[d][name]
	}
	worst := effectPure
	for _, known := range []Dialect{Postgres, SQLite, MySQL} {
		if e := functions[known][name]; e != effectPure {
			worst = e
		}
		if functions[known][name] == effectUnknown {
			return effectUnknown
		}
	}
	return worst
}

func listed(pure, stable, volatile string) map[string]effect {
	m := make(map[string]effect)
	for words, e := range map[string]effect{pure: effectPure, stable: effectStable, volatile: effectVolatile} {
		for _, w := range strings.Fields(words) {
			m[w] = e
		}
	}
	return m
}

func wordSet(words string) map[string]bool {
	m := make(map[string]bool)
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}
