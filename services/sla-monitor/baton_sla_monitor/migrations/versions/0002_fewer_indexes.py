"""A clock stands in one index by its due time instead of two or three, and in that of outcomes once it has one.

Without a lock, the new ones before the old ones go: the release before goes on. One that was broken off begins anew.
"""

from collections.abc import Mapping

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

OLD = {
    "clocks_running": "(due_at, id) where status = 'running'",
    "clocks_overdue": "(due_at) where status = 'breached' and ended_at is null",
    "clocks_by_due": "(due_at, id)",
    "clocks_by_outcome": "(outcome_at)",
}
NEW = {
    "clocks_open": "(due_at, id) where ended_at is null",
    "clocks_ended": "(due_at, id) where ended_at is not null",
    "clocks_by_outcome": "(outcome_at) where outcome_at is not null",
}


def upgrade() -> None:
    _exchange(OLD, NEW)


def downgrade() -> None:
    _exchange(NEW, OLD)


def _exchange(old: Mapping[str, str], new: Mapping[str, str]) -> None:
    with op.get_context().autocommit_block():
        for name, what in new.items():
            op.execute(f"drop index concurrently if exists sla.{name}")
            op.execute(f"create index concurrently {name} on sla.clocks {what}")
        for name in old.keys() - new.keys():
            op.execute(f"drop index concurrently if exists sla.{name}")
