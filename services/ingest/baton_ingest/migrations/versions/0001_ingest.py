"""The ledger, idempotency keys, who is whom and of which account, the quarantine, and who was erased."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, UUID

from baton.service.migrations import create_flow_tables, drop_flow_tables

revision = "0001"
down_revision = None
SCHEMA = "ingest"
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    create_flow_tables(SCHEMA)
    op.create_table(
        "ledger",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("identity", sa.Text, primary_key=True),
        sa.Column("lead_id", sa.Text),
        sa.Column("event_id", UUID, nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("repeats_until", INSTANT, nullable=False),
        schema=SCHEMA,
    )
    op.create_index("ledger_by_lead", "ledger", ["lead_id"], schema=SCHEMA)
    op.create_index("ledger_by_end", "ledger", ["repeats_until"], schema=SCHEMA)
    op.create_table(
        "idempotency",
        sa.Column("caller", sa.Text, primary_key=True),
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("body_hash", BYTEA, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("answer", BYTEA, nullable=False),
        sa.Column("answered_at", INSTANT, nullable=False),
        sa.Column("lead_ids", ARRAY(sa.Text), nullable=False),
        schema=SCHEMA,
    )
    op.create_index("idempotency_by_time", "idempotency", ["answered_at"], schema=SCHEMA)
    op.create_index("idempotency_by_lead", "idempotency", ["lead_ids"], schema=SCHEMA, postgresql_using="gin")
    op.create_table(
        "accounts",
        sa.Column("lead_id", sa.Text, primary_key=True),
        sa.Column("account", sa.Text, nullable=False),
        schema=SCHEMA,
    )
    op.create_table(
        "aliases",
        sa.Column("lead_id", sa.Text, primary_key=True),
        sa.Column("into_lead", sa.Text, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        schema=SCHEMA,
    )
    op.create_index("aliases_by_into", "aliases", ["into_lead"], schema=SCHEMA)
    op.create_table(
        "vendor_ids",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("vendor_id", sa.Text, primary_key=True),
        sa.Column("lead_id", sa.Text, nullable=False),
        schema=SCHEMA,
    )
    op.create_index("vendor_ids_by_lead", "vendor_ids", ["lead_id"], schema=SCHEMA)
    op.create_table(
        "quarantine",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("vendor_id", sa.Text, nullable=False),
        sa.Column("identity", sa.Text, nullable=False),
        sa.Column("told", BYTEA, nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.UniqueConstraint("source", "identity", name="quarantine_once"),
        schema=SCHEMA,
    )
    op.create_index("quarantine_by_vendor_id", "quarantine", ["source", "vendor_id"], schema=SCHEMA)
    op.create_table(
        "erased",
        sa.Column("lead_id", sa.Text, primary_key=True),
        sa.Column("at", INSTANT, nullable=False),
        schema=SCHEMA,
    )


def downgrade() -> None:
    for table in ("erased", "quarantine", "vendor_ids", "aliases", "accounts", "idempotency", "ledger"):
        op.drop_table(table, schema=SCHEMA)
    drop_flow_tables(SCHEMA)
