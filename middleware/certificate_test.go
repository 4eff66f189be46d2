package middleware_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
)

// withCertificate makes the request come from a client that proved to be name.
func withCertificate(r *http.Request, name string) *http.Request {
	r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Raw: []byte(name)}}}
	return r
}
