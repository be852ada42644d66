"""Finding 5: PREPARE and Parse share their names, DECLARE and Bind share theirs; functions can make some too."""

from __future__ import annotations

from hoopfast.sandbox.sandbox import Sandbox
from tests.support import canaries
from tests.support.protocol import SYNC, Frontend, bind, describe, execute, parse, query
from tests.support.sandboxes import MASKED_SSN

MASKED = [MASKED_SSN.encode()]
SECRETS = [canaries.SSN, "931-02-7715"]
PROTECTED = "SELECT ssn FROM patients WHERE id = 1"
CLEAR = "SELECT ssn FROM staff WHERE id = 1"


def test_prepare_then_bind(sandbox: Sandbox) -> None:
    with Frontend.connect(sandbox.gateway_dsn()) as frontend:
        frontend.rows(query(f"PREPARE zz AS {PROTECTED}"))
        for _ in range(2):
            assert frontend.rows(bind("", "zz"), execute(), SYNC) == [MASKED]
        assert frontend.rows(describe("S", "zz"), bind("", "zz", result_formats=[1]), execute(), SYNC) == [MASKED]
        frontend.rows(query(f"PREPARE yy (int) AS {CLEAR}"))
        assert frontend.rows(bind("", "yy", [b"1"]), execute(), SYNC) == [[b"BADGE-1"]]


def test_parse_then_execute(sandbox: Sandbox) -> None:
    with Frontend.connect(sandbox.gateway_dsn()) as frontend:
        frontend.rows(parse(PROTECTED, "s"), parse(CLEAR, "c"), SYNC)
        assert frontend.rows(query("EXECUTE s")) == [MASKED]
        assert frontend.rows(query("EXECUTE c")) == [[b"BADGE-1"]]


def test_declare_then_execute(sandbox: Sandbox) -> None:
    with Frontend.connect(sandbox.gateway_dsn()) as frontend:
        frontend.rows(query("BEGIN"))
        frontend.rows(query("DECLARE k CURSOR FOR SELECT ssn FROM patients ORDER BY id"))
        frontend.rows(query("DECLARE c CURSOR FOR SELECT ssn FROM staff ORDER BY id"))
        seen = frontend.run(execute("k", 1), SYNC)
        assert [m.cells for m in seen if m.type == "D"] == [MASKED]
        assert frontend.rows(query("FETCH 1 FROM k")) == [[b"*******7715"]]
        assert frontend.rows(query("FETCH ALL FROM c")) == [[b"BADGE-1"], [b"BADGE-2"]]


def test_bind_then_fetch(sandbox: Sandbox) -> None:
    with Frontend.connect(sandbox.gateway_dsn()) as frontend:
        frontend.rows(query("BEGIN"))
        frontend.run(parse("SELECT ssn FROM patients ORDER BY id"), bind("p"), SYNC)
        assert frontend.rows(query("FETCH 1 FROM p")) == [MASKED]


def test_names_that_a_function_made(sandbox: Sandbox) -> None:
    sandbox.postgres.psql(
        """
        CREATE FUNCTION opens() RETURNS refcursor LANGUAGE plpgsql AS
            $$ DECLARE c refcursor; BEGIN OPEN c FOR SELECT ssn FROM patients; RETURN c; END $$;
        CREATE FUNCTION prepares() RETURNS void LANGUAGE plpgsql AS
            $$ BEGIN EXECUTE 'PREPARE made AS SELECT ssn FROM patients'; END $$;
        GRANT EXECUTE ON FUNCTION opens(), prepares() TO PUBLIC;
        """,
        "system",
    )
    try:
        with Frontend.connect(sandbox.gateway_dsn()) as frontend:
            heard = b""
            frontend.run(query("BEGIN"))
            for step in (
                [query("SELECT opens()")],
                [execute("<unnamed portal 1>"), SYNC],
                [query('FETCH ALL FROM "<unnamed portal 1>"')],
                [query("ROLLBACK")],
                [query("SELECT prepares()")],
                [query("EXECUTE made")],
                [bind("", "made"), execute(), SYNC],
            ):
                heard += b"".join(m.body for m in frontend.run(*step))
            canaries.assert_none(heard, SECRETS)
            assert frontend.rows(query(CLEAR)) == [[b"BADGE-1"]]
    finally:
        sandbox.postgres.psql("DROP FUNCTION opens(), prepares()", "system")


def test_deallocate_and_again(sandbox: Sandbox) -> None:
    with Frontend.connect(sandbox.gateway_dsn()) as frontend:
        frontend.rows(query(f"PREPARE n AS {CLEAR}"))
        assert frontend.rows(query("EXECUTE n")) == [[b"BADGE-1"]]
        frontend.rows(query("DEALLOCATE n"))
        frontend.rows(query(f"PREPARE n AS {PROTECTED}"))
        assert frontend.rows(query("EXECUTE n")) == [MASKED]
        frontend.rows(query("DISCARD ALL"))
        seen = frontend.run(query("EXECUTE n"))
        assert next(m.sqlstate for m in seen if m.type == "E") == "26000"
