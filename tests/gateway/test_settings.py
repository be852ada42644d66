"""Tests of hoopfast/gateway/settings.py: a configuration made ready, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from hoopfast import config
from hoopfast.auth.scram import ScramCache
from hoopfast.errors import ConfigError
from hoopfast.gateway.links import ReadBuffer
from hoopfast.gateway.settings import Settings
from tests.gateway.running import Place


def built(place: Place) -> Settings:
    return Settings.build(config.load(place.file), ReadBuffer(65536), ScramCache())


def test_everything_is_there(tmp_path: Path) -> None:
    place = Place(tmp_path, None)
    place.write(gateway={"max_message": "1MiB"})
    settings = built(place)
    assert list(settings.upstreams) == ["db"]
    assert settings.tls is None
    assert settings.limits.max_message == 1 << 20


def test_one_wrong_file_is_enough(tmp_path: Path) -> None:
    place = Place(tmp_path, None)
    place.tables["database"][0] |= {"tls": "verify-ca", "tls_ca": "missing.crt"}
    place.write()
    with pytest.raises(ConfigError, match="tls_ca"):
        built(place)
