package cachewright_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// block returns the text of the first fenced block of the kind in the README.
func block(t *testing.T, kind string) string {
	t.Helper()
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(readme), "\n```"+kind+"\n")
	require.True(t, ok, "README.md has no %s block", kind)
	text, _, ok := strings.Cut(rest, "\n```\n")
	require.True(t, ok, "the %s block has no end", kind)
	return text + "\n"
}

// TestTheQuickStartWorksAsPrinted builds the README's program, runs it on a free port, sends the README's requests, and
// compares what comes back with what the README says.
func TestTheQuickStartWorksAsPrinted(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	program := block(t, "go")
	require.Contains(t, program, "127.0.0.1:8080")
	folder := t.TempDir()
	source := filepath.Join(folder, "main.go")
	require.NoError(t, os.WriteFile(source, []byte(strings.ReplaceAll(program, "127.0.0.1:8080", address)), 0o600))
	binary := filepath.Join(folder, "quickstart")
	output, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, source).CombinedOutput()
	require.NoError(t, err, "%s", output)

	var logged bytes.Buffer
	run := exec.CommandContext(t.Context(), binary)
	run.Dir, run.Stdout, run.Stderr = folder, &logged, &logged
	require.NoError(t, run.Start())
	t.Cleanup(func() { _ = run.Process.Kill(); _ = run.Wait() })
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}, 10*time.Second, 5*time.Millisecond, "%s", &logged)

	asked := 0
	for _, part := range strings.Split("\n"+block(t, "console"), "\n$ ")[1:] {
		command, want, _ := strings.Cut(part, "\n")
		require.Equal(t, strings.TrimSpace(want), strings.TrimSpace(answer(t, command, address)), command)
		asked++
	}
	require.Equal(t, 4, asked)
}

// answer does what the README's curl command does and returns the lines its grep keeps.
func answer(t *testing.T, command, address string) string {
	t.Helper()
	curl := regexp.MustCompile(`^curl -s(i?)(?: -X ([A-Z]+))? localhost:8080(\S+)(?: \| grep -E '([^']+)')?$`).FindStringSubmatch(command)
	require.NotNil(t, curl, "a command this test does not know: %s", command)
	method := http.MethodGet
	if curl[2] != "" {
		method = curl[2]
	}
	request, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+curl[3], http.NoBody)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	var head bytes.Buffer
	if curl[1] == "i" {
		require.NoError(t, response.Header.Write(&head))
	}
	var kept []string
	for line := range strings.Lines(head.String() + string(body)) {
		if line = strings.TrimRight(line, "\r\n"); curl[4] == "" || regexp.MustCompile(curl[4]).MatchString(line) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}
