"""The tables of ingest: what was seen and answered, and who waits for an address."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, UUID

from baton.flow.tables import add_flow_tables
from baton.service.tables import add_idempotency
from baton_ingest import SCHEMA

metadata = sa.MetaData(schema=SCHEMA)
add_flow_tables(metadata)
add_idempotency(metadata)

ledger = sa.Table(
    "ledger",
    metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("identity", sa.Text, primary_key=True),
    sa.Column("lead_id", sa.Text),
    sa.Column("event_id", UUID, nullable=False),
    sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("repeats_until", sa.DateTime(timezone=True), nullable=False),
    sa.Index("ledger_by_lead", "lead_id"),
    sa.Index("ledger_by_end", "repeats_until"),
)

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("lead_id", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, nullable=False),
)

aliases = sa.Table(
    "aliases",
    metadata,
    sa.Column("lead_id", sa.Text, primary_key=True),
    sa.Column("into_lead", sa.Text, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Index("aliases_by_into", "into_lead"),
)

vendor_ids = sa.Table(
    "vendor_ids",
    metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("vendor_id", sa.Text, primary_key=True),
    sa.Column("lead_id", sa.Text, nullable=False),
    sa.Index("vendor_ids_by_lead", "lead_id"),
)

quarantine = sa.Table(
    "quarantine",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("vendor_id", sa.Text, nullable=False),
    sa.Column("identity", sa.Text, nullable=False),
    sa.Column("told", BYTEA, nullable=False),
    sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
    sa.UniqueConstraint("source", "identity", name="quarantine_once"),
    sa.Index("quarantine_by_vendor_id", "source", "vendor_id"),
)

imports = sa.Table(
    "imports",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("identity", sa.Text, nullable=False),
    sa.Column("lead_id", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("by_id", sa.Boolean, nullable=False),
    sa.Column("vendor_ids", ARRAY(sa.Text), nullable=False),
    sa.Column("shared_ids", ARRAY(sa.Text), nullable=False),
    sa.Column("told", BYTEA, nullable=False),
    sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
    sa.UniqueConstraint("source", "identity", name="imports_once"),
    sa.Index("imports_by_lead", "lead_id"),
)

import_pace = sa.Table(
    "import_pace",
    metadata,
    sa.Column("is_only", sa.Boolean, primary_key=True),
    sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
)

erased = sa.Table(
    "erased",
    metadata,
    sa.Column("lead_id", sa.Text, primary_key=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
)
