"""A timeline that is cheaper to write: what an entry tells of clocks and reps stands in the row, not in an index.

Made beside the release before, which goes on writing: the tables are held for moments only. Columns come first; old
entries are filled in slices, each a transaction of its own, and indexes change without a lock. So it may be broken off
anywhere, and goes on where it was. What the release before writes meanwhile has no `reps`: all that lacks is that an
erasure leaves such an entry's lines in `feeds`, which are a rep and the number of an entry that is gone.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA = "router"
SLICE = 10_000
"""Entries. A slice takes some tenths of a second."""
LOCK_TIMEOUT = "3s"
"""Who waits longer for a table keeps everybody behind it waiting; the start tries again."""
LONG_ROWS = ("timeline", "outbox")
"""An assignment with its trace is some 3 KB: up to 8 KB a row stays as it is, for to compress each costs more."""
FEEDS_INTO_TIMELINE = sa.text(r"""
update router.timeline t set reps = f.reps
from (
    select position, string_agg(rep, E'\n' order by rep) as reps from router.feeds
    where position > :after and position <= :after + :slice group by position
) f
where f.position = t.position and t.reps is null
""")
INDEXES: Sequence[tuple[str, str, str]] = (
    ("timeline_of_lead", "timeline", "lead_id, at"),
    ("feeds_by_position", "feeds", "position"),
)


def upgrade() -> None:
    op.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'")
    op.execute(f"alter table {SCHEMA}.clocks add column if not exists version bigint not null default 0")
    op.execute(f"alter table {SCHEMA}.timeline add column if not exists reps text")
    for table in LONG_ROWS:
        op.execute(f"alter table {SCHEMA}.{table} set (toast_tuple_target = 8160)")
    with op.get_context().autocommit_block():
        _fill()
        for index, _, _ in INDEXES:
            op.execute(f"drop index concurrently if exists {SCHEMA}.{index}")


def downgrade() -> None:
    with op.get_context().autocommit_block():
        for index, table, columns in INDEXES:
            op.execute(f"drop index concurrently if exists {SCHEMA}.{index}")  # left by one that was broken off
            op.execute(f"create index concurrently {index} on {SCHEMA}.{table} ({columns})")
    op.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'")
    for table in LONG_ROWS:
        op.execute(f"alter table {SCHEMA}.{table} reset (toast_tuple_target)")
    op.execute(f"alter table {SCHEMA}.timeline drop column if exists reps")
    op.execute(f"alter table {SCHEMA}.clocks drop column if exists version")


def _fill() -> None:
    connection = op.get_bind()
    last = connection.scalar(sa.text("select coalesce(max(position), 0) from router.timeline"))
    for after in range(0, last or 0, SLICE):
        connection.execute(FEEDS_INTO_TIMELINE, {"after": after, "slice": SLICE})
