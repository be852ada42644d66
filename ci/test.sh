#!/usr/bin/env bash
# Every test but those marked slow. With arguments, just what they name: make test ARGS="tests/wire -x".
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
exec .venv/bin/python -m pytest -q -p ci.skips -rfE -m "not slow" -n 2 --dist loadfile "$@"
