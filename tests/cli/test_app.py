"""The list of verbs: each is there, says what it is for with examples, and is loaded only when asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hoopfast.cli.app import COMMANDS, as_written, described, load
from hoopfast.errors import ConfigError
from tests.cli.run import ROOT, hoopfast


def test_help_lists_every_verb() -> None:
    done = hoopfast("--help")
    assert done.returncode == 0, done.stderr
    for verb in COMMANDS:
        assert f"\n  {verb} " in done.stdout
    assert "Examples:" in done.stdout


@pytest.mark.parametrize("verb", COMMANDS)
def test_each_verb_is_there_and_has_examples(verb: str) -> None:
    done = hoopfast(verb, "--help")
    assert done.returncode == 0, done.stderr
    assert f"Usage: hoopfast {verb}" in done.stdout
    assert f"    hoopfast {verb}" in done.stdout
    assert callable(load(COMMANDS[verb]))


@pytest.mark.parametrize(("arguments", "status"), [((), 2), (("nothing-such",), 2), (("check", "--nope"), 2)])
def test_wrong_usage(arguments: tuple[str, ...], status: int) -> None:
    done = hoopfast(*arguments)
    assert done.returncode == status
    assert "Usage" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_errors_are_shown_without_a_traceback() -> None:
    done = hoopfast("token")
    assert done.returncode == 1
    assert done.stderr == "hoopfast: --key is missing: the issuer's private key\n--inspect looks into a token instead\n"
    assert described(ConfigError("a")) == "hoopfast: a"


def test_one_verb_does_not_load_the_others() -> None:
    code = "import sys, hoopfast.cli.app as a\ntry: a.main(['token'])\nexcept SystemExit: print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, timeout=30
    )
    modules = done.stdout.split()
    assert "hoopfast.cli.token" in modules
    for other in ("hoopfast.cli.serve", "hoopfast.cli.sandbox", "hoopfast.config", "uvloop", "cryptography", "pglast"):
        assert other not in modules


def test_examples_keep_their_lines() -> None:
    assert as_written("One\nsentence.\n\n  a   b\n  c\n") == "One sentence.\n\n\b\n  a   b\n  c"
