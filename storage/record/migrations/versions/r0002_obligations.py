"""Conditions of devices, acknowledgements, the ledger, hours in force, leases; who declared an absence.

Alembic revision 0002. It only adds: processes of the version before go on with what they know.
"""

from alembic import op
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Text,
)
from sqlalchemy.types import TypeEngine

revision = "0002"
down_revision = "0001"


def _counter() -> TypeEngine[int]:
    return BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "acknowledgement",
        Column("id", _counter(), nullable=False),
        Column("site", String, nullable=False),
        Column("alert", String, nullable=False),
        Column("at_ms", BigInteger, nullable=False),
        Column("until_ms", BigInteger, nullable=False),
        Column("reason", String, nullable=False),
        Column("note", Text, nullable=True),
        Column("author", String, nullable=False),
        PrimaryKeyConstraint("id", name=op.f("pk_acknowledgement")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_acknowledgement_alert", "acknowledgement", ["alert"], unique=False)
    op.create_table(
        "condition_interval",
        Column("id", _counter(), nullable=False),
        Column("site", String, nullable=False),
        Column("device", String, nullable=False),
        Column("kind", String, nullable=False),
        Column("start_ms", BigInteger, nullable=False),
        Column("end_ms", BigInteger, nullable=True),
        Column("truth", String, nullable=False),
        Column("made_ms", BigInteger, nullable=False),
        Column("superseded_ms", BigInteger, nullable=True),
        CheckConstraint("truth IN ('true', 'false', 'unknown')", name=op.f("ck_condition_interval_truth")),
        CheckConstraint("end_ms IS NULL OR end_ms > start_ms", name=op.f("ck_condition_interval_half_open")),
        PrimaryKeyConstraint("id", name=op.f("pk_condition_interval")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_condition_interval_device_start",
        "condition_interval",
        ["site", "device", "kind", "start_ms"],
        unique=False,
    )
    op.create_table(
        "engine_lease",
        Column("site", String, nullable=False),
        Column("holder", String, nullable=False),
        Column("until_ms", BigInteger, nullable=False),
        PrimaryKeyConstraint("site", name=op.f("pk_engine_lease")),
    )
    op.create_table(
        "hours_in_force",
        Column("site", String, nullable=False),
        Column("outlet", String, nullable=False),
        Column("from_ms", BigInteger, nullable=False),
        Column("body", Text, nullable=False),
        ForeignKeyConstraint(["site"], ["site.id"], name=op.f("fk_hours_in_force_site")),
        PrimaryKeyConstraint("site", "outlet", "from_ms", name=op.f("pk_hours_in_force")),
    )
    op.create_table(
        "ledger_day",
        Column("id", _counter(), nullable=False),
        Column("site", String, nullable=False),
        Column("subject_type", String, nullable=False),
        Column("subject", String, nullable=False),
        Column("agency", String, nullable=False),
        Column("date", String, nullable=False),
        Column("attended_ms", BigInteger, nullable=False),
        Column("absent_ms", BigInteger, nullable=False),
        Column("declared_ms", BigInteger, nullable=False),
        Column("unknown_ms", BigInteger, nullable=False),
        Column("equipment_down_ms", BigInteger, nullable=False),
        Column("opened_at_ms", BigInteger, nullable=True),
        Column("left_at_ms", BigInteger, nullable=True),
        Column("made_ms", BigInteger, nullable=False),
        Column("superseded_ms", BigInteger, nullable=True),
        CheckConstraint("subject_type IN ('outlet', 'duty')", name=op.f("ck_ledger_day_subject_type")),
        PrimaryKeyConstraint("id", name=op.f("pk_ledger_day")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_ledger_day_site_date", "ledger_day", ["site", "date"], unique=False)
    op.create_index("ix_ledger_day_subject", "ledger_day", ["site", "subject", "date"], unique=False)
    for table in ("absence", "maintenance"):
        op.add_column(table, Column("author", String, nullable=True))
        op.add_column(table, Column("made_ms", BigInteger, nullable=True))
        op.add_column(table, Column("withdrawn_ms", BigInteger, nullable=True))
    op.add_column("engine_cursor", Column("booked_ms", BigInteger, nullable=True))
    op.add_column("sensor_health", Column("conditions", LargeBinary, nullable=True))
