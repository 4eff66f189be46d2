package middleware

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
)

// generateETag is a strong entity tag of what the client gets: the same on every instance and after a restart.
func generateETag(h http.Header, body []byte) string {
	sum := sha256.New()
	var b []byte
	b = appendLines(b, h["Content-Type"])
	b = appendLines(b, h["Content-Encoding"])
	_, _ = sum.Write(b) // a hash never fails
	_, _ = sum.Write(body)
	var digest [sha256.Size]byte
	return `"` + base64.RawURLEncoding.EncodeToString(sum.Sum(digest[:0])[:16]) + `"`
}

// acceptsCoding reports whether a request accepts a content coding other than identity. It does not allocate.
func acceptsCoding(lines []string) bool {
	for _, line := range lines {
		if strings.HasPrefix(line, "gzip,") || line == "gzip" {
			return true // most of them
		}
		for line != "" {
			var member string
			member, line, _ = strings.Cut(line, ",")
			coding, weight, _ := strings.Cut(member, ";")
			coding = strings.Trim(coding, " \t")
			if coding != "" && !strings.EqualFold(coding, "identity") && !zeroWeight(weight) {
				return true
			}
		}
	}
	return false
}

// zeroWeight reports whether the parameters of a member say q=0.
func zeroWeight(parameters string) bool {
	p := strings.Trim(parameters, " \t")
	if len(p) < 3 || p[0]|0x20 != 'q' || p[1] != '=' || p[2] != '0' {
		return false
	}
	return strings.Trim(p[3:], ".0 \t") == ""
}
