#!/usr/bin/env bash
# The attacks of docs/soundness.md against a real PostgreSQL behind a real gateway.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
exec .venv/bin/python -m pytest -q tests/system/soundness "$@"
