package policy_test

import (
	"database/sql"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/policy"
)

type (
	plain struct{ ID int64 }

	onBlank struct {
		_  struct{} `cache:"aside,ttl=10m"`
		ID int64
	}
	onField struct {
		ID   int64 `cache:"writethrough"`
		Name string
	}
	Base struct {
		ID        int64
		CreatedAt time.Time
	}
	onEmbedded struct {
		Base `cache:"aside,critical"`
		Name string
	}
	TaggedBase struct {
		_  struct{} `cache:"aside"`
		ID int64
	}
	inEmbedded        struct{ TaggedBase }
	inEmbeddedPointer struct{ *TaggedBase }
	inGormEmbedded    struct {
		Base TaggedBase `gorm:"column:x; Embedded;embeddedPrefix:b_"`
	}
	inAssociation struct {
		ID    int64
		Owner TaggedBase
		Items []TaggedBase
	}
)

func TestOfFindsThePolicyWhereverItStands(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, tag, field string
		model            any
	}{
		{"on a blank field", "aside,ttl=10m", "_", onBlank{}},
		{"behind a pointer", "aside,ttl=10m", "_", &onBlank{}},
		{"behind a slice of pointers", "aside,ttl=10m", "_", &[]*onBlank{}},
		{"behind an array", "aside,ttl=10m", "_", [2]onBlank{}},
		{"on a field", "writethrough", "ID", onField{}},
		{"on an embedded struct", "aside,critical", "Base", onEmbedded{}},
		{"in an embedded struct", "aside", "TaggedBase._", inEmbedded{}},
		{"in an embedded pointer", "aside", "TaggedBase._", inEmbeddedPointer{}},
		{"in a struct that GORM embeds", "aside", "Base._", inGormEmbedded{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := policy.Of(reflect.TypeOf(c.model))
			require.NoError(t, err)
			want := mustParse(t, c.tag)
			require.Equal(t, policy.Tagged{Policy: &want, Field: c.field}, got)
		})
	}
}

func TestOfIsEmptyWithoutATag(t *testing.T) {
	t.Parallel()
	for _, model := range []any{plain{}, struct{}{}, inAssociation{}} {
		got, err := policy.Of(reflect.TypeOf(model))
		require.NoError(t, err)
		require.Equal(t, policy.Tagged{}, got)
	}
}

type (
	Login struct {
		Name         string
		PasswordHash string `cache:"-"`
	}
	hidesInEmbedded struct {
		_    struct{} `cache:"aside"`
		ID   int64
		Note []byte `cache:" - "`
		Login
		Backup Login `gorm:"embedded"`
		Friend Login
	}
	Address struct {
		Street string
		Geo    struct{ Lat, Lng int64 } `gorm:"embedded"`
		_      struct{}
	}
	hidesEmbedded struct {
		_        struct{} `cache:"aside"`
		*Address `cache:"-"`
		City     string
	}
	hidesColumn struct {
		_              struct{} `cache:"aside"`
		sql.NullString `cache:"-"`
		time.Time      `cache:"-"`
	}
)

func TestOfListsHiddenFields(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		model any
		want  []policy.HiddenField
	}{
		{"in the model and in what it embeds, but not in associations", hidesInEmbedded{}, []policy.HiddenField{
			{Index: []int{2}, Name: "Note"},
			{Index: []int{3, 1}, Name: "Login.PasswordHash"},
			{Index: []int{4, 1}, Name: "Backup.PasswordHash"},
		}},
		{"all fields of an embedded struct", hidesEmbedded{}, []policy.HiddenField{
			{Index: []int{1}, Name: "Address"},
			{Index: []int{1, 0}, Name: "Address.Street"},
			{Index: []int{1, 1}, Name: "Address.Geo"},
			{Index: []int{1, 1, 0}, Name: "Address.Geo.Lat"},
			{Index: []int{1, 1, 1}, Name: "Address.Geo.Lng"},
		}},
		{"an embedded struct that is one column", hidesColumn{}, []policy.HiddenField{
			{Index: []int{1}, Name: "NullString"},
			{Index: []int{2}, Name: "Time"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			typ := reflect.TypeOf(c.model)
			got, err := policy.Of(typ)
			require.NoError(t, err)
			require.Equal(t, "_", got.Field)
			require.Equal(t, c.want, got.Hidden)
			for _, h := range got.Hidden {
				require.True(t, endsWith(h.Name, typ.FieldByIndex(h.Index).Name), h.Name)
			}
		})
	}
}

func endsWith(path, name string) bool {
	return path == name || len(path) > len(name) && path[len(path)-len(name)-1:] == "."+name
}

type (
	Node struct {
		*Node
		Left  *Tree
		Value int `cache:"aside"`
	}
	Tree struct{ *Branch }

	Branch struct {
		*Tree
		Leaf string `cache:"-"`
	}
	round []round
)

