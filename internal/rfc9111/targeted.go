package rfc9111

import "github.com/dunglas/httpsfv"

// CDNCacheControl is the canonical name of the targeted field of RFC 9213
// section 3.
const CDNCacheControl = "Cdn-Cache-Control"

// ParseTargeted reads the lines of a targeted field (RFC 9213 section 2.1), a
// Dictionary of Structured Fields. ok is false when the field must be ignored:
// it is absent or empty, does not parse, or gives a known directive a value of
// the wrong type. Otherwise Cache-Control and Expires no longer count for this
// cache, even if none of the members is known.
func ParseTargeted(lines []string) (d ResponseDirectives, ok bool) {
	if len(lines) == 0 {
		return ResponseDirectives{}, false
	}
	dictionary, err := httpsfv.UnmarshalDictionary(lines)
	if err != nil {
		return ResponseDirectives{}, false
	}
	names := dictionary.Names()
	if len(names) == 0 {
		return ResponseDirectives{}, false
	}
	d.Targeted = true
	for _, name := range names {
		member, _ := dictionary.Get(name)
		if !d.applyTargeted(name, member) {
			return ResponseDirectives{}, false
		}
	}
	return d, true
}

// applyTargeted records one dictionary member and reports whether its type is
// the one that the directive takes. Parameters are ignored.
func (d *ResponseDirectives) applyTargeted(name string, member httpsfv.Member) bool {
	switch name {
	case "no-store":
		return setFlag(&d.NoStore, member)
	case "no-cache":
		return setQualified(&d.NoCache, member)
	case "private":
		return setQualified(&d.Private, member)
	case "public":
		return setFlag(&d.Public, member)
	case "must-revalidate":
		return setFlag(&d.MustRevalidate, member)
	case "proxy-revalidate":
		return setFlag(&d.ProxyRevalidate, member)
	case "must-understand":
		return setFlag(&d.MustUnderstand, member)
	case "no-transform":
		return setFlag(&d.NoTransform, member)
	case "immutable":
		return setFlag(&d.Immutable, member)
	case "max-age":
		return setSeconds(&d.MaxAge, member)
	case "s-maxage":
		return setSeconds(&d.SMaxAge, member)
	case "stale-while-revalidate":
		return setSeconds(&d.StaleWhileRevalidate, member)
	case "stale-if-error":
		return setSeconds(&d.StaleIfError, member)
	}
	return true
}

// setFlag reads a directive without argument: a Boolean.
func setFlag(flag *bool, member httpsfv.Member) bool {
	item, ok := member.(httpsfv.Item)
	if !ok {
		return false
	}
	*flag, ok = item.Value.(bool)
	return ok
}

// setQualified reads a directive whose argument may name fields: a Boolean, or
// whatever lists the names, which is read as the unqualified form.
func setQualified(flag *bool, member httpsfv.Member) bool {
	if setFlag(flag, member) {
		return true
	}
	*flag = true
	return true
}

// setSeconds reads a directive that takes delta-seconds: an Integer, of which
// a negative one is stale at once.
func setSeconds(delta *Delta, member httpsfv.Member) bool {
	item, ok := member.(httpsfv.Item)
	if !ok {
		return false
	}
	seconds, ok := item.Value.(int64)
	if !ok {
		return false
	}
	*delta = Delta{Duration: saturate(seconds), Set: true}
	return true
}
