package middleware

import (
	"crypto/rand"
	"runtime/debug"
	"sync"
)

// build names what the running binary was made from: the revision of its source, if that was committed. Without one it is a
// name of this process's own, so that no other process reads its pages.
var build = sync.OnceValue(func() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		if revision := revisionOf(info); revision != "" {
			return revision
		}
	}
	return "process " + rand.Text()
})

// revisionOf is the revision a binary was built from, "" when it is not known or the source was changed since.
func revisionOf(info *debug.BuildInfo) (revision string) {
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			revision = s.Value
		case "vcs.modified":
			if s.Value != "false" {
				return ""
			}
		}
	}
	return revision
}
