package api

import "net/http"

// showCustomer answers GET /me. Customers are not cached; the page is, and knows what it was made from.
func (a *API) showCustomer(w http.ResponseWriter, r *http.Request) error {
	found, err := a.shop.Customer(r.Context(), customer(r))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, found)
}

// renameCustomer answers PATCH /me {"name": "Ada Byron"}.
func (a *API) renameCustomer(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Name string `json:"name"`
	}
	if err := decode(w, r, &in); err != nil {
		return err
	}
	var c checks
	c.require(isText(in.Name, 1, maxName), "name", "must have 1 to 200 characters")
	if err := c.err(); err != nil {
		return err
	}
	renamed, err := a.shop.RenameCustomer(r.Context(), customer(r), in.Name)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, renamed)
}
