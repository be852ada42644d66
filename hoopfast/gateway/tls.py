"""TLS contexts, for the listener and for the links to the databases. TLS 1.2 at least, everywhere.

The only code that makes an SSLContext. `verify-full` checks chain and host name, `verify-ca` the chain, `require`
neither (as libpq's sslmode of these names). Knows no connection.
"""

from __future__ import annotations

import ssl

from hoopfast.config import Config, Database
from hoopfast.errors import ConfigError


def server_context(config: Config) -> ssl.SSLContext | None:
    """The listener's context; None with tls = "off". ConfigError names the file that does not do."""
    gateway = config.gateway
    if gateway.tls == "off":
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["postgresql"])
    # Clients that come again resume, in TLS 1.3 and 1.2: the keys of their tickets live as long as this context, in one
    # worker. A token is asked for all the same. One ticket for each handshake is enough.
    context.num_tickets = 1
    for key, path in (("tls_cert", gateway.tls_cert), ("tls_key", gateway.tls_key)):
        try:
            with path.open("rb"):
                pass
        except OSError as error:
            hint = '`hoopfast init` makes a self-signed one; on loopback tls = "off" does without.'
            raise ConfigError(f"[gateway] {key}: {path}: {error.strerror}", hint=hint) from None
    try:
        context.load_cert_chain(gateway.tls_cert, gateway.tls_key, password=_no_password)
    except (ssl.SSLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or "not a certificate and its unencrypted private key in PEM form"
        raise ConfigError(f"[gateway] tls_cert, tls_key: {gateway.tls_cert}, {gateway.tls_key}: {reason}") from None
    return context


def client_context(database: Database) -> ssl.SSLContext | None:
    """The context for links to a database; None with tls = "off"."""
    if database.tls == "off":
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["postgresql"])
    if database.tls == "require":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    context.check_hostname = database.tls == "verify-full"
    if database.tls_ca is None:
        context.load_default_certs()
        return context
    try:
        context.load_verify_locations(database.tls_ca)
    except (ssl.SSLError, OSError) as error:
        reason = error.strerror if not isinstance(error, ssl.SSLError) else "no certificates in PEM form"
        raise ConfigError(f"[[database]] {database.name}: tls_ca: {database.tls_ca}: {reason}") from None
    return context


def _no_password() -> str:
    raise ValueError("the private key is encrypted")
