"""Many shapes of statements: ten thousand SELECTs that differ in more than their literals, drawn by Zipf's law.

Owns their texts, for pgbench (which draws the number and puts it in) and for whoever warms a target up before. They
differ in columns, expressions, aliases and conditions; PostgreSQL takes about as long for one as for another, so that
what differs is what the proxy makes of them; and none names a protected column.
"""

from __future__ import annotations

from collections.abc import Iterator

ONLY = 1  # the shape that all are compared with
EXPONENT = 1.1  # of Zipf's law: of 10,000 shapes the commonest is drawn in 15 % of all cases, the last 9,000 in 16 %

# ":shape" becomes the shape's number, and ":aid" that of an account.
FORMS = (
    "SELECT abalance AS a:shape FROM pgbench_accounts WHERE aid = :aid",
    "SELECT a:shape.abalance FROM pgbench_accounts a:shape WHERE a:shape.aid = :aid",
    "SELECT aid, abalance AS b:shape FROM pgbench_accounts WHERE aid IN (:aid)",
    "SELECT tbalance + bid AS s:shape FROM pgbench_tellers WHERE tid = 1 + :aid % 10",
    "SELECT coalesce(tbalance, 0) AS c:shape FROM pgbench_tellers WHERE tid = 1 + :aid % 10",
    "SELECT CASE WHEN tbalance > 0 THEN tbalance ELSE 0 END AS d:shape FROM pgbench_tellers WHERE tid = 1 + :aid % 10",
    "SELECT t:shape.tbalance, t:shape.bid FROM pgbench_tellers t:shape WHERE t:shape.tid = 1 + :aid % 10",
    "SELECT bbalance AS e:shape FROM pgbench_branches WHERE bid = 1",
    "SELECT aid, bid, abalance AS f:shape FROM pgbench_accounts WHERE aid = :aid",
    "SELECT bid AS g:shape, abalance FROM pgbench_accounts WHERE :aid = aid",
    "SELECT h:shape.abalance, h:shape.bid FROM pgbench_accounts AS h:shape WHERE h:shape.aid = :aid LIMIT 1",
    "SELECT abalance AS i:shape, aid FROM public.pgbench_accounts WHERE (aid = :aid)",
    "SELECT abalance AS k:shape FROM ONLY pgbench_accounts WHERE aid = :aid",
    "SELECT m:shape.* FROM pgbench_tellers AS m:shape WHERE m:shape.tid = 1 + :aid % 10",
    "SELECT abalance AS n:shape FROM pgbench_accounts WHERE aid = :aid OFFSET 0",
    "SELECT abs(bbalance) AS p:shape, bid FROM pgbench_branches WHERE bid = 1",
)


def text(shape: int, aid: int) -> str:
    """The statement of one shape, as pgbench sends it."""
    return FORMS[shape % len(FORMS)].replace(":shape", str(shape)).replace(":aid", str(aid))


def every(count: int) -> Iterator[str]:
    """A statement of each shape, the rarest first."""
    return (text(shape, 1) for shape in range(count, 0, -1))


def script(count: int, *, only: int | None = None) -> str:
    """For pgbench: one of `count` shapes, drawn by Zipf's law, or always the same one at the same cost for pgbench.

    Only the simple protocol puts numbers into names.
    """
    lines = ["\\set aid random(1, 100000)", f"\\set shape random_zipfian(1, {count}, {EXPONENT})"]
    if only is not None:
        lines.append(f"\\set shape {only}")
    lines.append(f"\\set form :shape % {len(FORMS)}")
    for number, form in enumerate(FORMS):
        lines += [f"\\{'elif' if number else 'if'} :form = {number}", f"{form};"]
    return "\n".join([*lines, "\\endif", ""])
