#!/usr/bin/env bash
# The tour: `hoopfast demo` with what make was given in ARGS.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
exec .venv/bin/hoopfast demo "$@"
