"""The tables of scoring."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BYTEA

from baton.flow.tables import add_flow_tables
from baton_scoring import SCHEMA

metadata = sa.MetaData(schema=SCHEMA)
add_flow_tables(metadata)

profiles = sa.Table(
    "profiles",
    metadata,
    sa.Column("lead_id", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("captured", sa.Boolean, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("fields", BYTEA, nullable=False),
    sa.Column("score", BYTEA),
    sa.Column("qualified", BYTEA, nullable=False),
    sa.Column("look_at", sa.DateTime(timezone=True)),
    sa.Index("profiles_to_look_at", "look_at", postgresql_where=sa.text("look_at is not null")),
)

activities = sa.Table(
    "activities",
    metadata,
    sa.Column("lead_id", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("activity_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("data", BYTEA, nullable=False),
    sa.Index("activities_by_time", "lead_id", "at"),
)

scores = sa.Table(
    "scores",
    metadata,
    sa.Column("lead_id", sa.Text, primary_key=True),
    sa.Column("version", sa.BigInteger, primary_key=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("score", BYTEA, nullable=False),
)

aliases = sa.Table(
    "aliases",
    metadata,
    sa.Column("lead_id", sa.Text, primary_key=True),
    sa.Column("into_lead", sa.Text, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Index("aliases_of_lead", "into_lead"),
)

erased = sa.Table(
    "erased",
    metadata,
    sa.Column("lead_id", sa.Text, primary_key=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
)
