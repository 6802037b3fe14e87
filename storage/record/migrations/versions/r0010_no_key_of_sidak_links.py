"""The key that signed links to sidak goes: since revision 0009 a link is a row, and what such a key opened is not open.

Alembic revision 0010.
"""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.execute("DELETE FROM signing_key WHERE purpose = 'sidak link'")
