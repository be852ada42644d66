# One verb each; every verb is a script in ci/. ARGS is handed on: `make demo ARGS=--once`, `make test ARGS="tests/wire -k framer"`.
# The stamps in .venv/ make the second run cost nothing: dependencies follow pyproject.toml and constraints.txt, extensions their sources.

.DEFAULT_GOAL := help
.PHONY: help setup system-packages demo test test-all lint bench profile corpus debug clean

ARGS ?=
PYTHON ?=
export PYTHON

EXTENSION_SOURCES := setup.py $(wildcard hoopfast/*.pxd hoopfast/*/*.pyx hoopfast/*/*.pxd hoopfast/wire/protocol.py)

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## setup            build .venv and the C extensions (never calls apt)
setup: .venv/.extensions
	@:

.venv/.dependencies: pyproject.toml constraints.txt ci/setup.sh
	@ci/setup.sh dependencies

.venv/.extensions: .venv/.dependencies $(EXTENSION_SOURCES)
	@ci/setup.sh extensions

## system-packages  install what tests and bench want from Debian: PostgreSQL 15, pgbouncer, haproxy, valgrind, …
system-packages:
	@ci/system-packages.sh

## demo             the tour: a clinic, its nightly job, and hoopfast between them (ARGS=--once: end after the tour)
demo: setup
	@ci/demo.sh $(ARGS)

## test             the tests, in less than ten minutes
test: setup
	@ci/test.sh $(ARGS)

## test-all         every test, the slow ones and all drivers included
test-all: setup
	@ci/test-all.sh $(ARGS)

## lint             ruff, cython-lint, mypy, stubtest
lint: setup
	@ci/lint.sh

## bench            latency, CPU and throughput beside direct, pgbouncer, haproxy and a bare relay; writes docs/benchmarks.md (ARGS=--quick: no)
bench: setup
	@ci/bench.sh $(ARGS)

## profile          where each microsecond of a query goes: perf, callgrind, strace (ARGS=--document: docs/where-the-time-goes.md)
profile: setup
	@ci/profile.sh $(ARGS)

## corpus           the attacks of docs/soundness.md, each as a test
corpus: setup
	@ci/corpus.sh $(ARGS)

## debug            build the extensions with assertions and line tracing, and run the tests that touch them
debug: .venv/.dependencies
	@ci/debug.sh $(ARGS)

## clean            remove what was built; .venv too
clean:
	@ci/clean.sh
