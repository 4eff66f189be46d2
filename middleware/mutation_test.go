package middleware_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// edit is a place of the source that a mutant changes: what stands there, once, and what does in its place. mutant("…")
// reports whether that mutant is alive.
type edit struct{ file, is, becomes string }

// edits take a behaviour out of the code when the mutant named after its line is alive.
var edits = []edit{
	{"internal/rfc9111/storable.go", "if d.Private && shared {", `if !mutant("01") && d.Private && shared {`},
	{
		"internal/rfc9111/storable.go", "if c.Response.Explicit(c.Header, c.Kind) {",
		`if c.Response.Explicit(c.Header, c.Kind) && (!mutant("02") || HeuristicStatus(c.Status)) {`,
	},
	{"internal/rfc9111/storable.go", "if c.Authorized && shared && !d.Shareable() {", `if !mutant("03") && c.Authorized && shared && !d.Shareable() {`},
	{"internal/rfc9111/directives.go", "		d.Private = true", `		d.Private = d.Private || !m.hasArg || !mutant("04")`},
	{"middleware/judgement.go", "case a.broken || a.declared >= 0 && a.declared != int64(len(a.body)) && !bodyless(a.status):", `case !mutant("05") && (a.broken || a.declared >= 0 && a.declared != int64(len(a.body)) && !bodyless(a.status)):`},
	{"internal/rfc9111/hopbyhop.go", "if unstorable(name) || slices.Contains(listed, name) {", `if !mutant("08") && (unstorable(name) || slices.Contains(listed, name)) {`},
	{"middleware/replay.go", "case slices.Equal(before, values):", `case !mutant("10") && slices.Equal(before, values):`},
	{"middleware/fill.go", `case status == http.StatusPartialContent || len(full["Content-Range"]) > 0:`, `case !mutant("14") && (status == http.StatusPartialContent || len(full["Content-Range"]) > 0):`},
	{"internal/rfc9111/storable.go", "if c.Status == http.StatusPartialContent || ranged {", `if !mutant("14") && (c.Status == http.StatusPartialContent || ranged) {`},
	{"internal/rfc9111/storable.go", "	switch status {\n	case http.StatusPartialContent, http.StatusNotModified,", "	if mutant(\"14\") || mutant(\"15\") && status == http.StatusNotModified {\n		return true\n	}\n	switch status {\n	case http.StatusPartialContent, http.StatusNotModified,"},
	{"middleware/key.go", "	b = appendPart(b, d.query.reduce(u.RawQuery))\n", "	if !mutant(\"18\") {\n		b = appendPart(b, d.query.reduce(u.RawQuery))\n	}\n"},
	{"middleware/key.go", "	return rfc9111.AppendVariantKey(b, s.names, v.header)", "	if mutant(\"21\") {\n		return b\n	}\n	return rfc9111.AppendVariantKey(b, s.names, v.header)"},
	{"internal/rfc9111/vary.go", `if member == "*" || !ValidName(member) {`, `if !mutant("22") && (member == "*" || !ValidName(member)) {`},
	{"middleware/key.go", "if v.marks&markForwarding == 0 {", `if mutant("25") || v.marks&markForwarding == 0 {`},
	{"middleware/key.go", "	b = d.appendTarget(b, r)\n", "	if !mutant(\"18\") && !mutant(\"26\") {\n		b = d.appendTarget(b, r)\n	}\n"},
	{"internal/rfc9111/freshness.go", "	case d.SMaxAge.Set && kind == SharedCache:\n		return d.SMaxAge", "	case !mutant(\"29\") && d.SMaxAge.Set && kind == SharedCache:\n		return d.SMaxAge"},
	{"internal/rfc9111/directives.go", "		d.MaxAge.lower(m.seconds())", "		if mutant(\"30\") {\n			d.MaxAge.raise(m.seconds())\n			return\n		}\n		d.MaxAge.lower(m.seconds())"},
	{"internal/rfc9111/freshness.go", "		if !valid {\n			return 0, true", "		if !valid && mutant(\"31\") {\n			return time.Hour, true\n		}\n		if !valid {\n			return 0, true"},
	{"internal/rfc9111/age.go", "return min(max(apparent, ageField(h)+delay), maxDelta)", `return min(max(apparent, map[bool]time.Duration{false: ageField(h) + delay}[mutant("32")]), maxDelta)`},
	{"internal/rfc9111/request.go", "if e.NoCache || d.NoCache {", `if e.NoCache && !mutant("35") || d.NoCache && !mutant("48") {`},
	{"internal/rfc9111/directives.go", "if d, ok := ParseTargeted(h[CDNCacheControl]); ok {", `if d, ok := ParseTargeted(h[CDNCacheControl]); ok && !mutant("36") {`},
	{"internal/rfc9111/validate.go", `if lines := request["If-None-Match"]; len(lines) > 0 {`, `if lines := request["If-None-Match"]; len(lines) > 0 && !mutant("39") {`},
	{"internal/rfc9111/validate.go", "return valid && !modified.After(since)", `return valid && (mutant("40") || !modified.After(since))`},
	{"internal/rfc9111/validate.go", "\"Etag\", \"Expires\", \"Vary\":\n		return true", "\"Etag\", \"Expires\", \"Vary\":\n		return !mutant(\"41\")"},
	{"internal/rfc9111/validate.go", "	want := opaqueTag(etag)\n", "	want := opaqueTag(etag)\n	if mutant(\"42\") && !strings.HasPrefix(want, `\"`) {\n		return false\n	}\n"},
	{"middleware/confirm.go", "full := f.updated(f.remembered(), news)", `full := f.updated(f.remembered(), map[bool]http.Header{false: news}[mutant("43")])`},
	{"middleware/fill.go", "	rfc9111.StripConditionals(inner.Header)\n", "	if !mutant(\"44\") {\n		rfc9111.StripConditionals(inner.Header)\n	}\n"},
	{"middleware/head.go", "if !rfc9111.HeadConfirms(stored, news) {", `if !mutant("46") && !rfc9111.HeadConfirms(stored, news) {`},
	{"middleware/visit.go", `case has(markPrecondition, "If-Match"), has(markPrecondition, "If-Unmodified-Since"):`, `case !mutant("47") && (has(markPrecondition, "If-Match") || has(markPrecondition, "If-Unmodified-Since")):`},
	{"internal/rfc9111/field.go", "return len(a) == len(b) && strings.EqualFold(a, b)", `return a == b || !mutant("50") && len(a) == len(b) && strings.EqualFold(a, b)`},
	{"internal/rfc9111/invalidation.go", "return Unsafe(method) && status >= 200 && status <= 399", `return Unsafe(method) && !mutant("52") && status >= 200 && (status <= 399 || mutant("54"))`},
	{"internal/rfc9111/invalidation.go", "		for _, line := range response[name] {", "		if mutant(\"53\") {\n			break\n		}\n		for _, line := range response[name] {"},
	{"middleware/judgement.go", `if j.reason == "" && d.engine.Moved(j.stamps) {`, `if j.reason == "" && !mutant("56") && d.engine.Moved(j.stamps) {`},
	{"middleware/late.go", "	f.late.Store(true)\n", "	if mutant(\"60\") {\n		return\n	}\n	f.late.Store(true)\n"},
	{"middleware/door.go", "		v.user = d.identify(r)\n", "		v.user = d.identify(r)\n		if mutant(\"78\") {\n			v.user = \"somebody\"\n		}\n"},
	{"middleware/page.go", "	if d.byte() != pageFormat {", `	if d.byte() != pageFormat && !mutant("79") {`},
	{"middleware/wait.go", `if v.may(f.page) != "" || string(v.pageKey(&f.pick)) != f.page.key {`, `if !mutant("86") && (v.may(f.page) != "" || string(v.pageKey(&f.pick)) != f.page.key) {`},
	{"middleware/visit.go", "	valid := d.engine.Valid(p.stamps)\n", "	valid := mutant(\"Rule1\") || d.engine.Valid(p.stamps)\n"},
	{"middleware/visit.go", "if valid = hit.Valid(); valid {", `if valid = mutant("Rule1") || hit.Valid(); valid {`},
	{"internal/rfc9111/storable.go", "	if !c.Assigned {\n", "	if !c.Assigned && !mutant(\"Rule2\") {\n"},
	{"middleware/visit.go", "case v.authorized && !p.is(pageAuthorized):", `case !mutant("Rule3") && v.authorized && !p.is(pageAuthorized):`},
	{"middleware/judgement.go", "	j.pick.all = !j.directives.Public &&", "	j.pick.all = !mutant(\"Rule4\") && !j.directives.Public &&"},
}

