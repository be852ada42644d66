#!/usr/bin/env bash
# ruff, cython-lint, mypy --strict, stubtest on the extensions. Runs all of them, then fails if one failed.
# The layering, mirror and length rules are tests: tests/test_layering.py, tests/test_mirror.py.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
failed=()

check() {
    local name=$1
    shift
    say "lint: $name"
    "$@" || failed+=("$name")
}

extensions=()
for source in hoopfast/wire/*.pyx; do
    module=${source%.pyx}
    extensions+=("${module//\//.}")
done

check "ruff check" .venv/bin/ruff check --quiet .
check "ruff format" .venv/bin/ruff format --quiet --check .
check "cython-lint" .venv/bin/cython-lint hoopfast
check "mypy" .venv/bin/mypy
check "stubtest" .venv/bin/stubtest --ignore-missing-stub "${extensions[@]}"

[ ${#failed[@]} -eq 0 ] || die "failed: $(printf '%s, ' "${failed[@]}" | sed 's/, $//')"
say "lint: all clean"
