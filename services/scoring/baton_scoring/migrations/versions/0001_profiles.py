"""Profiles, activities, the history of scores, and who was erased."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import BYTEA

from baton.service.migrations import create_flow_tables, drop_flow_tables

revision = "0001"
down_revision = None
SCHEMA = "scoring"


def upgrade() -> None:
    create_flow_tables(SCHEMA)
    op.create_table(
        "profiles",
        sa.Column("lead_id", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("captured", sa.Boolean, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("fields", BYTEA, nullable=False),
        sa.Column("score", BYTEA),
        sa.Column("qualified", BYTEA, nullable=False),
        sa.Column("look_at", sa.DateTime(timezone=True)),
        schema=SCHEMA,
    )
    op.create_index(
        "profiles_to_look_at",
        "profiles",
        ["look_at"],
        schema=SCHEMA,
        postgresql_where=sa.text("look_at is not null"),
    )
    op.create_table(
        "activities",
        sa.Column("lead_id", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("activity_id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("data", BYTEA, nullable=False),
        schema=SCHEMA,
    )
    op.create_index("activities_by_time", "activities", ["lead_id", "at"], schema=SCHEMA)
    op.create_table(
        "scores",
        sa.Column("lead_id", sa.Text, primary_key=True),
        sa.Column("version", sa.BigInteger, primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("score", BYTEA, nullable=False),
        schema=SCHEMA,
    )
    op.create_table(
        "erased",
        sa.Column("lead_id", sa.Text, primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        schema=SCHEMA,
    )


def downgrade() -> None:
    for table in ("erased", "scores", "activities", "profiles"):
        op.drop_table(table, schema=SCHEMA)
    drop_flow_tables(SCHEMA)
