"""Names of output columns, compared with the server's own."""

from __future__ import annotations

import psycopg
import pytest

from hoopfast.policy.labels import label
from hoopfast.policy.parse import parse
from tests.policy.clinic import Clinic

EXPRESSIONS = [
    "1",
    "'x'",
    "id",
    "s.id",
    "id AS x",
    "upper(name)",
    "pg_catalog.upper(name)",
    "id::text",
    "'1'::int",
    "1::numeric(3, 1)",
    "(id + 1)::text",
    "id + 1",
    "-id",
    "id IS NULL",
    "NOT true",
    "CASE WHEN true THEN 1 END",
    "CASE WHEN true THEN 1 ELSE id END",
    "coalesce(name, 'x')",
    "greatest(1, 2)",
    "least(1, 2)",
    "nullif(1, 2)",
    "ARRAY[1]",
    "ROW(1, 2)",
    "(SELECT 1)",
    "(SELECT id LIMIT 1)",
    "(SELECT id AS q LIMIT 1)",
    "(SELECT 1::int8)",
    "EXISTS (SELECT 1)",
    "ARRAY(SELECT 1)",
    "id IN (1, 2)",
    "current_date",
    "current_user",
    "localtimestamp(2)",
    "current_schema",
    "date '2024-01-01'",
    "interval '1 day'",
    "now() AT TIME ZONE 'UTC'",
    "extract(day FROM now())",
    'name COLLATE "C"',
    "(s).id",
    "(ARRAY[1])[1]",
    "s",
    "count(*) OVER ()",
    "json_build_object('a', 1)",
    "substring(name FROM 1 FOR 2)",
    "trim(name)",
    "overlay(name PLACING 'x' FROM 1)",
    "position('a' IN name)",
    "true",
    "NULL",
    "NULL::date",
    "name LIKE 'x'",
    "id BETWEEN 1 AND 2",
    "(VALUES (1))",
    "CAST(id AS varchar)",
    "(CASE WHEN true THEN 'x' END)::text",
    "json_object('a': 1)",
    "json_array(1)",
    "json_scalar(1)",
    "json_exists('{}', '$')",
    "json_value('{}', '$')",
    "(SELECT count(*) FROM staff)",
    "(SELECT id FROM staff LIMIT 1) + 1",
    '"name"',
    "(SELECT 1 UNION SELECT 1 LIMIT 1)",
]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_the_servers_name(clinic: Clinic, expression: str) -> None:
    sql = f"SELECT {expression} FROM staff s"
    with psycopg.connect(clinic.dsn, autocommit=True) as connection:
        result = connection.pgconn.exec_(sql.encode())
        assert result.status == psycopg.pq.ExecStatus.TUPLES_OK, result.error_message
        expected = (result.fname(0) or b"").decode()
    (command,) = parse(sql).commands
    assert label(command.targetList[0]) == expected