func TestOfEndsOnTypesThatHoldThemselves(t *testing.T) {
	t.Parallel()
	got, err := policy.Of(reflect.TypeFor[Node]())
	require.NoError(t, err)
	require.Equal(t, "Value", got.Field)

	got, err = policy.Of(reflect.TypeFor[Tree]())
	require.NoError(t, err)
	require.Equal(t, []policy.HiddenField{{Index: []int{0, 1}, Name: "Branch.Leaf"}}, got.Hidden)

	_, err = policy.Of(reflect.TypeFor[round]())
	require.EqualError(t, err, "policy: policy_test.round: the type is no struct")
}

func TestOfRefusesATypeThatIsNoStruct(t *testing.T) {
	t.Parallel()
	_, err := policy.Of(nil)
	require.EqualError(t, err, "policy: nil: the type is no struct")
	_, err = policy.Of(reflect.TypeFor[map[string]any]())
	require.EqualError(t, err, "policy: map[string]interface {}: the type is no struct")
}

type (
	twice struct {
		_  struct{} `cache:"aside"`
		ID int64    `cache:"writethrough"`
	}
	twiceByEmbedding struct {
		TaggedBase
		_ struct{} `cache:"aside"`
	}
	manyMistakes struct {
		_    struct{} `cache:"aside,ttl=1,flush=1s"`
		_    struct{} `cache:"-"`
		Name string   `cache:"asid"`
		Hash string   `cache:"-"`
	}
)

func TestOfReportsEveryMistakeOfAType(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		model any
		want  []string
	}{
		{"two policies", twice{}, []string{
			`policy: policy_test.twice, field ID: cache:"writethrough": "writethrough" is a second policy: field _ has cache:"aside"; allowed: one policy for each model`,
		}},
		{"a policy beside an embedded one", twiceByEmbedding{}, []string{
			`policy: policy_test.twiceByEmbedding, field _: cache:"aside": "aside" is a second policy: field TaggedBase._ has cache:"aside"; allowed: one policy for each model`,
		}},
		{"much at once", manyMistakes{}, []string{
			`policy: policy_test.manyMistakes, field _: cache:"aside,ttl=1,flush=1s": "ttl=1" has a bad value; allowed: a duration above zero such as 10m`,
			`policy: policy_test.manyMistakes, field _: cache:"aside,ttl=1,flush=1s": "flush=1s" is for writeback, not for aside; allowed: ttl=<duration>, jitter=<percentage>, negative=<duration>|off, queries=off, critical`,
			`policy: policy_test.manyMistakes, field _: cache:"-": "-" on a blank field hides nothing; allowed: aside, writethrough, writeback, off, "-" on the field to hide`,
			`policy: policy_test.manyMistakes, field Name: cache:"asid": "asid" is no strategy, which comes first; allowed: aside, writethrough, writeback, off`,
			`policy: policy_test.manyMistakes, field Name: cache:"asid": "asid" is a second policy: field _ has cache:"aside,ttl=1,flush=1s"; allowed: one policy for each model`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := policy.Of(reflect.TypeOf(c.model))
			require.Zero(t, got)
			var messages []string
			for _, e := range mistakes(t, err) {
				require.Equal(t, reflect.TypeOf(c.model).String(), e.Type)
				require.NotEmpty(t, e.Field)
				messages = append(messages, e.Error())
			}
			require.Equal(t, c.want, messages)
		})
	}
}

func TestOfRefusesACacheTagThatReflectCannotRead(t *testing.T) {
	t.Parallel()
	for tag, bad := range map[string]bool{
		`cache:aside`:                       true,
		`cache: "-"`:                        true,
		`cache:'-'`:                         true,
		"cache:`-`":                         true,
		`cache:"-`:                          true,
		`cache:"\d"`:                        true,
		`gorm:"size:64", cache:"-"`:         true,
		`gorm:"size:64",cache:"-"`:          true,
		`gorm:"size:64";cache:"-"`:          true,
		`other.cache:"-"`:                   false,
		"gorm:\"size:64\"\tcache:\"-\"":     true,
		"gorm:\"size:64\"\n\tcache:\"-\"":   true,
		`gorm:"comment:no cache: here"`:     false,
		`gorm:"check:a ~ '\d cache:\"-\"'"`: false,
		`json:"a" gorm:"size:64"`:           false,
		`mycache:aside`:                     false,
		`some words about a cache`:          false,
		``:                                  false,
	} {
		typ := reflect.StructOf([]reflect.StructField{
			{Name: "Hash", Type: reflect.TypeFor[string](), Tag: reflect.StructTag(tag)},
		})
		_, err := policy.Of(typ)
		if bad {
			require.ErrorContains(t, err, "field Hash: struct tag", tag)
			require.Len(t, mistakes(t, err), 1)
		} else {
			require.NoError(t, err, tag)
		}
	}
}
