package api

import (
	_ "embed" // the description is part of the binary
	"net/http"
)

//go:embed openapi.json
var description []byte

// describe answers GET /openapi.json: the API as OpenAPI 3.1.
func (a *API) describe(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(description) // a client that has gone is no error of ours
	return nil
}
