# The commands of this project; each is also a line one can type. "make help" lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PGSERVE = go run ./internal/testkit/cmd/pgserve
# The library's commands see the library's own go.mod, not the workspace.
alone = GOWORK=off

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## run the demo's tour, then its dashboard until interrupted (without a terminal: the tour only)
	go run ./demoapp -tour -serve

.PHONY: demo-postgres
demo-postgres: ## the same on a private PostgreSQL, started from the programs installed here and gone at the end
	@journal="$$(mktemp -d)"; trap 'rm -rf "$$journal"' EXIT; \
	CACHEWRIGHT_MARIADB=skip $(PGSERVE) bash -c 'exec go run ./demoapp -tour -serve -dsn "$$CACHEWRIGHT_TEST_DSN" -journal "$$0"' "$$journal"

.PHONY: test
test: ## everything a change must pass; installs PostgreSQL and MariaDB if they are missing (INSTALL=0: only says so)
	.ci/test.sh

.PHONY: test-short
test-short: ## half a minute: the library's tests on SQLite, without the race detector and the slow ones
	$(alone) CACHEWRIGHT_POSTGRES=skip CACHEWRIGHT_MARIADB=skip go test -short -count=1 ./...

.PHONY: test-long
test-long: ## the same as test, five times over, two million calls in histories, a soak of the demo, and ten minutes of fuzzing
	COUNT=5 SOAK_SECONDS=60 HISTORY_CALLS=2000000 FUZZ_SECONDS=600 TEST_TIMEOUT=120m .ci/test.sh

.PHONY: bench
bench: ## a table of what the cache costs and saves, with ratios (ROUNDS=5 BENCHTIME=200ms: under a minute)
	cd bench && $(alone) go test -run '^TestTable$$' -count=1 -timeout 60m -benchtime $(or $(BENCHTIME),200ms) -args -rounds=$(or $(ROUNDS),5)

.PHONY: model
model: ## check the protocol's model in every order of its steps, with spin (installs it like make test)
	.ci/spin.sh

.PHONY: lint
lint: ## golangci-lint; the first run builds it, which takes minutes
	$(alone) go tool -modfile=.ci/lint.mod golangci-lint run ./...

.PHONY: fmt
fmt: ## format all Go files
	$(alone) go tool -modfile=.ci/tools.mod gofumpt -w .
