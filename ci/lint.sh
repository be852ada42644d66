#!/usr/bin/env bash
# ruff, cython-lint, mypy --strict, stubtest on the extensions. Runs all of them, then fails if one failed.
# The layering, mirror and length rules are tests: tests/test_layering.py, tests/test_mirror.py.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
export PATH="$PWD/.venv/bin:$PATH"  # cython-lint starts pycodestyle by its name
failed=()

check() {
    local name=$1
    shift
    say "lint: $name"
    "$@" || failed+=("$name")
}

extensions=()
for source in hoopfast/*/*.pyx; do
    module=${source%.pyx}
    extensions+=("${module//\//.}")
done

check "ruff check" ruff check --quiet .
check "ruff format" ruff format --quiet --check .
check "cython-lint" cython-lint hoopfast
check "mypy" mypy
check "stubtest" stubtest --ignore-missing-stub "${extensions[@]}"

[ ${#failed[@]} -eq 0 ] || die "failed: $(printf '%s, ' "${failed[@]}" | sed 's/, $//')"
say "lint: all clean"
