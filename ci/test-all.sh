#!/usr/bin/env bash
# Every test, the slow ones included. What is skipped for want of system packages is listed at the end.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
exec .venv/bin/python -m pytest -q -p ci.skips -rfE -n 2 --dist loadfile "$@"
