#!/usr/bin/env bash
# The benchmarks end to end: `python -m bench` with what make was given in ARGS (--help lists the options).
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
exec .venv/bin/python -m bench "$@"
