//go:build !linux

package journal

import "os"

// datasync is what Go does for fsync: F_FULLFSYNC on macOS.
func datasync(f *os.File) error { return f.Sync() }
