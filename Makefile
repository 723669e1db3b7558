# `make` lists the targets. Everything they need beyond Rust, Python and a C compiler goes into .local/.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help up down test properties simulation prove soak interop check check-code check-template advisories bench package smoke cost screenshot

# Every build uses --workspace, because the selection determines the features of dependencies: another one would build them again.
CISTERN = cargo build --quiet --workspace --bin cistern && $${CARGO_TARGET_DIR:-target}/debug/cistern
CARGO_DENY_VERSION := 0.20.2
CARGO_DENY := .local/tools/cargo-deny-$(CARGO_DENY_VERSION)
STACK ?= cistern
SEEDS ?= 1 2 3
SCHEDULES ?= 2000
SEED ?= 1
ARCH ?= $(subst aarch64,arm64,$(shell uname -m))
BENCH ?= cold erase forwarder history lake loader local-query query rebuild replay senders
SAM := .local/tools/sam/bin/sam

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## Start everything on this machine; a running stack is redeployed
	$(CISTERN) up

down: ## Stop what `make up` started
	$(CISTERN) down

test: ## Run every test, on separate stacks, check the functions' calls against their roles, and prove that nothing is lost
	.ci/test

properties: ## Try the crates' properties with other and more cases than `make test` does
	cargo test --workspace --no-run
	PROPTEST_CASES=$${PROPTEST_CASES:-4096} $(CISTERN) exec --data-dir .local/test --fresh -- cargo test --workspace --exclude e2e

simulation: ## Run SCHEDULES schedules of functions that fail anywhere, with models of AWS, from the seed SEED on
	cargo test --workspace --no-run
	CISTERN_SIMULATION_SCHEDULES=$(SCHEDULES) CISTERN_SIMULATION_SEED=$(SEED) \
		cargo test --workspace --test it schedules:: -- --nocapture

# As many events as in a busy hour; each seed is another plan.
prove: ## Prove that nothing is lost or doubled: 450,000 events, 400 faults, 120 kills, for each of SEEDS
	for seed in $(SEEDS); do \
		$(CISTERN) prove --data-dir .local/prove --seed $$seed --rate 1500 --email-events 200000 --app-events 50000 \
			--product-events 200000 --faults 400 --kills 120 --timeout 60 --receipt .local/prove-$$seed.json; \
	done

soak: ## Query the lake for ten minutes while days are compacted and compactors are killed
	cargo test --workspace --no-run
	$(CISTERN) exec --data-dir .local/test --fresh -- env CISTERN_SOAK_SECONDS=600 \
		cargo test --workspace --test it queries:: -- --nocapture

interop: ## Compare what all readers find in the lake's files; includes Spark if Java is installed
	python3 -m venv .local/tools/readers
	.local/tools/readers/bin/pip install --quiet --requirement e2e/clients/readers/requirements.txt
	CISTERN_INTEROP_PYTHON=.local/tools/readers/bin/python CISTERN_INTEROP_EVENTS=50000 \
		cargo test --workspace --test it interop::readers_of -- --nocapture

check: ## Check format, lints, documentation, dependencies, SQL and the template
	$(MAKE) --no-print-directory --jobs 2 --output-sync=target check-code check-template
	$(CISTERN) exec --data-dir .local/test --fresh -- .ci/check-sqlx

check-code: $(CARGO_DENY)
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings
	RUSTDOCFLAGS='--deny warnings' cargo doc --workspace --no-deps
	.ci/check-docs --self-test
	.ci/check-docs --code
	.ci/glue-tables --check
	.ci/test-bugs --check
	$(CARGO_DENY)/bin/cargo-deny check --allow unused-wrapper bans licenses sources

# Beside the compiler, because these take one processor for minutes.
check-template: $(SAM)
	SAM_CLI_TELEMETRY=0 $(SAM) validate --lint --region us-east-1
	.ci/test-template
	.local/tools/sam/bin/python .ci/test-package
	.local/tools/sam/bin/python .ci/test-smoke
	.ci/check-template

# Not part of check, because it needs the advisory database, an external git repository that changes every day.
advisories: $(CARGO_DENY) ## Check dependencies for known vulnerabilities (RustSec)
	$(CARGO_DENY)/bin/cargo-deny check advisories

bench: ## Run the benchmarks on a separate stack: all, or BENCH=loader
	.ci/test-tools
	cargo build --profile bench --package bench
	for group in $(BENCH); do \
		$(CISTERN) exec --data-dir .local/bench --fresh -- cargo run --quiet --profile bench --package bench -- $$group; \
	done

cost: ## Write docs/cost.md from the price list, and print the published month
	$(CISTERN) cost --markdown > docs/cost.md.unfinished
	mv docs/cost.md.unfinished docs/cost.md
	$(CISTERN) cost

screenshot: ## Make README.md's picture of the console
	.ci/test-tools
	$(CISTERN) exec --data-dir .local/screenshot --fresh -- env CISTERN_DATA_DIR=.local/screenshot .ci/screenshot

package: ## Build a folder to deploy from, for this machine's architecture or ARCH="arm64 x86_64"
	.ci/package $(ARCH)

smoke: $(SAM) ## Check a deployed stack from outside: STACK=cistern, more with FULL=1, as JSON with JSON=1
	.local/tools/sam/bin/python .ci/smoke $(STACK) $(if $(FULL),--full) $(if $(JSON),--json)

$(SAM): crates/tools/cistern/python/sam.txt
	$(CISTERN) tools
	touch $@

# A debug build takes a minute to build and checks this workspace in seconds.
$(CARGO_DENY):
	cargo install --quiet --locked --debug --root $@.unfinished cargo-deny@$(CARGO_DENY_VERSION)
	mv $@.unfinished $@
