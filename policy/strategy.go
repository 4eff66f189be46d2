package policy

import "strconv"

// Strategy is the way in which writes and reads of a model meet the cache. The zero value is Off.
type Strategy uint8

const (
	// Off keeps the model out of the cache. Its writes still count for pages made from it.
	Off Strategy = iota
	// Aside fills the cache on a read and invalidates on a write. It is the safe choice.
	Aside
	// WriteThrough puts what the database stored into the cache when the transaction commits.
	WriteThrough
	// WriteBack acknowledges a write before the database has it, and flushes it soon after.
	WriteBack
)

// String is the word of the tag grammar, or "Strategy(n)" for a value that is none of the constants.
func (s Strategy) String() string {
	return wordOf("Strategy", uint8(s), "off", "aside", "writethrough", "writeback")
}

// valid reports whether s is one of the constants.
func (s Strategy) valid() bool { return s <= WriteBack }

// strategies are in the order in which messages name them.
func strategies() []Strategy { return []Strategy{Aside, WriteThrough, WriteBack, Off} }

// strategyWords are the words that a tag may start with.
func strategyWords() []string {
	all := strategies()
	words := make([]string, len(all))
	for i, s := range all {
		words[i] = s.String()
	}
	return words
}

// strategyOf is the strategy of a word.
func strategyOf(word string) (Strategy, bool) {
	for _, s := range strategies() {
		if s.String() == word {
			return s, true
		}
	}
	return Off, false
}

// wordOf is the word at place v, or the type's name and the number when there is none.
func wordOf(typeName string, v uint8, words ...string) string {
	if int(v) < len(words) {
		return words[v]
	}
	return typeName + "(" + strconv.Itoa(int(v)) + ")"
}
