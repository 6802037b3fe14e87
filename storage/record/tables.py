"""The relational schema of the record. Instants are epoch ms UTC in integers; keys carry the site; `body` is JSON.

Who writes what: the collector the intervals, conditions, progress, health, inbox and dead letters; the api and `hadir
site apply` the registry, alerts, queue, ledger, audit and users.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# A counter that SQLite never gives twice (AUTOINCREMENT), so that a cursor over it misses nothing.
_Counter = BigInteger().with_variant(Integer, "sqlite")


def _instant(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


# Registry

site = Table(
    "site",
    metadata,
    Column("id", String, primary_key=True),
    Column("version", Integer, nullable=False),  # raised by every change of anything of the site
    Column("body", Text, nullable=False),
    _instant("changed_ms"),
)
agency = Table(
    "agency",
    metadata,
    Column("site", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("body", Text, nullable=False),
    ForeignKeyConstraint(["site"], ["site.id"]),
)
outlet = Table(
    "outlet",
    metadata,
    Column("site", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("agency", String, nullable=False),
    Column("position", Integer, nullable=False),
    Column("body", Text, nullable=False),
    ForeignKeyConstraint(["site", "agency"], ["agency.site", "agency.id"]),
)
sensor = Table(
    "sensor",
    metadata,
    Column("site", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("outlet", String, nullable=False),
    Column("position", Integer, nullable=False),
    Column("body", Text, nullable=False),
    ForeignKeyConstraint(["site", "outlet"], ["outlet.site", "outlet.id"]),
)
gateway = Table(
    "gateway",
    metadata,
    Column("site", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("body", Text, nullable=False),
    ForeignKeyConstraint(["site"], ["site.id"]),
)
duty = Table(
    "duty",
    metadata,
    Column("site", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("body", Text, nullable=False),
    ForeignKeyConstraint(["site"], ["site.id"]),
)
contact = Table(
    "contact",
    metadata,
    Column("site", String, primary_key=True),
    Column("agency", String, primary_key=True),  # "" = a contact of the site itself
    Column("id", String, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("body", Text, nullable=False),
    ForeignKeyConstraint(["site"], ["site.id"]),
)
absence = Table(
    "absence",
    metadata,
    Column("id", _Counter, primary_key=True),
    Column("site", String, nullable=False),
    Column("outlet", String, nullable=False),
    _instant("from_ms"),
    _instant("to_ms"),
    Column("origin", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("author", String, nullable=True),  # the person who made it
    _instant("made_ms", nullable=True),
    _instant("withdrawn_ms", nullable=True),  # taken back before it began; kept for the audit
    CheckConstraint("origin IN ('file', 'person')", "origin"),
    ForeignKeyConstraint(["site"], ["site.id"]),  # not the outlet: what was declared outlives a removed outlet
    Index("ix_absence_site_to_ms", "site", "to_ms"),
    sqlite_autoincrement=True,
)
maintenance = Table(
    "maintenance",
    metadata,
    Column("id", _Counter, primary_key=True),
    Column("site", String, nullable=False),
    _instant("from_ms"),
    _instant("to_ms"),
    Column("origin", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("author", String, nullable=True),  # the person who made it
    _instant("made_ms", nullable=True),
    _instant("withdrawn_ms", nullable=True),  # taken back before it began; kept for the audit
    CheckConstraint("origin IN ('file', 'person')", "origin"),
    ForeignKeyConstraint(["site"], ["site.id"]),
    Index("ix_maintenance_site_to_ms", "site", "to_ms"),
    sqlite_autoincrement=True,
)
# In whose place messages for a contact go to somebody else; kept when it is over.
substitute = Table(
    "substitute",
    metadata,
    Column("id", _Counter, primary_key=True),
    Column("site", String, nullable=False),
    Column("agency", String, nullable=False),
    Column("contact", String, nullable=False),  # who is away
    Column("to_contact", String, nullable=True),  # another contact of the agency, or None: `body` says who
    _instant("from_ms"),
    _instant("to_ms"),
    Column("body", Text, nullable=True),
    Column("author", String, nullable=False),
    _instant("made_ms"),
    _instant("withdrawn_ms", nullable=True),  # taken back before it began
    ForeignKeyConstraint(["site"], ["site.id"]),  # not the contact: what was said outlives one that is removed
    Index("ix_substitute_site_agency", "site", "agency"),
    sqlite_autoincrement=True,
)

# The hours by which an outlet is judged from an instant on: a change of today says nothing of yesterday.
hours_in_force = Table(
    "hours_in_force",
    metadata,
    Column("site", String, primary_key=True),
    Column("outlet", String, primary_key=True),
    Column("from_ms", BigInteger, primary_key=True),
    Column("body", Text, nullable=False),
    ForeignKeyConstraint(["site"], ["site.id"]),
)

# What the collector found

occupancy_interval = Table(
    "occupancy_interval",
    metadata,
    Column("id", _Counter, primary_key=True),
    Column("site", String, nullable=False),
    Column("outlet", String, nullable=False),
    Column("zone", String, nullable=False),
    _instant("start_ms"),
    _instant("end_ms", nullable=True),
    Column("state", String, nullable=False),
    Column("p", Float, nullable=False),
    _instant("made_ms"),
    _instant("superseded_ms", nullable=True),  # replaced by a correction; kept for the audit
    CheckConstraint("state IN ('occupied', 'vacant', 'unknown')", "state"),
    CheckConstraint("end_ms IS NULL OR end_ms > start_ms", "half_open"),
    Index("ix_occupancy_interval_zone_start", "site", "outlet", "zone", "start_ms"),
    sqlite_autoincrement=True,
)
# What is true, false or unknown of a device: one line for each technical kind of alert and its sensor or gateway.
condition_interval = Table(
    "condition_interval",
    metadata,
    Column("id", _Counter, primary_key=True),
    Column("site", String, nullable=False),
    Column("device", String, nullable=False),
    Column("kind", String, nullable=False),
    _instant("start_ms"),
    _instant("end_ms", nullable=True),
    Column("truth", String, nullable=False),
    _instant("made_ms"),
    _instant("superseded_ms", nullable=True),  # replaced by a correction; kept for the audit
    CheckConstraint("truth IN ('true', 'false', 'unknown')", "truth"),
    CheckConstraint("end_ms IS NULL OR end_ms > start_ms", "half_open"),
    Index("ix_condition_interval_device_start", "site", "device", "kind", "start_ms"),
    sqlite_autoincrement=True,
)
# One row each time that the intervals of a zone (or, as outlet and zone, of a device and kind) changed from `from_ms`
# on: what readers follow by a cursor.
interval_change = Table(
    "interval_change",
    metadata,
    Column("id", _Counter, primary_key=True),
    Column("site", String, nullable=False),
    Column("outlet", String, nullable=False),
    Column("zone", String, nullable=False),
    _instant("from_ms"),
    sqlite_autoincrement=True,
)
# The estimator's state of a zone: `spool_id` = the last row of the spool that it has seen.
zone_checkpoint = Table(
    "zone_checkpoint",
    metadata,
    Column("site", String, primary_key=True),
    Column("outlet", String, primary_key=True),
    Column("zone", String, primary_key=True),
    Column("spool_id", BigInteger, nullable=False),
    _instant("seen_ms", nullable=True),
    _instant("since_ms"),  # since when it has the sensors that it has: nothing before is estimated again
    _instant("late_ms", nullable=True),  # the oldest reading that came too late and is not yet folded in
    Column("state", LargeBinary, nullable=False),
)
# Older states of the estimator, from which a stretch with late readings is estimated again.
zone_snapshot = Table(
    "zone_snapshot",
    metadata,
    Column("site", String, primary_key=True),
    Column("outlet", String, primary_key=True),
    Column("zone", String, primary_key=True),
    Column("at_ms", BigInteger, primary_key=True),
    Column("state", LargeBinary, nullable=False),
)
# Up to where the intervals of a site are complete: the collector's sign of life, and the engine's clock.
collector_progress = Table(
    "collector_progress",
    metadata,
    Column("site", String, primary_key=True),
    Column("spool", String, nullable=False),
    Column("spool_id", BigInteger, nullable=False),
    _instant("until_ms"),
)
sensor_health = Table(
    "sensor_health",
    metadata,
    Column("site", String, primary_key=True),
    Column("sensor", String, primary_key=True),
    Column("state", String, nullable=False),
    _instant("since_ms"),
    _instant("seen_ms", nullable=True),
    Column("battery", Float, nullable=True),
    Column("received", BigInteger, nullable=False),
    Column("stored", BigInteger, nullable=False),
    Column("missing", BigInteger, nullable=False),
    Column("sequence", LargeBinary, nullable=False),
    Column("conditions", LargeBinary, nullable=True),  # what the lines of `condition_interval` go on from
    CheckConstraint("state IN ('fresh', 'stale', 'offline', 'stuck')", "state"),
)
# Devices that nobody claims. `device`: the id of a native one; of any other its convention and address, a space between
# them, which no id has: one key for all, and the one that processes of before 0003 know.
inbox = Table(
    "inbox",
    metadata,
    Column("site", String, primary_key=True),  # "" = the dialect does not tell
    Column("device", String, primary_key=True),
    Column("topic", String, nullable=False),
    _instant("first_ms"),
    _instant("last_ms"),
    Column("messages", BigInteger, nullable=False),
    Column("sample", LargeBinary, nullable=False),
    Column("convention", String, nullable=False, server_default="native"),
    Column("seems", Text, nullable=True),
    Column("heard", Text, nullable=False, server_default="{}"),  # JSON: what was last heard, by quantity or key
    Column("presence", Integer, nullable=False, server_default="0"),  # 1: some of that speaks of presence
)
# Messages that could not be used, one row for all that are alike.
dead_letter = Table(
    "dead_letter",
    metadata,
    Column("id", String, primary_key=True),  # hash of topic and payload
    Column("topic", String, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("why", Text, nullable=False),  # of the newest
    _instant("received_ms"),  # the newest
    _instant("first_ms", nullable=True),  # None, written by a process of before 0003: there is no other
    Column("count", BigInteger, nullable=False, server_default="1"),
    Column("content_type", String, nullable=True),
    Column("expiry_s", BigInteger, nullable=True),
    # Where it is not known, 1: what was retained speaks of the past, and proves less.
    Column("retain", Integer, nullable=False, server_default="1"),
    Column("whole", Integer, nullable=False, server_default="1"),  # 0: cut, and cannot be tried again
    _instant("retry_ms", nullable=True),  # somebody asked for another try, and it was not made yet
    Index("ix_dead_letter_received_ms", "received_ms"),
    Index("ix_dead_letter_retry_ms_received_ms", "retry_ms", "received_ms"),
)

# Alerts

alert = Table(
    "alert",
    metadata,
    Column("id", String, primary_key=True),
    Column("site", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("subject_type", String, nullable=False),  # outlet, duty, sensor, gateway, site
    Column("subject", String, nullable=False),
    _instant("since_ms"),
    _instant("fired_ms"),
    _instant("resolved_ms", nullable=True),
    Column("reason", String, nullable=True),
    _instant("disproved_ms", nullable=True),
    Column("late", Integer, nullable=False),  # 1: fired while nobody watched, told afterwards
    Column("judged_by", String, nullable=False),  # hash of the rule, hours and absences under which it fired
    _instant("made_ms"),
    Column("revision", BigInteger, nullable=False),  # raised at each transition: what pages follow by a cursor
    Index("ix_alert_site_fired_ms", "site", "fired_ms"),
    Index("ix_alert_subject", "site", "kind", "subject", "since_ms"),
    Index("ix_alert_revision", "revision"),
)
# An answer to an alert that stops its ladder until `until_ms`; the newest one counts.
acknowledgement = Table(
    "acknowledgement",
    metadata,
    Column("id", _Counter, primary_key=True),
    Column("site", String, nullable=False),
    Column("alert", String, nullable=False),
    _instant("at_ms"),
    _instant("until_ms"),
    Column("reason", String, nullable=False),
    Column("note", Text, nullable=True),
    Column("author", String, nullable=False),
    Index("ix_acknowledgement_alert", "alert"),
    sqlite_autoincrement=True,
)
# What an agency says against an absence that is booked, and what a manager decided; neither changes the books.
contest = Table(
    "contest",
    metadata,
    Column("id", _Counter, primary_key=True),
    Column("site", String, nullable=False),
    Column("outlet", String, nullable=False),
    _instant("from_ms"),
    _instant("to_ms"),
    Column("body", Text, nullable=False),
    Column("author", String, nullable=False),
    _instant("made_ms"),
    Column("verdict", String, nullable=True),  # None: not decided yet
    Column("decision", Text, nullable=True),
    Column("decided_by", String, nullable=True),
    _instant("decided_ms", nullable=True),
    CheckConstraint("verdict IN ('upheld', 'corrected')", "verdict"),
    Index("ix_contest_site_from_ms", "site", "from_ms"),
    sqlite_autoincrement=True,
)
notification = Table(
    "notification",
    metadata,
    Column("key", String, primary_key=True),  # {alert}.{event}.{recipient}.{n}
    Column("alert", String, nullable=False),
    Column("site", String, nullable=False),
    Column("event", String, nullable=False),
    Column("agency", String, nullable=False),  # "" = a contact of the site itself
    Column("recipient", String, nullable=False),
    Column("body", Text, nullable=False),
    _instant("due_ms"),
    _instant("next_try_ms", nullable=True),  # None: nothing left to do
    Column("attempts", Integer, nullable=False),
    _instant("sent_ms", nullable=True),
    Column("error", Text, nullable=True),
    Index("ix_notification_next_try_ms", "next_try_ms"),
    Index("ix_notification_alert", "alert"),
)
engine_cursor = Table(
    "engine_cursor",
    metadata,
    Column("site", String, primary_key=True),
    Column("interval_change", BigInteger, nullable=False),
    Column("registry_version", Integer, nullable=False),
    _instant("until_ms"),
    _instant("booked_ms", nullable=True),  # the ledger's days that end by then are in `ledger_day`
)
# Which engine watches a site, on a database that several machines share; on SQLite a file lock does.
engine_lease = Table(
    "engine_lease",
    metadata,
    Column("site", String, primary_key=True),
    Column("holder", String, nullable=False),
    _instant("until_ms"),  # by the database's clock
)
# A closed day of an outlet or duty, booked; what late data corrected is kept with `superseded_ms`.
ledger_day = Table(
    "ledger_day",
    metadata,
    Column("id", _Counter, primary_key=True),
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
    _instant("opened_at_ms", nullable=True),
    _instant("left_at_ms", nullable=True),
    _instant("made_ms"),
    _instant("superseded_ms", nullable=True),
    CheckConstraint("subject_type IN ('outlet', 'duty')", "subject_type"),
    Index("ix_ledger_day_site_date", "site", "date"),
    Index("ix_ledger_day_subject", "site", "subject", "date"),
    sqlite_autoincrement=True,
)
audit = Table(
    "audit",
    metadata,
    Column("id", _Counter, primary_key=True),
    _instant("at_ms"),
    Column("body", Text, nullable=False),  # RFC 8785 JSON
    Column("previous", String, nullable=False),
    Column("hash", String, nullable=False, unique=True),
    Index("ix_audit_at_ms", "at_ms"),
    sqlite_autoincrement=True,
)

# Who may see it

user = Table(
    "user_account",
    metadata,
    Column("name", String, primary_key=True),
    Column("role", String, nullable=False),
    _instant("made_ms"),
    Column("agency", String, nullable=True),  # whose outlets alone it sees: of the role `agency`
    Column("site", String, nullable=True),  # the one site that it sees; null: all of them
    Column("password", String, nullable=True),  # argon2id, in the PHC form
    # Who logs in through an issuer of OpenID Connect: as an administrator named him, and, since he came, for good.
    Column("identity", String, nullable=True),
    Column("issuer", String, nullable=True),
    Column("subject", String, nullable=True),
    _instant("logged_in_ms", nullable=True),  # the last time
    CheckConstraint("role IN ('administrator', 'facility_manager', 'agency', 'technician', 'viewer')", "role"),
    CheckConstraint("(role = 'agency') = (agency IS NOT NULL)", "agency"),
    Index("ix_user_account_identity", "identity", unique=True),
    Index("ix_user_account_subject", "issuer", "subject", unique=True),
)
# Tokens, one-time links and sessions: `hash` = sha256 of the secret, which is kept nowhere.
credential = Table(
    "credential",
    metadata,
    Column("hash", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("user", String, nullable=False),
    Column("label", String, nullable=False),
    _instant("made_ms"),
    _instant("expires_ms", nullable=True),
    Column("scope", String, nullable=False, server_default="write"),  # what it may at most: write, or read alone
    CheckConstraint("kind IN ('token', 'link', 'session')", "kind"),
    ForeignKeyConstraint(["user"], ["user_account.name"]),
)
# For guests, to one page: `hash` = sha256 of the secret, which is kept nowhere. Kept a while after they are over.
sidak_link = Table(
    "sidak_link",
    metadata,
    Column("id", _Counter, primary_key=True),
    Column("hash", String, nullable=False, unique=True),
    Column("site", String, nullable=False),
    Column("author", String, nullable=False),
    _instant("made_ms"),
    _instant("until_ms"),
    _instant("revoked_ms", nullable=True),
    sqlite_autoincrement=True,
)
# What leaves us and comes back is signed with. Whoever reads it can make any: it is in backups, and in no export.
signing_key = Table(
    "signing_key",
    metadata,
    Column("purpose", String, primary_key=True),
    Column("key", LargeBinary, nullable=False),
    _instant("made_ms"),
)
