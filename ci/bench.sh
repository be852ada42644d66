#!/usr/bin/env bash
# The benchmarks end to end: `python -m bench` with what make was given in ARGS (--help lists the options). A run that leaves
# nothing out and hurries nothing writes docs/benchmarks.md.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
exec .venv/bin/python -m bench --document-if-whole docs/benchmarks.md "$@"
