package cacheplugin

import (
	"reflect"
	"strings"
	"time"

	"gorm.io/gorm/clause"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/sqltext"
	"github.com/cachewright/cachewright/policy"
)

// trackable reports whether a page may stand on the stamps of a read that is not cached for the reason.
func trackable(why coherence.Reason) bool {
	return why == coherence.ReasonArgument || why == coherence.ReasonOff
}

// keepable says why the result of a judged statement is not kept, "" if it is.
func (r *reader) keepable() coherence.Reason {
	if r.model.policy.Queries == policy.QueriesOff {
		return coherence.ReasonOff
	}
	v := r.plugin.texts.Read(r.plugin.dialect, r.db.Statement.SQL.String())
	for _, name := range v.Tables {
		if hidden := r.plugin.hides(name.Folded()); len(hidden) > 0 && (mentions(r.db.Statement.SQL.String(), hidden) || !r.columnsOnly()) {
			return coherence.ReasonOff
		}
	}
	return ""
}

// mentions reports whether a text may ask for one of the columns: by name, or by a star that is not count(*).
func mentions(sql string, columns []string) bool {
	lower := strings.ToLower(sql)
	if strings.Contains(strings.ReplaceAll(lower, "count(*)", ""), "*") {
		return true
	}
	for _, c := range columns {
		if strings.Contains(lower, c) {
			return true
		}
	}
	return false
}

// columnsOnly reports whether the statement selects columns of the model by name, or counts. Anything else may hold a column
// without naming it: "SELECT users FROM users" is whole rows.
func (r *reader) columnsOnly() bool {
	switch selected := r.db.Statement.Clauses["SELECT"].Expression.(type) {
	case clause.Expr:
		return strings.HasPrefix(strings.ToLower(selected.SQL), "count(")
	case clause.Select:
		for _, c := range selected.Columns {
			if r.model.schema.LookUpField(c.Name) == nil {
				return false
			}
		}
		return selected.Expression == nil && len(selected.Columns) > 0
	default:
		return false
	}
}

// judge reads the final SQL: the tags of all tables it reads, or that of the one value in a column that it reads, or the reason
// why stamps cannot vouch for it.
func (r *reader) judge() ([]coherence.Tag, coherence.Reason) {
	p, stmt := r.plugin, r.db.Statement
	v := p.texts.Read(p.dialect, stmt.SQL.String())
	if why := refusal(v); why != "" {
		return nil, why
	}
	for _, arg := range stmt.Vars {
		if text, ok := arg.(string); nearNow(arg) || ok && sqltext.ClockWord(text) {
			return nil, coherence.ReasonClock
		}
	}
	tags := make([]coherence.Tag, 0, len(v.Tables))
	var rel *relation
	for _, name := range v.Tables {
		var err error
		rel, err = p.relation(r.ctx, stmt.ConnPool, name)
		switch {
		case err != nil || !rel.exists || !rel.ordinary:
			return nil, coherence.ReasonRelation
		case rel.rowSecurity && !p.settings.scoped:
			return nil, coherence.ReasonRLS
		}
		tags = append(tags, coherence.TableTag(name.Folded()))
	}
	if len(v.Fixed) > 0 {
		tags[0] = r.narrow(v, rel) // there is one table
	}
	return tags, ""
}

// clockWindow is how near to now a time argument makes an answer depend on the clock.
const clockWindow = 48 * time.Hour

func nearNow(arg any) bool {
	var t time.Time
	switch v := arg.(type) {
	case time.Time:
		t = v
	case *time.Time:
		if v == nil {
			return false
		}
		t = *v
	case int, int64, string, nil, bool:
		return false
	default:
		rv := reflect.ValueOf(arg)
		if !rv.IsValid() || !rv.Type().ConvertibleTo(reflect.TypeFor[time.Time]()) {
			return false
		}
		t = rv.Convert(reflect.TypeFor[time.Time]()).Interface().(time.Time)
	}
	d := time.Until(t)
	return -clockWindow < d && d < clockWindow
}

// refusal translates the lexer's verdict into the reason a reader of statistics sees.
func refusal(v *sqltext.Read) coherence.Reason {
	switch v.Refusal {
	case "":
		return ""
	case sqltext.ReasonLocking:
		return coherence.ReasonLocking
	case sqltext.ReasonClockLiteral:
		return coherence.ReasonClock
	case sqltext.ReasonVolatileFunction, sqltext.ReasonStableFunction, sqltext.ReasonSessionCast, sqltext.ReasonUnknownFunction,
		sqltext.ReasonTableFunction, sqltext.ReasonVariable, sqltext.ReasonSample:
		return coherence.ReasonVolatile
	default:
		return coherence.ReasonUnknown
	}
}
