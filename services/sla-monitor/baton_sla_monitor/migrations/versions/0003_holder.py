"""Of a clock that was missed, who has the lead since.

The release before leaves it alone: for it, the steps that are left are those of whoever missed.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SCHEMA = "sla"
LOCK_TIMEOUT = "3s"
"""Who waits longer for the table keeps everybody behind it waiting; the start tries again."""


def upgrade() -> None:
    op.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'")
    op.add_column("clocks", sa.Column("holder", sa.Text), schema=SCHEMA)


def downgrade() -> None:
    op.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'")
    op.drop_column("clocks", "holder", schema=SCHEMA)
