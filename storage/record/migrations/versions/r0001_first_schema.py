"""The first schema.

Alembic revision 0001.
"""

from alembic import op
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeEngine

revision = "0001"
down_revision = None


def _counter() -> TypeEngine[int]:
    return BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "alert",
        Column("id", String, nullable=False),
        Column("site", String, nullable=False),
        Column("kind", String, nullable=False),
        Column("subject_type", String, nullable=False),
        Column("subject", String, nullable=False),
        Column("since_ms", BigInteger, nullable=False),
        Column("fired_ms", BigInteger, nullable=False),
        Column("resolved_ms", BigInteger, nullable=True),
        Column("reason", String, nullable=True),
        Column("disproved_ms", BigInteger, nullable=True),
        Column("late", Integer, nullable=False),
        Column("judged_by", String, nullable=False),
        Column("made_ms", BigInteger, nullable=False),
        Column("revision", BigInteger, nullable=False),
        PrimaryKeyConstraint("id", name=op.f("pk_alert")),
    )
    op.create_index("ix_alert_revision", "alert", ["revision"], unique=False)
    op.create_index("ix_alert_site_fired_ms", "alert", ["site", "fired_ms"], unique=False)
    op.create_index("ix_alert_subject", "alert", ["site", "kind", "subject", "since_ms"], unique=False)
    op.create_table(
        "audit",
        Column("id", _counter(), nullable=False),
        Column("at_ms", BigInteger, nullable=False),
        Column("body", Text, nullable=False),
        Column("previous", String, nullable=False),
        Column("hash", String, nullable=False),
        PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        UniqueConstraint("hash", name=op.f("uq_audit_hash")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_at_ms", "audit", ["at_ms"], unique=False)
    op.create_table(
        "collector_progress",
        Column("site", String, nullable=False),
        Column("spool", String, nullable=False),
        Column("spool_id", BigInteger, nullable=False),
        Column("until_ms", BigInteger, nullable=False),
        PrimaryKeyConstraint("site", name=op.f("pk_collector_progress")),
    )
    op.create_table(
        "dead_letter",
        Column("id", String, nullable=False),
        Column("topic", String, nullable=False),
        Column("payload", LargeBinary, nullable=False),
        Column("why", Text, nullable=False),
        Column("received_ms", BigInteger, nullable=False),
        PrimaryKeyConstraint("id", name=op.f("pk_dead_letter")),
    )
    op.create_index("ix_dead_letter_received_ms", "dead_letter", ["received_ms"], unique=False)
    op.create_table(
        "engine_cursor",
        Column("site", String, nullable=False),
        Column("interval_change", BigInteger, nullable=False),
        Column("registry_version", Integer, nullable=False),
        Column("until_ms", BigInteger, nullable=False),
        PrimaryKeyConstraint("site", name=op.f("pk_engine_cursor")),
    )
    op.create_table(
        "inbox",
        Column("site", String, nullable=False),
        Column("device", String, nullable=False),
        Column("topic", String, nullable=False),
        Column("first_ms", BigInteger, nullable=False),
        Column("last_ms", BigInteger, nullable=False),
        Column("messages", BigInteger, nullable=False),
        Column("sample", LargeBinary, nullable=False),
        PrimaryKeyConstraint("site", "device", name=op.f("pk_inbox")),
    )
    op.create_table(
        "interval_change",
        Column("id", _counter(), nullable=False),
        Column("site", String, nullable=False),
        Column("outlet", String, nullable=False),
        Column("zone", String, nullable=False),
        Column("from_ms", BigInteger, nullable=False),
        PrimaryKeyConstraint("id", name=op.f("pk_interval_change")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "notification",
        Column("key", String, nullable=False),
        Column("alert", String, nullable=False),
        Column("site", String, nullable=False),
        Column("event", String, nullable=False),
        Column("agency", String, nullable=False),
        Column("recipient", String, nullable=False),
        Column("body", Text, nullable=False),
        Column("due_ms", BigInteger, nullable=False),
        Column("next_try_ms", BigInteger, nullable=True),
        Column("attempts", Integer, nullable=False),
        Column("sent_ms", BigInteger, nullable=True),
        Column("error", Text, nullable=True),
        PrimaryKeyConstraint("key", name=op.f("pk_notification")),
    )
    op.create_index("ix_notification_alert", "notification", ["alert"], unique=False)
    op.create_index("ix_notification_next_try_ms", "notification", ["next_try_ms"], unique=False)
    op.create_table(
        "occupancy_interval",
        Column("id", _counter(), nullable=False),
        Column("site", String, nullable=False),
        Column("outlet", String, nullable=False),
        Column("zone", String, nullable=False),
        Column("start_ms", BigInteger, nullable=False),
        Column("end_ms", BigInteger, nullable=True),
        Column("state", String, nullable=False),
        Column("p", Float, nullable=False),
        Column("made_ms", BigInteger, nullable=False),
        Column("superseded_ms", BigInteger, nullable=True),
        CheckConstraint("state IN ('occupied', 'vacant', 'unknown')", name=op.f("ck_occupancy_interval_state")),
        CheckConstraint("end_ms IS NULL OR end_ms > start_ms", name=op.f("ck_occupancy_interval_half_open")),
        PrimaryKeyConstraint("id", name=op.f("pk_occupancy_interval")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_occupancy_interval_zone_start", "occupancy_interval", ["site", "outlet", "zone", "start_ms"], unique=False
    )
    op.create_table(
        "sensor_health",
        Column("site", String, nullable=False),
        Column("sensor", String, nullable=False),
        Column("state", String, nullable=False),
        Column("since_ms", BigInteger, nullable=False),
        Column("seen_ms", BigInteger, nullable=True),
        Column("battery", Float, nullable=True),
        Column("received", BigInteger, nullable=False),
        Column("stored", BigInteger, nullable=False),
        Column("missing", BigInteger, nullable=False),
        Column("sequence", LargeBinary, nullable=False),
        CheckConstraint("state IN ('fresh', 'stale', 'offline', 'stuck')", name=op.f("ck_sensor_health_state")),
        PrimaryKeyConstraint("site", "sensor", name=op.f("pk_sensor_health")),
    )
    op.create_table(
        "site",
        Column("id", String, nullable=False),
        Column("version", Integer, nullable=False),
        Column("body", Text, nullable=False),
        Column("changed_ms", BigInteger, nullable=False),
        PrimaryKeyConstraint("id", name=op.f("pk_site")),
    )
    op.create_table(
        "user_account",
        Column("name", String, nullable=False),
        Column("role", String, nullable=False),
        Column("made_ms", BigInteger, nullable=False),
        CheckConstraint("role IN ('administrator')", name=op.f("ck_user_account_role")),
        PrimaryKeyConstraint("name", name=op.f("pk_user_account")),
    )
    op.create_table(
        "zone_checkpoint",
        Column("site", String, nullable=False),
        Column("outlet", String, nullable=False),
        Column("zone", String, nullable=False),
        Column("spool_id", BigInteger, nullable=False),
        Column("seen_ms", BigInteger, nullable=True),
        Column("since_ms", BigInteger, nullable=False),
        Column("late_ms", BigInteger, nullable=True),
        Column("state", LargeBinary, nullable=False),
        PrimaryKeyConstraint("site", "outlet", "zone", name=op.f("pk_zone_checkpoint")),
    )
    op.create_table(
        "zone_snapshot",
        Column("site", String, nullable=False),
        Column("outlet", String, nullable=False),
        Column("zone", String, nullable=False),
        Column("at_ms", BigInteger, nullable=False),
        Column("state", LargeBinary, nullable=False),
        PrimaryKeyConstraint("site", "outlet", "zone", "at_ms", name=op.f("pk_zone_snapshot")),
    )
    op.create_table(
        "absence",
        Column("id", _counter(), nullable=False),
        Column("site", String, nullable=False),
        Column("outlet", String, nullable=False),
        Column("from_ms", BigInteger, nullable=False),
        Column("to_ms", BigInteger, nullable=False),
        Column("origin", String, nullable=False),
        Column("body", Text, nullable=False),
        CheckConstraint("origin IN ('file', 'person')", name=op.f("ck_absence_origin")),
        ForeignKeyConstraint(["site"], ["site.id"], name=op.f("fk_absence_site")),
        PrimaryKeyConstraint("id", name=op.f("pk_absence")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_absence_site_to_ms", "absence", ["site", "to_ms"], unique=False)
    op.create_table(
        "agency",
        Column("site", String, nullable=False),
        Column("id", String, nullable=False),
        Column("position", Integer, nullable=False),
        Column("body", Text, nullable=False),
        ForeignKeyConstraint(["site"], ["site.id"], name=op.f("fk_agency_site")),
        PrimaryKeyConstraint("site", "id", name=op.f("pk_agency")),
    )
    op.create_table(
        "contact",
        Column("site", String, nullable=False),
        Column("agency", String, nullable=False),
        Column("id", String, nullable=False),
        Column("position", Integer, nullable=False),
        Column("body", Text, nullable=False),
        ForeignKeyConstraint(["site"], ["site.id"], name=op.f("fk_contact_site")),
        PrimaryKeyConstraint("site", "agency", "id", name=op.f("pk_contact")),
    )
    op.create_table(
        "credential",
        Column("hash", String, nullable=False),
        Column("kind", String, nullable=False),
        Column("user", String, nullable=False),
        Column("label", String, nullable=False),
        Column("made_ms", BigInteger, nullable=False),
        Column("expires_ms", BigInteger, nullable=True),
        CheckConstraint("kind IN ('token', 'link', 'session')", name=op.f("ck_credential_kind")),
        ForeignKeyConstraint(["user"], ["user_account.name"], name=op.f("fk_credential_user")),
        PrimaryKeyConstraint("hash", name=op.f("pk_credential")),
    )
    op.create_table(
        "duty",
        Column("site", String, nullable=False),
        Column("id", String, nullable=False),
        Column("position", Integer, nullable=False),
        Column("body", Text, nullable=False),
        ForeignKeyConstraint(["site"], ["site.id"], name=op.f("fk_duty_site")),
        PrimaryKeyConstraint("site", "id", name=op.f("pk_duty")),
    )
    op.create_table(
        "gateway",
        Column("site", String, nullable=False),
        Column("id", String, nullable=False),
        Column("position", Integer, nullable=False),
        Column("body", Text, nullable=False),
        ForeignKeyConstraint(["site"], ["site.id"], name=op.f("fk_gateway_site")),
        PrimaryKeyConstraint("site", "id", name=op.f("pk_gateway")),
    )
    op.create_table(
        "maintenance",
        Column("id", _counter(), nullable=False),
        Column("site", String, nullable=False),
        Column("from_ms", BigInteger, nullable=False),
        Column("to_ms", BigInteger, nullable=False),
        Column("origin", String, nullable=False),
        Column("body", Text, nullable=False),
        CheckConstraint("origin IN ('file', 'person')", name=op.f("ck_maintenance_origin")),
        ForeignKeyConstraint(["site"], ["site.id"], name=op.f("fk_maintenance_site")),
        PrimaryKeyConstraint("id", name=op.f("pk_maintenance")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_maintenance_site_to_ms", "maintenance", ["site", "to_ms"], unique=False)
    op.create_table(
        "outlet",
        Column("site", String, nullable=False),
        Column("id", String, nullable=False),
        Column("agency", String, nullable=False),
        Column("position", Integer, nullable=False),
        Column("body", Text, nullable=False),
        ForeignKeyConstraint(["site", "agency"], ["agency.site", "agency.id"], name=op.f("fk_outlet_site_agency")),
        PrimaryKeyConstraint("site", "id", name=op.f("pk_outlet")),
    )
    op.create_table(
        "sensor",
        Column("site", String, nullable=False),
        Column("id", String, nullable=False),
        Column("outlet", String, nullable=False),
        Column("position", Integer, nullable=False),
        Column("body", Text, nullable=False),
        ForeignKeyConstraint(["site", "outlet"], ["outlet.site", "outlet.id"], name=op.f("fk_sensor_site_outlet")),
        PrimaryKeyConstraint("site", "id", name=op.f("pk_sensor")),
    )
