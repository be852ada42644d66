#!/usr/bin/env bash
# Where each microsecond of a query goes: perf, callgrind and strace on the running gateway (ARGS=--document: into docs/).
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
exec .venv/bin/python -m bench.profile "$@"
