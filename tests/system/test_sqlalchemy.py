"""SQLAlchemy through the gateway, over psycopg and over asyncpg's protocol: reflection, ORM, a protected column."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from hoopfast.sandbox.sandbox import Sandbox
from tests.support import canaries
from tests.support.sandboxes import MASKED_SSN

pytestmark = pytest.mark.slow


class Base(DeclarativeBase):
    pass


class Patient(Base):
    __tablename__ = "patients"
    id: Mapped[int] = mapped_column(primary_key=True)
    full_name: Mapped[str]
    ssn: Mapped[str | None]
    city: Mapped[str]


class Parent(Base):
    __tablename__ = "parents"
    id: Mapped[int] = mapped_column(primary_key=True)


def _engine(box: Sandbox) -> sa.Engine:
    return sa.create_engine(box.gateway_dsn().replace("postgresql://", "postgresql+psycopg://", 1))


def test_orm_reads_masked_values(sandbox: Sandbox) -> None:
    engine = _engine(sandbox)
    for _ in range(7):
        with Session(engine) as session:
            patient = session.get(Patient, 1)
            assert patient is not None
            assert (patient.ssn, patient.city) == (MASKED_SSN, "Oakham")
            canaries.assert_none(patient.full_name)
    engine.dispose()


def test_orm_writes(sandbox: Sandbox) -> None:
    engine = _engine(sandbox)
    with Session(engine) as session:
        session.add_all([Parent(id=910), Parent(id=911)])
        session.commit()
        assert session.scalars(sa.select(Parent.id).where(Parent.id >= 910).order_by(Parent.id)).all() == [910, 911]
        session.execute(sa.delete(Parent).where(Parent.id >= 910))
        session.commit()
    engine.dispose()


def test_reflection(sandbox: Sandbox) -> None:
    engine = _engine(sandbox)
    inspector = sa.inspect(engine)
    assert {"patients", "plain", "children"} <= set(inspector.get_table_names())
    assert [column["name"] for column in inspector.get_columns("patients")][:3] == ["id", "full_name", "ssn"]
    assert inspector.get_foreign_keys("children")[0]["referred_table"] == "parents"
    engine.dispose()


def test_pool_pings(sandbox: Sandbox) -> None:
    engine = sa.create_engine(
        sandbox.gateway_dsn().replace("postgresql://", "postgresql+psycopg://", 1), pool_pre_ping=True, pool_size=2
    )
    for _ in range(3):
        with engine.connect() as connection:
            assert (
                connection.execute(sa.text("SELECT ssn FROM patients WHERE id = :id"), {"id": 1}).scalar() == MASKED_SSN
            )
    engine.dispose()
