"""What one configuration means to a worker: contexts, keys, databases, policies, ready to be used.

Built whole or not at all; a reload builds another one beside it. Sessions keep the one that they began with.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass

from hoopfast.auth.scram import ScramCache
from hoopfast.config import Config
from hoopfast.gateway import tls
from hoopfast.gateway.jwks import KeySource
from hoopfast.gateway.links import ReadBuffer
from hoopfast.gateway.upstream import Upstream
from hoopfast.session.boundary import Limits


@dataclass(slots=True)
class Settings:
    """One configuration, ready for use."""

    config: Config
    tls: ssl.SSLContext | None
    keys: KeySource
    upstreams: dict[str, Upstream]  # by the database's name
    limits: Limits

    @classmethod
    def build(cls, config: Config, buffer: ReadBuffer, cache: ScramCache) -> Settings:
        """Raises ConfigError when a file that the configuration names does not do."""
        high = config.tuning.write_high
        return cls(
            config=config,
            tls=tls.server_context(config),
            keys=KeySource(config.issuer),
            upstreams={database.name: Upstream(database, buffer, high, cache) for database in config.database},
            limits=Limits(max_message=config.gateway.max_message),
        )
