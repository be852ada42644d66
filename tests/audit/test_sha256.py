"""SHA-256 and HMAC: every implementation that this machine can run, against the published vectors and hashlib."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hoopfast.audit.sha256 import HmacKey, implementations, select, sha256

# FIPS 180-2, appendix B, and the empty message.
VECTORS = {
    b"": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    b"abc": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq": (
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    b"a" * 1_000_000: "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
}
# RFC 4231, test cases 1, 2, 3, 6 and 7.
HMAC_VECTORS = [
    (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
    (b"\xaa" * 20, b"\xdd" * 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
    (
        b"\xaa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
    (
        b"\xaa" * 131,
        b"This is a test using a larger than block-size key and a larger than block-size data. "
        b"The key needs to be hashed before being used by the HMAC algorithm.",
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    ),
]

# Around the ends of blocks, where the padding changes.
lengths = st.integers(0, 5).flatmap(lambda blocks: st.integers(max(0, 64 * blocks - 10), 64 * blocks + 10))
messages = lengths.flatmap(lambda length: st.binary(min_size=length, max_size=length)) | st.binary(max_size=5000)
each = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(params=["sha_ni", "portable"], autouse=True)
def implementation(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each in turn."""
    name: str = request.param
    if name not in implementations():
        pytest.skip(f"this machine cannot run {name}")
    select(name)
    yield
    select(implementations()[0])


@pytest.mark.parametrize("message", VECTORS, ids=len)
def test_published_vectors(message: bytes) -> None:
    assert sha256(message).hex() == VECTORS[message]


@pytest.mark.parametrize(("key", "value", "digest"), HMAC_VECTORS)
def test_published_vectors_of_hmac(key: bytes, value: bytes, digest: str) -> None:
    assert HmacKey(key).digest(value).hex() == digest


def test_every_length_up_to_five_blocks() -> None:
    data = bytes(index * 7 % 256 for index in range(330))
    for length in range(len(data)):
        assert sha256(data[:length]) == hashlib.sha256(data[:length]).digest(), length


@each
@given(messages)
def test_it_is_what_hashlib_says(message: bytes) -> None:
    assert sha256(message) == hashlib.sha256(message).digest()


@each
@given(st.binary(max_size=200), messages)
def test_hmac_is_what_hmac_says(key: bytes, value: bytes) -> None:
    assert HmacKey(key).digest(value) == hmac.digest(key, value, "sha256")


def test_a_key_can_be_used_again_and_is_not_shown() -> None:
    key = HmacKey(b"secret")
    assert key.digest(b"x") == key.digest(b"x") != key.digest(b"y")
    assert "secret" not in repr(key)


def test_what_the_machine_cannot_run() -> None:
    with pytest.raises(ValueError, match="cannot run 'md5'"):
        select("md5")
    assert implementations()[-1] == "portable"
