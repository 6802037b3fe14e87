"""Agencies contest absences; a manager decides, and both are kept.

Alembic revision 0006.
"""

from alembic import op
from sqlalchemy import BigInteger, CheckConstraint, Column, Integer, PrimaryKeyConstraint, String, Text

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "contest",
        Column("id", BigInteger().with_variant(Integer, "sqlite"), nullable=False),
        Column("site", String, nullable=False),
        Column("outlet", String, nullable=False),
        Column("from_ms", BigInteger, nullable=False),
        Column("to_ms", BigInteger, nullable=False),
        Column("body", Text, nullable=False),
        Column("author", String, nullable=False),
        Column("made_ms", BigInteger, nullable=False),
        Column("verdict", String, nullable=True),
        Column("decision", Text, nullable=True),
        Column("decided_by", String, nullable=True),
        Column("decided_ms", BigInteger, nullable=True),
        CheckConstraint("verdict IN ('upheld', 'corrected')", name=op.f("ck_contest_verdict")),
        PrimaryKeyConstraint("id", name=op.f("pk_contest")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_contest_site_from_ms", "contest", ["site", "from_ms"], unique=False)
