package journal

import (
	"os"
	"syscall"
)

// The numbers of linux/magic.h.
const (
	tmpfsMagic = 0x01021994
	ramfsMagic = 0x858458f6
)

// inMemory reports whether a folder is on tmpfs or ramfs. Layers above one, such as an overlay, are not seen through.
func inMemory(dir string) (bool, error) {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(dir, &stat); err != nil {
		return false, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	kind := uint32(stat.Type) // signed on some architectures, 64 bits on others
	return kind == tmpfsMagic || kind == ramfsMagic, nil
}
