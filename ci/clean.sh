#!/usr/bin/env bash
# Removes what make built, .venv included; nothing that git knows.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
rm -rf .venv build dist ./*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks .demo bench/results
rm -f hoopfast/*/*.c hoopfast/*/*.html hoopfast/*/*.so
find . -name __pycache__ -type d -prune -exec rm -rf {} +
