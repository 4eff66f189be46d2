package store

import "errors"

// Errors a Store returns, mostly wrapped: test for them with errors.Is.
var (
	// ErrNotFound says that there is no live entry under the key. It is the ordinary miss and not a failure.
	ErrNotFound = errors.New("store: entry not found")

	// ErrTooLarge says that an entry was refused for its size. Trying again does not help; nothing was changed.
	ErrTooLarge = errors.New("store: entry too large")

	// ErrUnavailable says that the store cannot be used now: it is closed, or what it runs on cannot be reached.
	ErrUnavailable = errors.New("store: unavailable")
)
