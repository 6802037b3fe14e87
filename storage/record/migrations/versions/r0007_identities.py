"""People log in to accounts through an issuer of OpenID Connect.

Alembic revision 0007. Nobody is named for any account yet.
"""

from alembic import op
from sqlalchemy import Column, String

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    with op.batch_alter_table("user_account") as account:
        account.add_column(Column("identity", String, nullable=True))
        account.add_column(Column("issuer", String, nullable=True))
        account.add_column(Column("subject", String, nullable=True))
    op.create_index("ix_user_account_identity", "user_account", ["identity"], unique=True)
    op.create_index("ix_user_account_subject", "user_account", ["issuer", "subject"], unique=True)
