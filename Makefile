# Every verb a developer, a technician or CI needs. Plain `make` lists them.
# Bounds for the long ones are arguments: make sim SEED=7 ROUNDS=1000, make demo ORDERS=orders.csv.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
SEED ?=
ROUNDS ?=
EXAMPLES ?=
EACH ?=
REQUESTS ?=
POINTS ?=
HOURS ?=
ORDERS ?=
ARCH ?=
KEY ?=
SUITE ?=
ADVISORIES ?= $(STOREHUB_ADVISORIES)
ARGS ?=

BIN := .venv/bin
READY := .venv/.ready
# The quick set: seconds to a minute, no root, no browser.
QUICK := not slow and not netns and not browser and not fuzz and not powercut
# A process for each core, whole files to each: the modules' own set-ups are made once.
PARALLEL ?= -n auto --dist loadfile
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--only-binary :all: --no-emit-index-url --no-header $(if $(UPGRADE),--upgrade)
# The oldest glibc tags that a 64-bit Debian 12 or Raspberry Pi OS accepts.
ARM64 := --platform manylinux2014_aarch64 --platform manylinux_2_17_aarch64 --platform manylinux_2_28_aarch64 \
	--implementation cp --python-version 3.11 --abi cp311 --abi abi3 --abi none

.PHONY: help
help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Set up and run

.PHONY: setup
setup: $(READY) ## make .venv with the locked dependencies and storehub itself

$(READY): requirements/dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "storehub needs Python 3.11 or newer: $(PYTHON) is $$($(PYTHON) -V 2>&1 || true). Name another with make setup PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments. On Debian: apt-get install python3-venv, then make setup again." >&2; exit 1; }
	@echo "setting up .venv (about a minute on a new machine)"
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary=:all: -r requirements/dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	@touch $@

.PHONY: demo
demo: $(READY) ## the main job on real orders: outage, kill -9, replay, reconciliation (ORDERS=file)
	@$(BIN)/storehub demo $(if $(ORDERS),--orders "$(ORDERS)") $(ARGS)

.PHONY: run
run: $(READY) ## the demo, and then the console stays open (ORDERS=file)
	@$(BIN)/storehub demo --stay $(if $(ORDERS),--orders "$(ORDERS)") $(ARGS)

# Work on the code

.PHONY: fmt
fmt: $(READY) ## format the code and sort its imports
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format --quiet .

.PHONY: lint
lint: $(READY) ## ruff: rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

.PHONY: types
types: $(READY) ## mypy, strict
	@$(BIN)/mypy

.PHONY: imports
imports: $(READY) ## import rules: inwards only, a pure domain, two separate ends
	@$(BIN)/lint-imports

.PHONY: test
test: $(READY) ## set up and run the quick tests (ARGS=pytest arguments)
	@$(BIN)/pytest -q $(PARALLEL) -m "$(QUICK)" $(ARGS)

.PHONY: test-all
test-all: $(READY) ## every test that this machine can run
	@$(BIN)/pytest -q $(ARGS)

