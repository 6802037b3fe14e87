"""The inbox knows conventions and what was heard; a dead letter is one row for all that are alike, and can be retried.

Alembic revision 0003. It only adds, and joins letters that are alike: processes of the version before go on with what
they know.
"""

import hashlib

import sqlalchemy as sa
from alembic import op
from sqlalchemy import BigInteger, Column, Integer, String, Text

revision = "0003"
down_revision = "0002"

_LETTERS_KEPT = 1000
_LARGEST_PAYLOAD = 64 * 1024

_letter = sa.table(
    "dead_letter",
    sa.column("id", String),
    sa.column("topic", String),
    sa.column("payload", sa.LargeBinary),
    sa.column("received_ms", BigInteger),
    sa.column("first_ms", BigInteger),
    sa.column("count", BigInteger),
    sa.column("whole", Integer),
)


def upgrade() -> None:
    op.add_column("inbox", Column("convention", String, nullable=False, server_default="native"))
    op.add_column("inbox", Column("seems", Text, nullable=True))
    op.add_column("inbox", Column("heard", Text, nullable=False, server_default="{}"))
    op.add_column("inbox", Column("presence", Integer, nullable=False, server_default="0"))
    op.add_column("dead_letter", Column("first_ms", BigInteger, nullable=True))
    op.add_column("dead_letter", Column("count", BigInteger, nullable=False, server_default="1"))
    op.add_column("dead_letter", Column("content_type", String, nullable=True))
    op.add_column("dead_letter", Column("expiry_s", BigInteger, nullable=True))
    op.add_column("dead_letter", Column("retain", Integer, nullable=False, server_default="1"))
    op.add_column("dead_letter", Column("whole", Integer, nullable=False, server_default="1"))
    op.add_column("dead_letter", Column("retry_ms", BigInteger, nullable=True))
    op.create_index("ix_dead_letter_retry_ms_received_ms", "dead_letter", ["retry_ms", "received_ms"], unique=False)
    _join_letters()


def _join_letters() -> None:
    """Of letters that are alike the newest stays, with the time of the first and their count; so do the newest 1000."""
    connection = op.get_bind()
    newest_first = sa.select(_letter.c.id, _letter.c.received_ms).order_by(_letter.c.received_ms.desc(), _letter.c.id)
    kept: dict[str, tuple[str, int, int, int]] = {}  # new id -> row, first, count, size
    gone: list[str] = []
    for old_id, received_ms in connection.execute(newest_first).all():
        # One by one: there was no bound to them, and each may have a quarter of a megabyte.
        letter = connection.execute(sa.select(_letter.c.topic, _letter.c.payload).where(_letter.c.id == old_id)).one()
        digest = hashlib.sha256(letter.payload)
        digest.update(f"|{letter.topic}".encode())
        new_id = digest.hexdigest()[:32]
        if (found := kept.get(new_id)) is not None:
            kept[new_id] = (found[0], received_ms, found[2] + 1, found[3])
            gone.append(old_id)
        elif len(kept) < _LETTERS_KEPT:
            kept[new_id] = (old_id, received_ms, 1, len(letter.payload))
        else:
            gone.append(old_id)
    for old_id in gone:
        connection.execute(sa.delete(_letter).where(_letter.c.id == old_id))
    for new_id, (old_id, first_ms, count, size) in kept.items():
        values = {"id": new_id, "first_ms": first_ms, "count": count, "whole": int(size <= _LARGEST_PAYLOAD)}
        connection.execute(sa.update(_letter).where(_letter.c.id == old_id).values(values))
    cut = sa.update(_letter).where(_letter.c.whole == 0)
    connection.execute(cut.values(payload=sa.func.substr(_letter.c.payload, 1, _LARGEST_PAYLOAD)))
