"""A timeline that is cheaper to write: what an entry tells of clocks and reps stands in the row, not in an index."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA = "router"
LONG_ROWS = ("timeline", "outbox")
"""An assignment with its trace is some 3 KB: up to 8 KB a row stays as it is, for to compress each costs more."""
FEEDS_INTO_TIMELINE = r"""
update router.timeline t set reps = f.reps
from (select position, string_agg(rep, E'\n' order by rep) as reps from router.feeds group by position) f
where f.position = t.position
"""


def upgrade() -> None:
    op.add_column("clocks", sa.Column("version", sa.BigInteger(), nullable=False, server_default="0"), schema=SCHEMA)
    op.add_column("timeline", sa.Column("reps", sa.Text()), schema=SCHEMA)
    op.execute(FEEDS_INTO_TIMELINE)
    for table in LONG_ROWS:
        op.execute(f"alter table {SCHEMA}.{table} set (toast_tuple_target = 8160)")
    op.drop_index("feeds_by_position", "feeds", schema=SCHEMA)
    op.drop_index("timeline_of_lead", "timeline", schema=SCHEMA)


def downgrade() -> None:
    op.create_index("timeline_of_lead", "timeline", ["lead_id", "at"], schema=SCHEMA)
    op.create_index("feeds_by_position", "feeds", ["position"], schema=SCHEMA)
    for table in LONG_ROWS:
        op.execute(f"alter table {SCHEMA}.{table} reset (toast_tuple_target)")
    op.drop_column("timeline", "reps", schema=SCHEMA)
    op.drop_column("clocks", "version", schema=SCHEMA)
