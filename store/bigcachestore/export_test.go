package bigcachestore

// hashFunc is a hash chosen by a test.
type hashFunc func(key string) uint64

func (f hashFunc) Sum64(key string) uint64 { return nonZero(f(key)) }

// NewWithHash is New with a hash chosen by a test.
func NewWithHash(memoryBytes int64, hash func(key string) uint64) (*Store, error) {
	return newStore(memoryBytes, hashFunc(hash))
}
