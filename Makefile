# `make` lists the targets. Everything they need beyond Rust, Python and a C compiler goes into .local/.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help up down test soak interop check advisories bench package smoke cost

# Every build uses --workspace, because the selection determines the features of dependencies: another one would build them again.
CISTERN = cargo build --quiet --workspace --bin cistern && $${CARGO_TARGET_DIR:-target}/debug/cistern
CARGO_DENY_VERSION := 0.20.2
CARGO_DENY := .local/tools/cargo-deny-$(CARGO_DENY_VERSION)
STACK ?= cistern
ARCH ?= $(subst aarch64,arm64,$(shell uname -m))
BENCH ?= cold forwarder history lake loader query
SAM := .local/tools/sam/bin/sam
# Runs a command, records the calls of the functions meanwhile and compares them with their roles.
RIGHTS := .local/tools/clients/rights/bin/python e2e/rights

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## Start everything on this machine; a running stack is redeployed
	$(CISTERN) up

down: ## Stop what `make up` started
	$(CISTERN) down

test: ## Run every test, on a separate stack, and check its functions' calls against their roles
	mkdir -p .local
	.ci/test-tools
	cargo test --workspace --no-run
	$(CISTERN) exec --data-dir .local/test --fresh -- $(RIGHTS)/watch.py cargo test --workspace --no-fail-fast 2>&1 \
		| tee .local/test.log || status=$$?; .ci/count-tests .local/test.log; .ci/check-private .local/test; exit $${status:-0}

soak: ## Query the lake for ten minutes while days are compacted and compactors are killed
	cargo test --workspace --no-run
	$(CISTERN) exec --data-dir .local/test --fresh -- env CISTERN_SOAK_SECONDS=600 \
		cargo test --workspace --test it queries:: -- --nocapture

interop: ## Compare what all readers find in the lake's files; includes Spark if Java is installed
	python3 -m venv .local/tools/readers
	.local/tools/readers/bin/pip install --quiet --requirement e2e/clients/readers/requirements.txt
	CISTERN_INTEROP_PYTHON=.local/tools/readers/bin/python CISTERN_INTEROP_EVENTS=50000 \
		cargo test --workspace --test it interop::readers_of -- --nocapture

check: $(SAM) $(CARGO_DENY) ## Check format, lints, documentation, dependencies, SQL and the template
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings
	RUSTDOCFLAGS='--deny warnings' cargo doc --workspace --no-deps
	.ci/check-docs --self-test
	.ci/check-docs
	$(CARGO_DENY)/bin/cargo-deny check --allow unused-wrapper bans licenses sources
	SAM_CLI_TELEMETRY=0 $(SAM) validate --lint --region us-east-1
	.ci/test-template
	.local/tools/sam/bin/python .ci/test-package
	.local/tools/sam/bin/python .ci/test-smoke
	.ci/check-template
	$(CISTERN) exec --data-dir .local/test --fresh -- .ci/check-sqlx

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
