#!/usr/bin/env bash
# Everything that must hold before a change is taken, the cheap checks first. It stops at the first step that fails.
#
#   INSTALL=0         name what is missing instead of installing it
#   COUNT=1           how often each test runs
#   FUZZ_SECONDS=50   how long all fuzz targets together look for new inputs; 0 leaves them out
#   SOAK_SECONDS=0    how long the demo is kept under full load; 0 leaves it out
#   HISTORY_CALLS=100000  how many calls clients make whose history is checked for an order
#   TEST_TIMEOUT=15m  how long the tests of one package may take
#
# CACHEWRIGHT_TEST_DSN (a PostgreSQL server to use), CACHEWRIGHT_TEST_MARIADB_DSN (a MariaDB server), CACHEWRIGHT_POSTGRES=skip
# and CACHEWRIGHT_MARIADB=skip are for the tests, and hold here too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Each module is checked as its users get it: the workspace is for running the demo.
export GOWORK=off
export GOFLAGS="${GOFLAGS:-} -buildvcs=false"

count="${COUNT:-1}"
fuzz_seconds="${FUZZ_SECONDS:-50}"
soak_seconds="${SOAK_SECONDS:-0}"
history_calls="${HISTORY_CALLS:-100000}"
test_timeout="${TEST_TIMEOUT:-15m}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# step runs one check and says how long it took. Inside it, bash does not stop at errors by itself: the functions below
# return them.
step() {
	local name="$1" start=$SECONDS
	shift
	printf '\n== %s\n' "$name"
	"$@" || { printf '== %s: FAILED after %d s\n' "$name" $((SECONDS - start)) >&2; exit 1; }
	printf '== %s: %d s\n' "$name" $((SECONDS - start))
}

# each_module runs a command in every module's folder that has Go files by now.
each_module() {
	local module
	for module in . demoapp bench; do
		if [ ! -f "$module/go.mod" ]; then
			echo "$module has no go.mod: left out"
		elif [ -n "$(find "$module" -name '*.go' -print -quit)" ]; then
			echo "-- $module"
			(cd "$module" && "$@") || return 1
		fi
	done
}

have_postgres() {
	[ -n "${CACHEWRIGHT_TEST_DSN:-}" ] || [ "${CACHEWRIGHT_POSTGRES:-}" = skip ] || command -v postgres >/dev/null ||
		compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || compgen -G '/usr/pgsql-*/bin/postgres' >/dev/null ||
		compgen -G '/opt/homebrew/opt/postgresql@*/bin/postgres' >/dev/null ||
		compgen -G '/usr/local/opt/postgresql@*/bin/postgres' >/dev/null
}

# The server's programs are all it takes: the tests start a server of their own, and no service of the system is relied on.
have_mariadb() {
	[ -n "${CACHEWRIGHT_TEST_MARIADB_DSN:-}" ] || [ "${CACHEWRIGHT_MARIADB:-}" = skip ] || command -v mariadbd >/dev/null ||
		compgen -G '/usr/sbin/mariadbd' >/dev/null || compgen -G '/usr/libexec/mariadbd' >/dev/null ||
		compgen -G '/opt/homebrew/opt/mariadb/bin/mariadbd' >/dev/null || compgen -G '/usr/local/opt/mariadb/bin/mariadbd' >/dev/null
}

# The demo's pages are looked at in a browser; CACHEWRIGHT_BROWSER=skip leaves that out.
have_browser() {
	[ "${CACHEWRIGHT_BROWSER:-}" = skip ] || command -v chromium >/dev/null || command -v chromium-browser >/dev/null ||
		command -v google-chrome >/dev/null || command -v chrome-headless-shell >/dev/null
}

have_c_compiler() { command -v "${CC:-gcc}" >/dev/null || command -v cc >/dev/null || command -v clang >/dev/null; }

