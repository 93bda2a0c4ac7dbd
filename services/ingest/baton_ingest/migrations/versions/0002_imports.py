"""What was imported and waits to leave, and when more of it may.

The release before knows nothing of these tables and is not in their way. What it erases while both run leaves them
before its turn: whoever lets a row go looks whether its person was erased since.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA = "ingest"
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "imports",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("identity", sa.Text, nullable=False),
        sa.Column("lead_id", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("by_id", sa.Boolean, nullable=False),
        sa.Column("vendor_ids", ARRAY(sa.Text), nullable=False),
        sa.Column("shared_ids", ARRAY(sa.Text), nullable=False),
        sa.Column("told", BYTEA, nullable=False),
        sa.Column("accepted_at", INSTANT, nullable=False),
        sa.UniqueConstraint("source", "identity", name="imports_once"),
        schema=SCHEMA,
    )
    op.create_index("imports_by_lead", "imports", ["lead_id"], schema=SCHEMA)
    op.create_table(
        "import_pace",
        sa.Column("is_only", sa.Boolean, primary_key=True),
        sa.Column("next_at", INSTANT, nullable=False),
        schema=SCHEMA,
    )


def downgrade() -> None:
    op.drop_table("import_pace", schema=SCHEMA)
    op.drop_table("imports", schema=SCHEMA)
