"""A clock stands in one index by its due time instead of two or three, and in that of outcomes once it has one."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA = "sla"


def upgrade() -> None:
    for name in ("clocks_by_outcome", "clocks_by_due", "clocks_overdue", "clocks_running"):
        op.drop_index(name, "clocks", schema=SCHEMA)
    _create("clocks_open", ["due_at", "id"], where="ended_at is null")
    _create("clocks_ended", ["due_at", "id"], where="ended_at is not null")
    _create("clocks_by_outcome", ["outcome_at"], where="outcome_at is not null")


def downgrade() -> None:
    for name in ("clocks_by_outcome", "clocks_ended", "clocks_open"):
        op.drop_index(name, "clocks", schema=SCHEMA)
    _create("clocks_running", ["due_at", "id"], where="status = 'running'")
    _create("clocks_overdue", ["due_at"], where="status = 'breached' and ended_at is null")
    op.create_index("clocks_by_due", "clocks", ["due_at", "id"], schema=SCHEMA)
    op.create_index("clocks_by_outcome", "clocks", ["outcome_at"], schema=SCHEMA)


def _create(name: str, columns: list[str], *, where: str) -> None:
    op.create_index(name, "clocks", columns, schema=SCHEMA, postgresql_where=sa.text(where))
