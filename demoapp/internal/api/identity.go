package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"
)

// tokenPrefix starts the bearer tokens of the demo: "demo-42" is customer 42. Anybody can make one: this stands where a
// real application checks a signature, a session or a password, and is for a demo alone.
const tokenPrefix = "demo-"

type customerKey struct{}

// identify lets only known customers pass, and puts who they are into the context. It stands outside the door that needs
// to tell customers apart.
func (a *API) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, ok := customerOfToken(r.Header.Get("Authorization"))
		if !ok {
			w.Header().Set("WWW-Authenticate", `Bearer realm="demo"`)
			newProblem(http.StatusUnauthorized, "say who you are: Authorization: Bearer "+tokenPrefix+"1 is customer 1").write(w)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), customerKey{}, id)))
	})
}

// customer is who sent the request. It is for handlers behind identify.
func customer(r *http.Request) int64 {
	id, _ := r.Context().Value(customerKey{}).(int64)
	return id
}

// identity is what tells one customer's pages from another's.
func identity(r *http.Request) string { return strconv.FormatInt(customer(r), 10) }

func customerOfToken(authorization string) (int64, bool) {
	scheme, token, _ := strings.Cut(authorization, " ")
	number, ok := strings.CutPrefix(token, tokenPrefix)
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return 0, false
	}
	id, err := strconv.ParseInt(number, 10, 64)
	return id, err == nil && id > 0
}
