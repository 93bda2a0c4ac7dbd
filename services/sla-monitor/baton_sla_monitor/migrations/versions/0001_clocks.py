"""Clocks, the facts they follow from, and the tables of flow."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import BYTEA

from baton.service.migrations import create_flow_tables, drop_flow_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "sla"


def upgrade() -> None:
    create_flow_tables(SCHEMA)
    op.create_table(
        "leads",
        sa.Column("lead_id", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("facts", BYTEA, nullable=False),
        schema=SCHEMA,
    )
    op.create_table(
        "terms",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("terms", BYTEA, nullable=False),
        schema=SCHEMA,
    )
    _create_clocks()
    op.create_table(
        "merges",
        sa.Column("lead_id", sa.Text, primary_key=True),
        sa.Column("into_lead", sa.Text, primary_key=True),
        schema=SCHEMA,
    )
    op.create_index("merges_by_into", "merges", ["into_lead"], schema=SCHEMA)
    op.create_table(
        "erased",
        sa.Column("lead_id", sa.Text, primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        schema=SCHEMA,
    )


def downgrade() -> None:
    for table in ("erased", "merges", "clocks", "terms", "leads"):
        op.drop_table(table, schema=SCHEMA)
    drop_flow_tables(SCHEMA)


def _create_clocks() -> None:
    op.create_table(
        "clocks",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("lead_id", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("terms", sa.Text, nullable=False),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("assignment_id", sa.Text),
        sa.Column("rep", sa.Text),
        sa.Column("pool", sa.Text),
        sa.Column("source", sa.Text),
        sa.Column("start_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("stops", BYTEA, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("breached_at", sa.DateTime(timezone=True)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("outcome_at", sa.DateTime(timezone=True)),
        sa.Column("corrected", sa.Boolean, nullable=False),
        sa.Column("fired", sa.Integer, nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True)),
        sa.Column("version", sa.BigInteger, nullable=False),
        schema=SCHEMA,
    )
    _create_clock_indexes()


def _create_clock_indexes() -> None:
    partial = {
        "clocks_next": (["next_at", "id"], "next_at is not null"),
        "clocks_running": (["due_at", "id"], "status = 'running'"),
        "clocks_overdue": (["due_at"], "status = 'breached' and ended_at is null"),
    }
    for name, (columns, condition) in partial.items():
        op.create_index(name, "clocks", columns, schema=SCHEMA, postgresql_where=sa.text(condition))
    op.create_index("clocks_by_lead", "clocks", ["lead_id"], schema=SCHEMA)
    op.create_index("clocks_by_due", "clocks", ["due_at", "id"], schema=SCHEMA)
    op.create_index("clocks_by_outcome", "clocks", ["outcome_at"], schema=SCHEMA)
