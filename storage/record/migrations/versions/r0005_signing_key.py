"""A key that signs links.

Alembic revision 0005. It is made with the first link.
"""

from alembic import op
from sqlalchemy import BigInteger, Column, LargeBinary, PrimaryKeyConstraint, String

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "signing_key",
        Column("purpose", String, nullable=False),
        Column("key", LargeBinary, nullable=False),
        Column("made_ms", BigInteger, nullable=False),
        PrimaryKeyConstraint("purpose", name=op.f("pk_signing_key")),
    )
