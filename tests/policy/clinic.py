"""What the tests of policy/ share: a catalog read from a real server, a policy, and short ways to ask for decisions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg

from hoopfast.config.schema import PolicyConfig
from hoopfast.policy.catalog import QUERIES, Catalog, Relation
from hoopfast.policy.classify import Classifier
from hoopfast.policy.compiled import Compiled
from hoopfast.policy.drafts import Draft
from hoopfast.policy.engine import PolicyEngine, SessionPolicy
from hoopfast.policy.expressions import Context
from hoopfast.policy.model import Environment, ResultColumn, Statement
from hoopfast.policy.names import Names
from hoopfast.policy.parse import parse

SCHEMA = Path(__file__).with_name("clinic.sql")
MASKED: dict[str, Any] = {
    "mask": [
        {"columns": ["public.patients.ssn", 'public."Patients"."SSN"', "shadow.staff.ssn"], "with": "keep_last(4)"},
        {"columns": ["public.patients.full_name", "public.people.full_name"], "with": "redact"},
        {"columns": ["public.patients.dob", "public.patients.who", "public.patients.feeling"], "with": "redact"},
        {"columns": ["public.billing.card"], "with": "keep_last(4)", "derived": "null", "predicates": "allow"},
        {"columns": ["public.encounters_2024.complaint"], "with": "constant(withheld)"},
    ],
    "functions": ["public.fn_listed"],
}
PARAMETERS = {"client_encoding": "UTF8", "standard_conforming_strings": "on"}
KNOWN = Environment(schemas=("pg_catalog", "public"), role="hoop_app", parameters=PARAMETERS)
UNKNOWN = replace(KNOWN, schemas=None)


def read_catalog(dsn: str) -> Catalog:
    """The catalog of a database, read as the gateway reads it: simple protocol, text results, no search_path."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SET search_path = ''")
        return Catalog.build({name: rows(connection, sql) for name, sql in QUERIES.items()})


def rows(connection: psycopg.Connection[Any], sql: str) -> list[list[str | None]]:
    """The rows of one query as texts."""
    result = connection.pgconn.exec_(sql.encode())
    assert result.status == psycopg.pq.ExecStatus.TUPLES_OK, result.error_message
    return [
        [None if (cell := result.get_value(i, j)) is None else cell.decode() for j in range(result.nfields)]
        for i in range(result.ntuples)
    ]


def policy(**keys: Any) -> PolicyConfig:
    """A policy over the clinic; the keys given replace those of MASKED."""
    return PolicyConfig.model_validate({**MASKED, **keys})


@dataclass
class Fixed:
    """A CatalogSource whose catalog tests may replace."""

    catalog: Catalog

    def current(self) -> Catalog:
        """The catalog as it is."""
        return self.catalog


@dataclass
class Named:
    """The names of a session, as tests set them."""

    statements: dict[str, Statement] = field(default_factory=dict)
    cursors: dict[str, Statement] = field(default_factory=dict)

    def prepared_statement(self, name: str) -> Statement | None:
        """The statement behind a name."""
        return self.statements.get(name)

    def cursor(self, name: str) -> Statement | None:
        """The cursor behind a name."""
        return self.cursors.get(name)


class Clinic:
    """A database with a policy, to be asked."""

    def __init__(self, catalog: Catalog, dsn: str) -> None:
        self.catalog = catalog
        self.dsn = dsn

    def session(self, **keys: Any) -> SessionPolicy:
        """The policy of a new session."""
        return PolicyEngine().session("nightly", policy(**keys), Fixed(self.catalog))

    def decide(self, sql: str | bytes, environment: Environment = KNOWN, **keys: Any) -> Statement:
        """The decision on a text, in a new session."""
        text = sql.encode() if isinstance(sql, str) else sql
        return self.session(**keys).decide(text, (), environment)

    def compiled(self, **keys: Any) -> Compiled:
        """The policy, compiled for the catalog."""
        return Compiled("nightly", policy(**keys), self.catalog)

    def context(self, schemas: tuple[str, ...] | None = ("pg_catalog", "public"), **keys: Any) -> Context:
        """What an analyser works with."""
        compiled = self.compiled(**keys)
        names = Names(self.catalog, schemas)
        return Context(self.catalog, names, compiled.protection, compiled.types, compiled.listed)

    def draft(self, sql: str, environment: Environment = KNOWN, **keys: Any) -> Draft:
        """A single command, classified."""
        compiled = self.compiled(**keys)
        names = Names(self.catalog, environment.schemas)

        def new_context() -> Context:
            return Context(self.catalog, names, compiled.protection, compiled.types, compiled.listed)

        classifier = Classifier(new_context, environment.names, row_locks=False, parameters=())
        (command,) = parse(sql).commands
        return classifier.classify(command)

    def relation(self, name: str, schema: str = "public") -> Relation:
        """A relation of the catalog."""
        found = self.catalog.relation_named(schema, name)
        assert found is not None, name
        return found

    def source(self, dotted: str) -> tuple[int, int]:
        """(table OID, attribute number) of table.column in public."""
        table, column = dotted.split(".")
        relation = self.relation(table)
        return relation.oid, relation.by_name[column].number

    def described(self, sql: str) -> list[ResultColumn]:
        """What the server's RowDescription says of a query."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            result = connection.pgconn.exec_(sql.encode())
            assert result.status == psycopg.pq.ExecStatus.TUPLES_OK, result.error_message
            return [
                ResultColumn(
                    (result.fname(i) or b"").decode(),
                    result.ftable(i),
                    result.ftablecol(i),
                    result.ftype(i),
                    result.fsize(i),
                    result.fmod(i),
                    0,
                )
                for i in range(result.nfields)
            ]
