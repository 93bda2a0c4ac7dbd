"""The timeline by instant: for who reads a month of it.

It is written in about the order of time, so that an index which knows the instants of each megabyte is enough; it is a
few kilobytes, and costs an event nothing. Made without a lock: the release before goes on. One that was broken off
begins anew.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("drop index concurrently if exists router.timeline_at")
        op.execute("create index concurrently timeline_at on router.timeline using brin (at) with (autosummarize = on)")


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("drop index concurrently if exists router.timeline_at")
