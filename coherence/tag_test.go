package coherence_test

import (
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
)

type (
	ownInt   int64
	ownText  string
	ownBytes []byte
	prose    struct{ n int }
)

func (ownInt) String() string  { return "for people" }
func (ownText) String() string { return "for people" }
func (p prose) String() string { return fmt.Sprint("prose ", p.n) }

func TestAKeyIsComparedByWhatADriverWouldSend(t *testing.T) {
	t.Parallel()
	seven, id := int64(7), uuid.MustParse("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
	noon := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for text, same := range map[string][]any{
		"7": {
			7, int8(7), int16(7), int32(7), seven, uint(7), uint8(7), uint16(7), uint32(7), uint64(7), &seven, "7",
			[]byte("7"), ownInt(7), ownText("7"), ownBytes("7"),
			sql.NullInt64{Int64: 7, Valid: true},
			sql.NullString{String: "7", Valid: true},
		},
		"-7":                                   {-7, ownInt(-7)},
		"true":                                 {true, sql.NullBool{Bool: true, Valid: true}},
		"6ba7b810-9dad-11d1-80b4-00c04fd430c8": {id, &id, [16]byte(id), uuid.NullUUID{UUID: id, Valid: true}, id.String()},
		"2026-05-01T12:00:00Z":                 {noon, noon.In(time.FixedZone("", 3600)), &noon},
		"":                                     {nil, (*int64)(nil), (*uuid.UUID)(nil), sql.NullInt64{}},
		"1.5":                                  {1.5},
		"prose 3":                              {prose{3}, &prose{3}},
	} {
		want := coherence.TableTag("things").RowText(text)
		for _, key := range same {
			require.Equal(t, want, coherence.RowTag("things", key), "%T %v", key, key)
		}
	}
}

func TestTagsAreToldApart(t *testing.T) {
	t.Parallel()
	tags := []coherence.Tag{
		{},
		coherence.Everything(), coherence.TableTag("a"), coherence.TableTag("b"), coherence.RowTag("a"), coherence.RowTag("a", ""),
		coherence.RowTag("a", "", ""), coherence.RowTag("a", "bc"), coherence.RowTag("a", "b", "c"), coherence.RowTag("a", "bc", ""),
		coherence.RowTag("b", "bc"), coherence.NamedTag("a"), coherence.NamedTag(""), coherence.URLTag("a"),
		coherence.URLTag("https://shop.example/A"), coherence.URLTag("https://shop.example/a"),
	}
	hashes, texts := map[uint64]bool{}, map[string]bool{}
	for _, tag := range tags {
		hashes[tag.Hash()], texts[tag.String()] = true, true
	}
	require.Len(t, hashes, len(tags))
	require.Len(t, texts, len(tags))
}

func TestATableIsNamedBare(t *testing.T) {
	t.Parallel()
	want := coherence.TableTag("things")
	for _, name := range []string{"Things", `"things"`, "public.things", `"public"."things"`, "`shop`.`things`", "[dbo].[things]"} {
		require.Equal(t, want, coherence.TableTag(name), name)
	}
	require.Equal(t, want, coherence.RowTag("things", 1).Table())
	require.Equal(t, coherence.NamedTag("x"), coherence.NamedTag("x").Table())
	require.Equal(t, coherence.NamedTag("x"), coherence.NamedTag("x").Row(1))
	require.Equal(t, coherence.NamedTag("x"), coherence.NamedTag("x").RowText("1"))
}

func TestSchemeAndHostOfAURLAreFolded(t *testing.T) {
	t.Parallel()
	require.Equal(t, coherence.URLTag("https://shop.example/A?b=C"), coherence.URLTag("HTTPS://Shop.Example/A?b=C"))
	require.Equal(t, coherence.URLTag("https://shop.example"), coherence.URLTag("https://SHOP.example"))
	require.NotEqual(t, coherence.URLTag("/a"), coherence.URLTag("/A"))
}
