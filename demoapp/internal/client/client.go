// Package client asks an HTTP service and reads JSON answers.
package client

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// mostAnswer is how many bytes of an answer are read.
const mostAnswer = 4 << 20

// Do sends the request and returns the status of the answer. The body of a 200 is read into a value, unless that is nil; that of any
// other answer is read to its end, so that the connection can be used again, and dropped. Any answer at all is no error.
func Do(c *http.Client, r *http.Request, into any) (status int, _ error) {
	response, err := c.Do(r)
	if err != nil {
		return 0, fmt.Errorf("ask the service: %w", err)
	}
	defer func() { _ = response.Body.Close() }() // it is read to its end
	text, err := io.ReadAll(io.LimitReader(response.Body, mostAnswer))
	if err != nil {
		return 0, fmt.Errorf("read what the service answers: %w", err)
	}
	if into != nil && response.StatusCode == http.StatusOK {
		if err := json.Unmarshal(text, into); err != nil {
			return 0, fmt.Errorf("read what the service answers: %w", err)
		}
	}
	return response.StatusCode, nil
}
