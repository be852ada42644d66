"""The documents are true where a program can tell: links lead somewhere, and the configuration that they show loads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hoopfast import config
from hoopfast.sandbox.certificate import write_self_signed

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])

LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)(?:#[^)]*)?\)")
BLOCK = re.compile(r"^```toml\n(.*?)^```$", re.DOTALL | re.MULTILINE)

# What the README's fragments leave out.
REST = """
[[database]]
name = "clinic"
host = "127.0.0.1"
user = "etl"
tls  = "off"

[policy.nightly]
writes = "deny"
"""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    missing = [
        target for target in LINK.findall(page.read_text(encoding="utf-8")) if not (page.parent / target).exists()
    ]
    assert not missing


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files that configurations refer to."""
    write_self_signed(tmp_path / "server.crt", tmp_path / "server.key")
    (tmp_path / "audit.key").write_bytes(bytes(32))
    (tmp_path / "audit.key").chmod(0o600)
    return tmp_path


@pytest.mark.parametrize("number", range(2))
def test_the_fragments_in_the_readme_load(folder: Path, number: int) -> None:
    blocks = BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(blocks) == 2
    file = folder / "hoopfast.toml"
    file.write_text(blocks[number] + REST)
    loaded = config.load(file)
    assert loaded.access[0].database == "clinic"
    assert loaded.issuer[0].session == 8 * 3600


def test_the_reference_loads(folder: Path) -> None:
    file = folder / "hoopfast.toml"
    file.write_text((ROOT / "docs" / "reference.toml").read_text(encoding="utf-8"))
    assert config.load(file).policy["nightly"].mask[0].derived is not None
