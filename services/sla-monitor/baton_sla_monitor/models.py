"""The tables of sla-monitor."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BYTEA

from baton.flow.tables import add_flow_tables
from baton_sla_monitor import SCHEMA

metadata = sa.MetaData(schema=SCHEMA)
add_flow_tables(metadata)

leads = sa.Table(
    "leads",
    metadata,
    sa.Column("lead_id", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("facts", BYTEA, nullable=False),
)

terms = sa.Table(
    "terms",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("terms", BYTEA, nullable=False),
)

clocks = sa.Table(
    "clocks",
    metadata,
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
    sa.Column("holder", sa.Text),
    sa.Index("clocks_by_lead", "lead_id"),
    sa.Index("clocks_next", "next_at", "id", postgresql_where=sa.text("next_at is not null")),
    sa.Index("clocks_open", "due_at", "id", postgresql_where=sa.text("ended_at is null")),
    sa.Index("clocks_ended", "due_at", "id", postgresql_where=sa.text("ended_at is not null")),
    sa.Index("clocks_by_outcome", "outcome_at", postgresql_where=sa.text("outcome_at is not null")),
)

merges = sa.Table(
    "merges",
    metadata,
    sa.Column("lead_id", sa.Text, primary_key=True),
    sa.Column("into_lead", sa.Text, primary_key=True),
    sa.Index("merges_by_into", "into_lead"),
)

erased = sa.Table(
    "erased",
    metadata,
    sa.Column("lead_id", sa.Text, primary_key=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
)
