# make help lists what there is.
#
# Everything runs on a machine with Go, a C compiler, git and make. The scripts install what else they need: PostgreSQL, Tesseract
# and Python for the tests (as root, on Debian), golangci-lint into .bin.

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
STEWARD  = .bin/steward

# The version is passed in; asking git again fails in checkouts of another user, as CI machines have them.
export GOFLAGS := $(strip $(GOFLAGS) -buildvcs=false)

# Packages in which goroutines share state: tested again with the race detector.
RACE = ./internal/disk ./internal/blob ./internal/files ./internal/jobs/... ./internal/webhooks ./internal/store/sqlite/... ./internal/store/postgres/...

# Begins a recipe whose tests need a PostgreSQL: the one that the variable names, or one of our own.
WITH_POSTGRES = set -e; \
	STEWARD_TEST_POSTGRES_URL=$${STEWARD_TEST_POSTGRES_URL:-$$(scripts/postgres.sh start)}; \
	export STEWARD_TEST_POSTGRES_URL;

.DEFAULT_GOAL = help
.PHONY: help demo run build test test-llm eval eval-llm race cover lint fmt generate bench compare crash upgrade fixture netfaults load disk security pgfaults failpoints fuzz conformance clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build ## read a PDF invoice in a temporary folder and show the answer with its evidence
	@$(STEWARD) demo

run: build ## serve from the default data folder until Ctrl-C; make run ARGS="--listen :9000" passes flags
	@$(STEWARD) serve $(ARGS)

# Nothing here may change how packages are compiled (-trimpath, -gcflags): tests and programs share the build cache.
build: ## build the program into .bin/steward
	@mkdir -p .bin
	$(GO) build -ldflags "-s -w -X main.version=$(VERSION)" -o $(STEWARD) ./cmd/steward

# The modules of the benchmarks are only looked over; make bench and make compare run them. Temporal's, which take minutes to compile, are
# looked over by make compare.
test: ## run all tests, on SQLite and PostgreSQL, then those of RACE with the race detector
	@scripts/ocr.sh
	@scripts/strace.sh
	@$(WITH_POSTGRES) \
	export STEWARD_CRASH_ROUNDS=$${STEWARD_CRASH_ROUNDS:-50}; \
	set -x; \
	$(GO) test ./...; \
	$(GO) test -race $(RACE); \
	$(GO) test -tags failpoints ./internal/failpoint; \
	$(GO) -C testdata/corpus/gen test .; \
	$(GO) -C bench vet ./...; \
	$(GO) -C bench/riverpg vet .; \
	for module in wire river dbos restate; do $(GO) -C bench/compare/$$module vet .; done; \
	$(GO) -C bench/compare/wire test .; \
	$(GO) -C bench test ./compare; \
	scripts/conformance.sh

race: ## run all tests with the race detector
	@$(WITH_POSTGRES) \
	export STEWARD_CRASH_ROUNDS=$${STEWARD_CRASH_ROUNDS:-50}; \
	$(GO) test -race ./...

cover: ## write coverage.out and print the total
	@$(WITH_POSTGRES) \
	$(GO) test -coverpkg=./... -coverprofile=coverage.out ./...
	@$(GO) tool cover -func=coverage.out | tail -n 1

lint: ## check style and the floors of the house
	@scripts/lint.sh

fmt: ## format the code
	@scripts/lint.sh fmt

generate: ## make the labelled documents, the demo's invoice and the test PDFs again; the same bytes come out
	cd testdata/corpus/gen && $(GO) run . -out ..

# Only JSON goes to standard output, one object a line.
bench: ## measure; make bench ONLY=jobs.nostep.sqlite,http.status.sqlite picks
	@$(GO) -C bench run . $(if $(ONLY),-only $(ONLY)) $(ARGS)

# Only JSON goes to standard output, one object a line; the tables go to standard error. The first time it takes some minutes more, to compile
# Temporal's server, and it needs npm, to install Restate's.
compare: ## run the same job on Steward, River, DBOS, Temporal and Restate; ONLY=steward,river SECONDS=4 REPEATS=3
	@$(GO) -C bench run ./compare $(if $(ONLY),-only $(ONLY)) $(if $(SECONDS),-seconds $(SECONDS)) $(if $(REPEATS),-repeats $(REPEATS)) $(ARGS)

# Small models whose answers are often wrong: what is tested is that shape, marks and failures are right all the same.
test-llm: ## run the extraction tests against real small language models on this machine; MODELS="gemma smollm2" picks
	@for model in $(or $(MODELS),smollm2 gemma); do \
		STEWARD_TEST_LLM_URL=$$(scripts/llm.sh start $$model) STEWARD_TEST_LLM_MODEL=$$model \
		$(GO) test -count=1 -v -timeout 60m -tags llm -run RealModel ./internal/e2e || exit 1; \
	done; scripts/llm.sh stop

eval: ## measure builtin and every configured model on labelled documents, print a table; ARGS="-per-kind 0 -models builtin"
	@$(GO) run ./tools/eval $(ARGS)

