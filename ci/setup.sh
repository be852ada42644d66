#!/usr/bin/env bash
# Builds .venv (ci/setup.sh dependencies) and the Cython extensions in place (ci/setup.sh extensions). Never calls apt.
# The Makefile decides by the stamps .venv/.dependencies and .venv/.extensions whether there is anything to do.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

supported='import sys; raise SystemExit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'

find_python() {
    local candidate
    if [ -n "${PYTHON:-}" ]; then
        "$PYTHON" -c "$supported" 2>/dev/null || die "PYTHON=$PYTHON is not a Python 3.11, 3.12 or 3.13."
        printf '%s' "$PYTHON"
        return
    fi
    for candidate in python3.11 python3.12 python3.13 python3 /usr/bin/python3; do
        if command -v "$candidate" >/dev/null && "$candidate" -c "$supported" 2>/dev/null; then
            printf '%s' "$candidate"
            return
        fi
    done
    die "no Python 3.11, 3.12 or 3.13 found on the PATH. Install one (Debian 12: apt install python3 python3-venv python3-dev), or name it: make setup PYTHON=/path/to/python3.11"
}

make_venv() {
    local python header
    python=$(find_python)
    command -v "${CC:-cc}" >/dev/null || die "no C compiler found, and the extensions need one (Debian: apt install gcc)."
    header=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include") + "/Python.h")')
    [ -f "$header" ] || die "$header is missing: Python's C headers are needed for the extensions (Debian: apt install python3-dev)."
    "$python" -c 'import venv, ensurepip' 2>/dev/null ||
        die "this Python ($python) cannot make virtual environments with pip (Debian: apt install python3-venv)."
    say "making .venv with $("$python" --version)"
    "$python" -m venv .venv || die "'$python -m venv .venv' failed (Debian: apt install python3-venv)."
}

pip_install() {
    local pip=(.venv/bin/python -m pip --disable-pip-version-check --quiet install --constraint constraints.txt)
    if ! "${pip[@]}" "$@" >>.venv/pip.log 2>&1; then
        tail -n 30 .venv/pip.log >&2
        die "pip could not install what is needed; its last words are above, all of them in .venv/pip.log."
    fi
}

install_dependencies() {
    if [ ! -x .venv/bin/python ] || ! .venv/bin/python -c "$supported" 2>/dev/null; then
        make_venv
    fi
    # Setuptools and Cython come first and serve the build directly, so that what builds the extensions is pinned too.
    say "installing the pinned dependencies (about a minute the first time)"
    : >.venv/pip.log
    pip_install setuptools cython
    HOOPFAST_DEBUG='' pip_install --no-build-isolation --editable '.[control,demo,dev]'
    touch .venv/.dependencies
}

build_extensions() {
    local log=.venv/build.log
    say "building the extensions"
    if ! HOOPFAST_DEBUG='' .venv/bin/python setup.py --quiet build_ext --inplace >"$log" 2>&1; then
        cat "$log" >&2
        die "the extensions did not build; the compiler's words are above and in $log."
    fi
    touch .venv/.extensions
}

case "${1:-}" in
    dependencies) install_dependencies ;;
    extensions) build_extensions ;;
    *) die "usage: ci/setup.sh dependencies|extensions (or simply: make setup)" ;;
esac
