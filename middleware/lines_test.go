package middleware_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// behaviours is how many numbered behaviours a page cache has to show here.
const behaviours = 95

// choices are decisions where the RFCs leave room, with the tests that hold them.
var choices = map[string][]string{
	"every call of Shared or PerUser has entries of its own unless both are given one Space": {"TestDoorsHaveEntriesOfTheirOwnUnlessTheyShareASpace"},
	"invalidation by URL and purge reach all spaces":                                         {"TestInvalidationReachesAllSpaces"},
	"defaults: variants, body, memory in flight, header, wait":                               {"TestLine23VariantsAreBoundedAndTheOldestMakesRoom", "TestLine17LargeHeadersAndBodiesAreNotStored", "TestLine71AnswersBeyondTheMemoryInFlightPassThrough", "TestLine91WhoWaitsTooLongRunsAloneAndDoesNotStoreTwice"},
	"under a flood of one-time keys what is hot stays":                                       {"TestUnderAFloodOfOneTimeURLsAHotPageStays"},
	"a build id in the keys of shared pages":                                                 {"TestPagesOfAnotherVersionAreMisses"},
	"Development honours a reload":                                                           {"TestLine48AReloadValidatesATrackedPageByItsStamps"},
	"CDN-Cache-Control is honoured by default":                                               {"TestLine36TargetedFieldsReplaceTheOthersWhenValid"},
	"a client's no-cache validates a tracked page by its stamps":                             {"TestLine48AReloadValidatesATrackedPageByItsStamps"},
	"an anonymous page is not reused for Authorization":                                      {"TestRule3APageIsSharedOnlyWithWhomItWouldBeStoredFor"},
	"cookies": {"TestCookiesWithoutTheOptionBypassAllButPublicPages", "TestCookiesNamesThoseTheApplicationReads", "TestPerUserHasCookiesInTheKey", "TestCookieNamesAreLoggedOnce"},
	"PerUser stores private pages; no identity, no page":  {"TestPerUserKeepsUsersApartAndStoresPrivatePages"},
	"a tracked page says no-cache and has an ETag":        {"TestRule1TrackedPageIsAHitUntilItsRowIsWritten", "TestAnswersThatPassPerUserByArePrivateToo"},
	"a rolled-back transaction leaves pages as they were": {"TestLine57AWriteThatIsRolledBackLeavesPagesAsTheyWere"},
	"every answer carries Cache-Status":                   {"TestLine82CacheStatusIsAppendedAndAlwaysThere"},
}

func TestEveryBehaviourHasATestNamedAfterIt(t *testing.T) {
	t.Parallel()
	names := testNames(t)
	for n := 1; n <= behaviours; n++ {
		require.True(t, has(names, fmt.Sprintf("%02d", n)), "no test is named after line %02d", n)
	}
	for n := 1; n <= 4; n++ {
		require.True(t, has(names, fmt.Sprintf("Rule%d", n)), "no test is named after rule %d", n)
	}
	for choice, tests := range choices {
		for _, name := range tests {
			require.Contains(t, names, name, choice)
		}
	}
	for _, m := range mutants {
		require.True(t, has(names, m), m)
	}
}

func has(names map[string]bool, line string) bool {
	for name := range names {
		if named(name, line) {
			return true
		}
	}
	return false
}

var lineNumbers = regexp.MustCompile(`^(?:Test|Fuzz)Line(\d\d)(?:And(\d\d))?[A-Z]`)

// named reports whether the test is named after a line, "07", or a rule, "Rule2".
func named(test, line string) bool {
	if strings.HasPrefix(line, "Rule") {
		return strings.HasPrefix(test, "Test"+line)
	}
	for i, number := range lineNumbers.FindStringSubmatch(test) {
		if i > 0 && number == line {
			return true
		}
	}
	return false
}

// testNames are the tests and fuzz targets of this package.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	names := map[string]bool{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				names[f.Name.Name] = true
			}
		}
	}
	return names
}