// mutants are the lines whose behaviour is a MUST of an RFC, with those of which a stranger's page depends, and the four rules.
var mutants = []string{
	"01", "02", "03", "04", "05", "08", "10", "14", "15", "18", "21", "22", "25", "26", "29", "30", "31", "32", "35", "36", "39", "40", "41",
	"42", "43", "44", "46", "47", "48", "50", "52", "53", "54", "56", "60", "78", "79", "86", "Rule1", "Rule2", "Rule3", "Rule4",
}

// Each behaviour is taken out of the code for one run of the tests that are named after its line, and one of them has to
// fail. All mutants are in one binary: the source is compiled once, with the edits laid over it.
func TestWithoutItsBehaviourTheTestsOfALineFail(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("compiles the package")
	}
	binary := mutated(t)
	names := testNames(t)
	run := func(t *testing.T, mutant, pattern string) ([]byte, error) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, binary, "-test.run", pattern, "-test.failfast", "-test.timeout", "90s")
		cmd.Env = append(os.Environ(), "CACHEWRIGHT_MUTANT="+mutant)
		return cmd.CombinedOutput()
	}
	out, err := run(t, "none", "^TestLine(0[1-5]|39|86)|^TestRule")
	require.NoError(t, err, "%s", out)
	for _, m := range mutants {
		t.Run(m, func(t *testing.T) {
			t.Parallel()
			var own []string
			for name := range names {
				if named(name, m) {
					own = append(own, name)
				}
			}
			require.NotEmpty(t, own)
			out, err := run(t, m, "^("+strings.Join(own, "|")+")$")
			require.Error(t, err, "nothing misses the behaviour of %s:\n%s", m, out)
			require.True(t, strings.Contains(string(out), "--- FAIL: TestLine") || strings.Contains(string(out), "--- FAIL: TestRule") ||
				strings.Contains(string(out), "panic:"), "%s", out)
		})
	}
}

