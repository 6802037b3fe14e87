"""Messages for a contact go to somebody else for a while.

Alembic revision 0008.
"""

from alembic import op
from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Integer, PrimaryKeyConstraint, String, Text

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "substitute",
        Column("id", BigInteger().with_variant(Integer, "sqlite"), nullable=False),
        Column("site", String, nullable=False),
        Column("agency", String, nullable=False),
        Column("contact", String, nullable=False),
        Column("to_contact", String, nullable=True),
        Column("from_ms", BigInteger, nullable=False),
        Column("to_ms", BigInteger, nullable=False),
        Column("body", Text, nullable=True),
        Column("author", String, nullable=False),
        Column("made_ms", BigInteger, nullable=False),
        Column("withdrawn_ms", BigInteger, nullable=True),
        ForeignKeyConstraint(["site"], ["site.id"], name=op.f("fk_substitute_site")),
        PrimaryKeyConstraint("id", name=op.f("pk_substitute")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_substitute_site_agency", "substitute", ["site", "agency"], unique=False)
