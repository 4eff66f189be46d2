#!/usr/bin/env bash
# Checks the model of the protocol, docs/model/protocol.pml, with spin: every order of its steps keeps the promise, and
# without any one rule some order breaks it. About a minute on two cores.
#
#   INSTALL=0   name what is missing instead of installing it
#   JOBS=…      how many runs at once; default the number of processors, at most 4, for a run takes up to 2 GB
#   TRACES=1    also write the counterexamples to docs/model/traces, which coherence/trace_test.go replays
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

model="$PWD/docs/model"
traces="${TRACES:-0}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# The largest first, so that no processor waits at the end.
configurations=(INSTALLS UNKNOWN BULK COALESCING OUTSIDE)

# A rule, the configuration that misses it, and what it says.
rules=(
	'WRITER_CHECK INSTALLS an entry is served only if no word of its stamps has a writer'
	'STAMP_CHECK INSTALLS an entry is served only if every word still has the version of its stamp'
	'BEGIN_FIRST INSTALLS a writer is announced before the database may show the write'
	'PUBLISH_BUMP INSTALLS a publish moves the version of each of its words'
	'INSTALL_ALONE INSTALLS a value is installed only by the one writer its row had'
	'INSTALL_QUIET_TABLE OUTSIDE a value is installed only if no bulk write and no invalidation met it'
	'INSTALL_RETURNED UNKNOWN only a row that the statement changed and got back, and so has locked, is installed'
	'STAGE_NEVER_VALID INSTALLS a value staged before COMMIT carries a stamp that never validates'
	'COALESCE_STAMPS COALESCING a reader joins a read only under the same stamps'
	'COALESCE_QUIET COALESCING a reader joins no read while its tags have a writer'
	'UNKNOWN_STAYS UNKNOWN after a COMMIT without an answer the writer stays until the outcome is settled'
	'ALL_WORD OUTSIDE every set of stamps holds the word of everything'
)

install_missing() {
	local need=()
	command -v spin >/dev/null || need+=(spin)
	command -v gcc >/dev/null || need+=(gcc libc6-dev)
	[ ${#need[@]} -gt 0 ] || return 0
	local sudo=()
	[ "$(id -u)" -eq 0 ] || sudo=(sudo)
	if ! command -v apt-get >/dev/null; then
		if command -v brew >/dev/null; then
			echo "missing; install with: brew install spin gcc" >&2
		else
			echo "missing; install, by the names Debian has for them: ${need[*]} (spin is at https://spinroot.com, too)" >&2
		fi
		return 1
	fi
	if [ "${INSTALL:-1}" = 0 ] || { [ ${#sudo[@]} -gt 0 ] && ! command -v sudo >/dev/null; }; then
		echo "missing; install as root with: apt-get update && apt-get install --no-install-recommends ${need[*]}" >&2
		return 1
	fi
	echo "installing with apt-get: ${need[*]} (INSTALL=0 would only name them)"
	"${sudo[@]}" apt-get update || return 1
	"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${need[@]}"
}

# compile makes a verifier in a folder of its own: folder, flags of spin, flags of gcc.
compile() {
	mkdir -p "$1"
	cp "$model"/*.pml "$1"
	cd "$1"
	# shellcheck disable=SC2086 # lists of flags
	spin -a $2 protocol.pml || return 1
	# shellcheck disable=SC2086
	gcc -w -DSAFETY -DNOFAIR -DMEMLIM=4000 $3 -o pan pan.c
}

# stored is how many states a run has stored.
stored() { sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' pan.out | head -n 1; }

# check_whole wants no error in any order of the fine steps, and no state left out.
check_whole() (
	compile "$work/$1" "-D$1" -O2 || { echo "$1: cannot be compiled"; exit 1; }
	./pan -m100000 -w23 >pan.out 2>&1 || true
	if ! grep -q 'errors: 0' pan.out || grep -Eq 'max search depth too small|out of memory|Search not completed' pan.out; then
		cat pan.out
		[ ! -f protocol.pml.trail ] || ./pan -r -n 2>&1
		echo "$1: FAILED"
		exit 1
	fi
	printf '%-28s %10s states, no error\n' "$1" "$(stored)"
)

# check_rule wants a counterexample without the rule: the shortest, in whole calls of the engine.
check_rule() (
	read -r rule configuration sentence <<<"$1"
	compile "$work/$rule" "-D$configuration -DCOARSE -DNO_$rule" '-O1 -DBFS' || { echo "$rule: cannot be compiled"; exit 1; }
	./pan -E -w20 >pan.out 2>&1 || true
	if ! grep -q 'assertion violated' pan.out; then
		cat pan.out
		echo "without $rule: FAILED, no counterexample: nothing would miss the rule"
		exit 1
	fi
	./pan -r -n 2>&1 | sed -n 's/^ *@ //p' >trace
	printf 'without %-20s counterexample after %2d steps (%s states)\n' "$rule" "$(wc -l <trace)" "$(stored)"
	if [ "$traces" = 1 ]; then
		name="$(tr 'A-Z_' 'a-z-' <<<"$rule")"
		mkdir -p "$model/traces"
		{
			echo "# Left out: $sentence."
			echo "# The shortest run of docs/model/protocol.pml, configuration $configuration, without it; its last answer is wrong."
			cat trace
		} >"$model/traces/$name.txt"
	fi
)

install_missing
export work model traces
export -f compile stored check_whole check_rule
jobs="${JOBS:-$(nproc 2>/dev/null || echo 2)}"
[ "$jobs" -le 4 ] || jobs=4
start=$SECONDS
{
	printf 'check_whole\n%s\n' "${configurations[@]}"
	printf 'check_rule\n%s\n' "${rules[@]}"
} | tr '\n' '\0' | xargs -0 -n 2 -P "$jobs" bash -c '"$0" "$1"'
printf 'the model holds, and misses each of its %d rules: %d s\n' "${#rules[@]}" $((SECONDS - start))