.PHONY: audit
audit: $(READY) ## compare the locked dependencies with known advisories (ADVISORIES=folder or zip of OSV files)
	@$(BIN)/python .ci/audit.py $(if $(ADVISORIES),--advisories "$(ADVISORIES)") --allow requirements/advisories.txt requirements/*.lock

.PHONY: units
units: ## systemd-analyze: the units are right and hardened
	@deploy/check-units.sh

.PHONY: check
check: ## exactly what CI runs
	@.ci/run

# Prove it

.PHONY: sim
sim: $(READY) ## seeded simulation of store, hub and cloud (SEED= ROUNDS=)
	@$(BIN)/python -m tests.simulation $(if $(SEED),--seed $(SEED)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(ARGS)

.PHONY: machine
machine: $(READY) ## the whole store as one state machine, the twelve invariants after each step (SEED= ROUNDS=)
	@$(BIN)/python -m tests.whole $(if $(SEED),--seed $(SEED)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(ARGS)

.PHONY: clocks
clocks: $(READY) ## wrong clocks: boots in 1970 and 2099, steps, late truth; days must add up (SEED= ROUNDS=)
	@$(BIN)/python -m tests.clocks $(if $(SEED),--seed $(SEED)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(ARGS)

.PHONY: crash
crash: $(READY) ## kill -9, no memory, SIGSTOP, a hung loop under load, then count (SEED= ROUNDS=)
	@$(BIN)/python -m tests.crash $(if $(SEED),--seed $(SEED)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(ARGS)

.PHONY: wan
wan: $(READY) ## trouble with the line to the cloud: outages, bad weather, login pages (SEED= ROUNDS=)
	@$(BIN)/python -m tests.wan $(if $(SEED),--seed $(SEED)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(ARGS)

.PHONY: cloudfaults
cloudfaults: $(READY) ## a cloud that answers wrongly, late, not at all, or asks for patience (SEED= ROUNDS=)
	@$(BIN)/python -m tests.wan --row F8 $(if $(SEED),--seed $(SEED)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(ARGS)

.PHONY: crowd
crowd: $(READY) ## fifty devices that repeat, reorder, alter and hang up; then count (SEED= REQUESTS=)
	@$(BIN)/python -m tests.crowd $(if $(SEED),--seed $(SEED)) $(if $(REQUESTS),--requests $(REQUESTS)) $(ARGS)

.PHONY: finding
finding: $(READY) ## a handheld finds its hub on a LAN in trouble, and never another (root, namespaces; SEED= ROUNDS=)
	@$(BIN)/python -m tests.discovery $(if $(SEED),--seed $(SEED)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(ARGS)
.PHONY: soak
soak: $(READY) ## days of sales on one hub, with mixed faults: memory, open files, bytes written (HOURS= SEED=)
	@$(BIN)/python -m tests.soak $(if $(SEED),--seed $(SEED)) $(if $(HOURS),--rounds $(HOURS)) $(ARGS)

.PHONY: failover
failover: $(READY) ## kill the primary at a dinner for good, promote the standby, count (ROUNDS= SEED=)
	@$(BIN)/python -m tests.failover $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: powercut
powercut: $(READY) ## cut the power of a file system under load, then count (root, FUSE; SEED= ROUNDS=)
	@$(BIN)/python -m tests.powercut $(if $(SEED),--seed $(SEED)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(ARGS)

.PHONY: ext4cut
ext4cut: $(READY) ## the same on a real ext4, with fsck after each cut (root, loop devices; SEED= ROUNDS=)
	@$(BIN)/python -m tests.powercut --ext4 $(if $(SEED),--seed $(SEED)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(ARGS)

.PHONY: damage
damage: $(READY) ## damage a store's files, start it, sell, count (SEED= ROUNDS=)
	@$(BIN)/python -m tests.damage $(if $(SEED),--seed $(SEED)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(ARGS)

.PHONY: booted
booted: $(READY) ## the package on a booted bare Debian: crash, update, upkeep, remove (root, nspawn; SUITE=trixie SEED= ROUNDS=cuts)
	@$(BIN)/python -m tests.install.booted $(if $(SUITE),--suite $(SUITE)) $(if $(SEED),--seed $(SEED)) \
		$(if $(ROUNDS),--cuts $(ROUNDS)) $(ARGS)

.PHONY: update-cuts
update-cuts: $(READY) ## cut the power at every step of an update, then look for one version that runs
	@UPDATE_CUTS=all $(BIN)/pytest -q -s tests/install/test_update.py -k power_cut $(ARGS)

.PHONY: record-devices
record-devices: $(READY) ## record what devices of this version ask, for the versions after it to answer
	@$(BIN)/python -m tests.integration.recording \
		"tests/integration/earlier/$$($(BIN)/python -c 'from importlib.metadata import version; print(version("storehub"))').json"

.PHONY: diskfaults
diskfaults: $(READY) ## full, read-only, failing and slow disks (root, FUSE; SEED= ROUNDS=, or POINTS= exact changes)
	@$(BIN)/python -m tests.diskfaults $(if $(SEED),--seed $(SEED)) $(if $(POINTS),--points --rounds $(POINTS),$(if $(ROUNDS),--rounds $(ROUNDS))) $(ARGS)

.PHONY: fuzz
fuzz: $(READY) ## schemathesis over the OpenAPI document (SEED= EXAMPLES= for each operation and role)
	@$(if $(SEED),FUZZ_SEED=$(SEED)) $(if $(EXAMPLES),FUZZ_EXAMPLES=$(EXAMPLES)) $(BIN)/pytest -q tests/fuzz $(ARGS)

.PHONY: hostile
hostile: $(READY) ## malformed, oversized, slow and rude clients beside honest ones (EACH=seconds an attack, SEED=)
	@$(if $(EACH),$(BIN)/python -m tests.hostile --seconds $(EACH) $(if $(SEED),--seed $(SEED)),$(BIN)/pytest -q tests/hostile) $(ARGS)

.PHONY: bench
bench: $(READY) ## speed, memory and wear beside their baselines, as ratios
	@$(BIN)/python -m bench.run $(ARGS)

# Ship it

.PHONY: package
package: $(READY) ## build the wheel and the source archive into dist/
	@$(BIN)/hatchling build -t wheel -t sdist

.PHONY: deb
deb: $(READY) ## the Debian package with everything in it, into dist/ (ARCH=amd64 or arm64)
	@deploy/build-deb.sh $(if $(ARCH),--arch $(ARCH)) $(ARGS)

.PHONY: bundle
bundle: $(READY) ## what `storehub update` takes, as one file, into dist/ (ARCH=amd64 or arm64, KEY=file that signs it)
	@deploy/build-bundle.sh $(if $(ARCH),--arch $(ARCH)) $(if $(KEY),--sign "$(KEY)") $(ARGS)

.PHONY: update-key
update-key: $(READY) ## a new key to sign bundles with, and KEY.pub for the boxes (KEY=file, outside of the project)
	@$(BIN)/python -m hub.update.signing new "$(KEY)"

.PHONY: fleet
fleet: $(READY) ## the Ansible role and the image recipe on booted bare Debians (root, debootstrap, nspawn, ansible)
	@$(BIN)/python -m tests.install.fleet $(ARGS)

.PHONY: arm64
arm64: $(READY) ## the arm64 package on an emulated bare Debian: install, start, order (root, qemu-user-static)
	@$(BIN)/python -m tests.install.arm64 $(ARGS)

.PHONY: install
install: ## install or update the service on this Debian-like machine (root; DESTDIR= to stage)
	@deploy/install.sh $(ARGS)

.PHONY: uninstall
uninstall: ## remove the service, keep what it recorded (root; ARGS=--purge removes that too)
	@deploy/uninstall.sh $(ARGS)

.PHONY: deploy
deploy: $(READY) ## install or update the box HOST=user@box over ssh
	@deploy/deploy.sh "$(HOST)" $(ARGS)

.PHONY: lock
lock: $(READY) ## write requirements/*.lock again from pyproject.toml (UPGRADE=1 takes newer versions)
	@$(COMPILE) pyproject.toml -o requirements/runtime.lock
	@$(COMPILE) pyproject.toml --extra postgresql -c requirements/runtime.lock -o requirements/postgresql.lock
	@$(COMPILE) pyproject.toml --extra postgresql --group dev -c requirements/postgresql.lock -o requirements/dev.lock
	@$(COMPILE) --group pyproject.toml:build -c requirements/dev.lock -o requirements/build.lock
	@$(COMPILE) --group pyproject.toml:installer -c requirements/dev.lock -o requirements/pip.lock

.PHONY: wheels-arm64
wheels-arm64: $(READY) ## every locked dependency has a wheel for arm64 (downloads them)
	@dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; \
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
		$(ARM64) -r requirements/dev.lock -d "$$dir"; \
	echo "$$(ls "$$dir" | wc -l) wheels install on arm64, $$(du -sh "$$dir" | cut -f1) in all"

.PHONY: clean
clean: ## remove what was built or cached, and .venv
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