# The same with the small models of test-llm beside builtin, on short documents: it takes a while.
eval-llm: ## make eval with the small language models of test-llm
	@for model in $(or $(MODELS),smollm2 gemma); do \
		STEWARD_MODEL_BASE_URL=$$(scripts/llm.sh start $$model) STEWARD_MODEL=$$model $(GO) run ./tools/eval -per-kind 1 -max-output-tokens 800 -timeout 4m $(ARGS) || exit 1; \
	done; scripts/llm.sh stop

# Its standard output is one JSON line.
crash: ## kill the server at random under load, check that nothing is lost or done twice; ROUNDS=50 SEED=1 DATABASE=sqlite|postgres
	@$(if $(filter postgres,$(DATABASE)),$(WITH_POSTGRES)) \
	$(GO) run ./internal/crashtest/crash -rounds $(or $(ROUNDS),50) -seed $(or $(SEED),1) -database $(or $(DATABASE),sqlite) $(ARGS)

# Its standard output is one JSON line for each scenario.
load: ## put the server under load: pollers, uploads, million, soak, slow, overload; ONLY=pollers,soak DURATION=1h SCALE=1 SEED=1 DATABASE=sqlite|postgres
	@$(if $(filter postgres,$(DATABASE)),$(WITH_POSTGRES)) \
	$(GO) run ./internal/loadtest/load $(if $(ONLY),-only $(ONLY)) $(if $(DURATION),-duration $(DURATION)) -scale $(or $(SCALE),1) -seed $(or $(SEED),1) \
		-database $(or $(DATABASE),sqlite) $(ARGS)

# Its standard output is one JSON line.
failpoints: ## kill the server at each of its failpoints, check as crash does; DATABASE=sqlite|postgres ONLY=blob. SEED=1
	@$(if $(filter postgres,$(DATABASE)),$(WITH_POSTGRES)) \
	$(GO) run ./internal/crashtest/sweep -seed $(or $(SEED),1) -only "$(ONLY)" -database $(or $(DATABASE),sqlite) $(ARGS)

# Its standard output is one JSON line a scenario, and one for all. ONLY=? lists them.
pgfaults: ## let PostgreSQL and the network to it fail under two API and two worker processes, check as crash does; ONLY=worker_cut SEED=1
	@$(WITH_POSTGRES) \
	$(GO) run ./internal/crashtest/pgfaults -seed $(or $(SEED),1) -only "$(ONLY)" $(ARGS)

# Its standard output is one JSON line. Without a network the vulnerabilities cannot be looked up: the line says so, and VULN=required fails.
security: ## rerun the security sweep and the scanners (gosec, govulncheck); ONLY=keys|requests|names|bombs|addresses|secrets|tls, VULN=required
	@scripts/ocr.sh
	@$(GO) run ./tools/security $(if $(ONLY),-only $(ONLY)) $(if $(VULN),-vuln $(VULN)) $(ARGS)

# Its standard output is one JSON line. What it finds goes into testdata/fuzz and is tested from then on.
fuzz: ## run every fuzz test of the tree, one after another; FUZZTIME=60s for each, FUZZ=regexp of package and name
	@FUZZTIME="$(or $(FUZZTIME),60s)" FUZZ="$(FUZZ)" GO="$(GO)" scripts/fuzz.sh

# Its standard output is one JSON line a scenario, and one for all. It takes Linux, strace, and root or user namespaces.
disk: ## fill the disk, let it fail, tamper with its files under a working server, check as crash does; ONLY=full,sync_log SEED=1
	@scripts/strace.sh
	@$(GO) run ./internal/crashtest/diskfaults -seed $(or $(SEED),1) $(if $(ONLY),-only $(ONLY)) $(ARGS)

# Its standard output is one JSON line for each fixture.
upgrade: ## go on with what earlier versions left behind, killed on the way; SEED=1 EARLY=10 WORKING=5 ONLY=sqlite
	@$(WITH_POSTGRES) \
	$(GO) run ./internal/crashtest/upgrade/check -seed $(or $(SEED),1) -early $(or $(EARLY),10) -working $(or $(WORKING),5) -only "$(ONLY)" $(ARGS)

# Each release adds one.
fixture: ## keep what this version leaves behind when it is killed, for the tests of later ones; NAME=0.1.0
	@$(WITH_POSTGRES) \
	$(GO) run ./internal/crashtest/upgrade/fixture -name "$(NAME)" $(ARGS)

# Its standard output is one JSON line for each scenario and one for all of them.
netfaults: ## make the network bad between the server and providers, receivers of webhooks and hosts of inputs; ONLY="provider: slow"
	@$(GO) run ./internal/crashtest/netfaults/run $(if $(ONLY),-only "$(ONLY)") $(ARGS)

# Only official releases of the client, from PyPI, as they are. Needs Python 3.
conformance: ## drive the server with the official Python client, and hold it against its OpenAPI document; LONG=1 for more
	@scripts/conformance.sh

clean: ## remove what was built and what tests left, the test database included
	@scripts/postgres.sh stop || true
	rm -rf .bin .test coverage.out
