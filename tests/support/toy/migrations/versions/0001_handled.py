"""What the handler did."""

import sqlalchemy as sa
from alembic import op

from baton.service.migrations import create_flow_tables, drop_flow_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_flow_tables("toy")
    op.create_table(
        "handled",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("lead_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        schema="toy",
    )


def downgrade() -> None:
    op.drop_table("handled", schema="toy")
    drop_flow_tables("toy")
