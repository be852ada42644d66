#!/usr/bin/env bash
# Builds the extensions with HOOPFAST_DEBUG=1 (assertions, line tracing, annotated HTML) and runs the tests that touch them.
# The next verb that needs the ordinary build makes it again, because the stamp is gone.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
rm -f .venv/.extensions
export HOOPFAST_DEBUG=1
.venv/bin/python setup.py --quiet build_ext --inplace --force
.venv/bin/python -m pytest -q tests/wire tests/session tests/audit tests/gateway/test_links.py "$@"
say "annotated sources: build/debug/**/*.html; make setup builds the ordinary extensions again"
