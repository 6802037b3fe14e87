"""Links to sidak have a row, so that they can be listed and revoked; accounts know when somebody last logged in.

Alembic revision 0009. Links that were made before have none, and open nothing any more.
"""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, PrimaryKeyConstraint, String, UniqueConstraint

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "sidak_link",
        Column("id", BigInteger().with_variant(Integer, "sqlite"), nullable=False),
        Column("hash", String, nullable=False),
        Column("site", String, nullable=False),
        Column("author", String, nullable=False),
        Column("made_ms", BigInteger, nullable=False),
        Column("until_ms", BigInteger, nullable=False),
        Column("revoked_ms", BigInteger, nullable=True),
        PrimaryKeyConstraint("id", name=op.f("pk_sidak_link")),
        UniqueConstraint("hash", name=op.f("uq_sidak_link_hash")),
        sqlite_autoincrement=True,
    )
    op.add_column("user_account", Column("logged_in_ms", BigInteger, nullable=True))
