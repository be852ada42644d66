"""The masks' spellings, and what a wrong one is answered with."""

from __future__ import annotations

import pytest

from hoopfast.config.masks import COMING, KNOWN, MaskSpec, parse_derived, parse_mask


@pytest.mark.parametrize(
    ("text", "mask"),
    [
        ("redact", MaskSpec("redact")),
        (" null ", MaskSpec("null")),
        ("keep_last(4)", MaskSpec("keep_last", n=4)),
        ("keep_first ( 2 )", MaskSpec("keep_first", n=2)),
        ("constant(withheld)", MaskSpec("constant", text="withheld")),
        ("constant('')", MaskSpec("constant")),
        ('constant("it\'s (so)")', MaskSpec("constant", text="it's (so)")),
    ],
)
def test_masks(text: str, mask: MaskSpec) -> None:
    assert parse_mask(text) == mask
    assert parse_mask(str(mask)) == mask


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("keep_lst(4)", 'there is no mask "keep_lst", did you mean "keep_last"'),
        ("redcat", 'did you mean "redact"'),
        ("rot13", "known masks are redact, null, constant"),
        ("keep_last", "keep_last.* needs a number"),
        ("keep_last(0)", "needs a number"),
        ("keep_last(-1)", "needs a number"),
        ("keep_last(x)", "needs a number"),
        ("keep_last(99999)", "from 1 to 1000"),
        ("redact(4)", '"redact" takes no argument'),
        ("constant", '"constant" needs a text'),
        ("constant(" + "x" * 201 + ")", "at most 200 characters"),
        ("", "is not a mask"),
        (4, "is not a mask"),
        (None, "is not a mask"),
    ],
)
def test_what_is_no_mask(value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_mask(value)


@pytest.mark.parametrize("name", COMING)
def test_masks_that_are_to_come_are_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match=f'the mask "{name}" is not in this version'):
        parse_mask(name)
    assert name not in KNOWN


@pytest.mark.parametrize("text", ["keep_first(1)", "keep_last(4)"])
def test_soundness_57_derived_values_show_no_part(text: str) -> None:
    with pytest.raises(ValueError, match="would show a part of a derived value"):
        parse_derived(text)


@pytest.mark.parametrize("text", ["redact", "null", "constant(x)"])
def test_derived(text: str) -> None:
    assert parse_derived(text) == parse_mask(text)
