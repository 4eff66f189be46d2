package journal

import (
	"errors"
	"os"
	"syscall"
)

// datasync is fdatasync(2).
func datasync(f *os.File) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	err = conn.Control(func(fd uintptr) {
		for {
			if result = syscall.Fdatasync(int(fd)); !errors.Is(result, syscall.EINTR) {
				return
			}
		}
	})
	if err == nil && result != nil {
		err = &os.PathError{Op: "fdatasync", Path: f.Name(), Err: result}
	}
	return err
}
