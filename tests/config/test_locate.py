"""The line of a key in a TOML text."""

from __future__ import annotations

from hoopfast.config.locate import line_of, lines_of

TEXT = """\
# a comment
[gateway]
listen = "127.0.0.1:1"   # why

[[database]]
name = "a"
[[database]]
"name" = "b"
port   = 5

[policy.nightly]
writes = "deny"
[[policy.nightly.mask]]
columns = [
  "public.a.b",
]
with = "redact"
[[policy.nightly.mask]]
with = "null"
[policy.nightly.approval]
required = 1
[policy."odd name"]
ddl = "deny"
"""


def test_lines() -> None:
    lines = lines_of(TEXT)
    assert lines[("gateway",)] == 2
    assert lines[("gateway", "listen")] == 3
    assert lines[("database", 0, "name")] == 6
    assert lines[("database", 1, "name")] == 8
    assert lines[("database", 1, "port")] == 9
    assert lines[("policy", "nightly", "writes")] == 12
    assert lines[("policy", "nightly", "mask", 0, "with")] == 17
    assert lines[("policy", "nightly", "mask", 1, "with")] == 19
    assert lines[("policy", "nightly", "approval", "required")] == 21
    assert lines[("policy", "odd name", "ddl")] == 23
    assert lines[("policy",)] == 11  # without a header of its own


def test_the_nearest_thing_around_it() -> None:
    lines = lines_of(TEXT)
    assert line_of(("policy", "nightly", "mask", 0, "columns", 0), lines) == 14
    assert line_of(("database", 0, "host"), lines) == 5
    assert line_of(("nowhere",), lines) is None
    assert line_of((), lines) is None
