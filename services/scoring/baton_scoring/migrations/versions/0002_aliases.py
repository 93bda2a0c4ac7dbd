"""Who is known as whom: leads that were merged."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA = "scoring"


def upgrade() -> None:
    op.create_table(
        "aliases",
        sa.Column("lead_id", sa.Text, primary_key=True),
        sa.Column("into_lead", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        schema=SCHEMA,
    )
    op.create_index("aliases_of_lead", "aliases", ["into_lead"], schema=SCHEMA)


def downgrade() -> None:
    op.drop_table("aliases", schema=SCHEMA)
