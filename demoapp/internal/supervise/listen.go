package supervise

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
)

// Greet is the child's first word: where it serves.
func Greet(out io.Writer, url string) error {
	if err := json.NewEncoder(out).Encode(Hello{URL: url}); err != nil {
		return fmt.Errorf("tell the address: %w", err)
	}
	return nil
}

// Listen hands the commands of the parent to f until there are no more: then the child is to stop. A line that is no command
// is left out.
func Listen(in io.Reader, f func(Command)) {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var c Command
		if json.Unmarshal(lines.Bytes(), &c) == nil {
			f(c)
		}
	}
}
