package policy

import (
	"reflect"
	"strings"
)

// malformed reports whether a struct tag without a readable cache key was meant to have one: the key is there, behind
// or in text that is not of the form key:"value". To the reflect package such a tag is absent, and a field that should
// be hidden would be stored.
func malformed(tag reflect.StructTag) bool {
	rest := string(tag)
	for {
		key, after, ok := cutPair(rest)
		if !ok {
			return namesCache(rest)
		}
		if namesCache(key + ":") { // the value cannot be unquoted, or a comma before the key counts as part of it
			return true
		}
		rest = after
	}
}

// cutPair cuts one key:"value" off a struct tag, as the reflect package does: spaces only between pairs, and the value
// is not looked into.
func cutPair(tag string) (key, rest string, ok bool) {
	key, value, ok := strings.Cut(strings.TrimLeft(tag, " "), `:"`)
	if !ok || key == "" || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r == ':' || r == '"' || r == 0x7f }) {
		return "", "", false
	}
	for i := 0; i < len(value); i++ {
		switch value[i] {
		case '\\':
			i++
		case '"':
			return key, value[i+1:], true
		}
	}
	return "", "", false
}

// namesCache reports whether text has the key cache, and not just a longer word ending in it.
func namesCache(text string) bool {
	for {
		i := strings.Index(text, "cache:")
		if i < 0 {
			return false
		}
		if i == 0 || !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.", rune(text[i-1])) {
			return true
		}
		text = text[i+1:]
	}
}
