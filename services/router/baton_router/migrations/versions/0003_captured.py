"""Captures by their instant: for the list of leads that nothing is decided on yet.

Made without a lock: the release before goes on. One that was broken off begins anew.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("drop index concurrently if exists router.timeline_captured")
        op.execute(
            "create index concurrently timeline_captured on router.timeline (at, lead_id) where type = 'lead.captured'"
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("drop index concurrently if exists router.timeline_captured")
