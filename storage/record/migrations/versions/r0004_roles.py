"""Accounts have roles, an agency, a site, a password; tokens a scope.

Alembic revision 0004. What is there stays: administrators, whose tokens may write.
"""

from alembic import op
from sqlalchemy import Column, String

revision = "0004"
down_revision = "0003"

_ROLES = "role IN ('administrator', 'facility_manager', 'agency', 'technician', 'viewer')"


def upgrade() -> None:
    with op.batch_alter_table("user_account") as account:
        account.add_column(Column("agency", String, nullable=True))
        account.add_column(Column("site", String, nullable=True))
        account.add_column(Column("password", String, nullable=True))
        account.drop_constraint(op.f("ck_user_account_role"), type_="check")
        account.create_check_constraint(op.f("ck_user_account_role"), _ROLES)
        account.create_check_constraint(op.f("ck_user_account_agency"), "(role = 'agency') = (agency IS NOT NULL)")
    op.add_column("credential", Column("scope", String, nullable=False, server_default="write"))