install_missing() {
	command -v go >/dev/null || { echo 'Go is missing: https://go.dev/dl/' >&2; return 1; }
	local apt=() dnf=() brew=()
	have_postgres || { apt+=(postgresql); dnf+=(postgresql-server); brew+=(postgresql); }
	have_mariadb || { apt+=(mariadb-server); dnf+=(mariadb-server); brew+=(mariadb); }
	have_browser || { apt+=(chromium); dnf+=(chromium-headless); brew+=(chromium); }
	# The race detector is linked by a C compiler.
	have_c_compiler || { apt+=(gcc libc6-dev); dnf+=(gcc); brew+=(llvm); }
	if [ ${#apt[@]} -eq 0 ]; then
		echo 'nothing is missing'
		return
	fi
	local sudo=()
	[ "$(id -u)" -eq 0 ] || sudo=(sudo)
	if ! command -v apt-get >/dev/null; then
		if command -v dnf >/dev/null; then
			echo "missing; install with: ${sudo[*]} dnf install ${dnf[*]}" >&2
		elif command -v brew >/dev/null; then
			echo "missing; install with: brew install ${brew[*]}" >&2
		else
			echo "missing; install, by the names Debian has for them: ${apt[*]}" >&2
		fi
		return 1
	fi
	if [ "${INSTALL:-1}" = 0 ] || { [ ${#sudo[@]} -gt 0 ] && ! command -v sudo >/dev/null; }; then
		echo "missing; install as root with: apt-get update && apt-get install --no-install-recommends ${apt[*]}" >&2
		return 1
	fi
	echo "installing with apt-get: ${apt[*]} (INSTALL=0 would only name them)"
	"${sudo[@]}" apt-get update || return 1
	"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${apt[@]}"
}

check_format() {
	local unformatted
	unformatted="$("$gofumpt" -l .)" || return 1
	[ -z "$unformatted" ] || { printf 'run "make fmt" for:\n%s\n' "$unformatted" >&2; return 1; }
}

# with_servers runs a command with one PostgreSQL and one MariaDB server for all of its test processes.
with_servers() { "$work/pgserve" "$@"; }

race_tests() { with_servers go test -race -shuffle=on -count="$count" -timeout "$test_timeout" ./...; }

# histories are those of clients that read and write hot rows at full speed; a short one is among the tests with the race
# detector. The log has the seed and how many calls of each kind there were.
histories() {
	CACHEWRIGHT_HISTORY_CALLS="$history_calls" with_servers go test -v -count=1 -timeout "$test_timeout" ./internal/history
}

# The demo and the benchmarks run the library as an application would, at an application's speed.
other_tests() {
	local module
	for module in demoapp bench; do
		echo "-- $module"
		(cd "$module" && CACHEWRIGHT_BROWSER="${CACHEWRIGHT_BROWSER:-need}" with_servers go test -shuffle=on -count="$count" -timeout "$test_timeout" ./...) || return 1
	done
}

# soak keeps the demo under full load.
soak() {
	if [ "$soak_seconds" -eq 0 ]; then
		echo 'SOAK_SECONDS=0: left out'
		return
	fi
	(cd demoapp && CACHEWRIGHT_SOAK_SECONDS="$soak_seconds" with_servers go test -v -count=1 -run 'Soak' -timeout "$test_timeout" ./internal/app)
}

# fuzz_smoke gives each fuzz target of the library its share of the time; of up to a minute, no more than ten seconds.
fuzz_smoke() {
	local targets=() line file name share
	while IFS= read -r line; do targets+=("$line"); done < <(
		grep -rHo --include='*_test.go' --exclude-dir=demoapp --exclude-dir=bench '^func Fuzz[A-Za-z0-9_]*' . | sort)
	if [ ${#targets[@]} -eq 0 ] || [ "$fuzz_seconds" -eq 0 ]; then
		echo 'no fuzz target to run'
		return
	fi
	share=$((fuzz_seconds / ${#targets[@]}))
	[ "$share" -ge 1 ] || share=1
	[ "$fuzz_seconds" -gt 60 ] || [ "$share" -le 10 ] || share=10
	for line in "${targets[@]}"; do
		file="${line%%:*}" name="${line##*func }"
		echo "-- $name, $share s"
		go test -run '^$' -fuzz "^$name\$" -fuzztime "${share}s" "$(dirname "$file")" || return 1
	done
}

build_tools() {
	gofumpt="$(go tool -modfile=.ci/tools.mod -n gofumpt)" || return 1
	staticcheck="$(go tool -modfile=.ci/tools.mod -n staticcheck)" || return 1
	go build -o "$work/pgserve" ./internal/testkit/cmd/pgserve
}

step 'install what is missing' install_missing
step 'build the tools' build_tools
step 'format' check_format
step 'go.mod and go.sum are tidy' each_module go mod tidy -diff
step 'floors' go test -count=1 -run 'Floor|Violation|Walk' .
step 'the model, in every order' .ci/spin.sh
step 'go vet' each_module go vet ./...
step 'staticcheck' each_module "$staticcheck" ./...
step 'tests, with the race detector' race_tests
step 'histories, checked for an order' histories
step 'tests of the demo and the benchmarks' other_tests
step 'soak of the demo' soak
step 'fuzz smoke' fuzz_smoke
printf '\n== all steps passed in %d s\n' "$SECONDS"
