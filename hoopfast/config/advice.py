"""What is probably not meant in a configuration that can be read: rules that let many in, parts that nothing uses.

Pure, warnings only; nothing here stops the gateway. Knows the well-known issuers whose tokens anybody can get.
"""

from __future__ import annotations

from collections.abc import Iterator

from hoopfast.config.problems import Finding
from hoopfast.config.schema import Access, Config

# Anybody can have a token of these: without one of the claims a rule admits strangers.
_PUBLIC_ISSUERS = {
    "https://token.actions.githubusercontent.com": (
        "repository",
        "repository_owner",
        "repository_id",
        "repository_owner_id",
    ),
    "https://gitlab.com": ("project_path", "project_id", "namespace_path", "namespace_id"),
}


def advice(config: Config) -> list[Finding]:
    """Warnings, in the order of the file's sections."""
    return [*_gateway(config), *_names(config), *_access(config), *_policies(config)]


def _gateway(config: Config) -> Iterator[Finding]:
    if config.gateway.client_ca is not None:
        yield _warning(
            "gateway.client_ca", "is set, but client certificates are not accepted as identities in this version"
        )
    if config.audit.sinks:
        yield _warning("audit.sinks", "are set, but this version writes to the directory only")


def _names(config: Config) -> Iterator[Finding]:
    used = {rule.database for rule in config.access}
    for database in config.database:
        if database.name not in used:
            yield _warning(f"database.{database.name}", "is not reached by any [[access]] rule")
        if database.tls == "require":
            yield _warning(
                f"database.{database.name}", 'tls = "require" encrypts, but does not check whom it speaks to'
            )
    if not config.access:
        yield _warning("access", "there is no [[access]] rule, so everybody is refused")
    issuers = {issuer.url for rule in config.access if (issuer := config.issuer_named(rule.issuer)) is not None}
    for issuer in config.issuer:
        if issuer.url not in issuers:
            yield _warning(f"issuer.{issuer.name}", "is not used by any [[access]] rule")


def _access(config: Config) -> Iterator[Finding]:
    for index, rule in enumerate(config.access):
        issuer = config.issuer_named(rule.issuer)
        pinned = _PUBLIC_ISSUERS.get(issuer.url.rstrip("/")) if issuer is not None else None
        if pinned is not None and not any(_narrow(rule, name) for name in pinned):
            yield _warning(f"access[{index}].claims", f"anybody can get such a token: pin {' or '.join(pinned[:2])}")
        elif all(pattern == "*" for patterns in rule.claims.values() for pattern in patterns):
            yield _warning(f"access[{index}].claims", "every token of this issuer matches")
        for earlier in config.access[:index]:
            if earlier.issuer == rule.issuer and earlier.claims == rule.claims and earlier.database == rule.database:
                yield _warning(
                    f"access[{index}]", "an earlier rule with the same claims and database decides before it"
                )
                break


def _narrow(rule: Access, claim: str) -> bool:
    patterns = rule.claims.get(claim, ())
    return bool(patterns) and all(pattern.strip("*?/") for pattern in patterns)


def _policies(config: Config) -> Iterator[Finding]:
    used = {rule.policy for rule in config.access}
    issuers = {issuer.name for issuer in config.issuer}
    for name, policy in config.policy.items():
        where = f"policy.{name}"
        if name not in used:
            yield _warning(where, "is not used by any [[access]] rule")
        if not policy.mask and policy.unlisted == "pass":
            yield _warning(where, "protects no column: it has no mask, and unlisted columns pass")
        if policy.approval is None and (
            "approve" in (policy.writes, policy.ddl) or any(rule.action == "approve" for rule in policy.rule)
        ):
            yield _warning(where, f"sends statements to approval, but nobody can give it: add [policy.{name}.approval]")
        for index, approver in enumerate(policy.approval.approvers if policy.approval else ()):
            if approver.issuer is not None and approver.issuer not in issuers:
                there = f'there is no [[issuer]] with name = "{approver.issuer}"'
                yield _warning(f"{where}.approval.approvers[{index}].issuer", there)


def _warning(where: str, message: str) -> Finding:
    return Finding("warning", where, message)