// mutated compiles the tests of this package with the edits laid over the source.
func mutated(t *testing.T) (binary string) {
	t.Helper()
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	dir := t.TempDir()
	texts := map[string]string{}
	for _, e := range edits {
		text, seen := texts[e.file]
		if !seen {
			b, err := os.ReadFile(filepath.Join(root, e.file))
			require.NoError(t, err)
			text = string(b)
		}
		require.Equal(t, 1, strings.Count(text, e.is), "%s has %q once", e.file, e.is)
		texts[e.file] = strings.Replace(text, e.is, e.becomes, 1)
	}
	for pkg, name := range map[string]string{"internal/rfc9111": "rfc9111", "middleware": "middleware"} {
		texts[pkg+"/mutant.go"] = "package " + name + "\n\nimport \"os\"\n\nvar alive = os.Getenv(\"CACHEWRIGHT_MUTANT\")\n\nfunc mutant(name string) bool { return alive == name }\n"
	}
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for file, text := range texts {
		path := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		overlay.Replace[filepath.Join(root, file)] = path
	}
	b, err := json.Marshal(overlay)
	require.NoError(t, err)
	list := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(list, b, 0o600))
	binary = filepath.Join(dir, "mutants.test")
	out, err := exec.CommandContext(t.Context(), "go", "test", "-c", "-overlay", list, "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return binary
}
