"""The tables that every service has in its own schema: inbox, outbox, retries, dead letters.

A service's `models.py` adds them to its metadata, its first migration creates them; `flow` alone reads and writes them.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BYTEA, UUID


def add_flow_tables(metadata: sa.MetaData) -> None:
    """Declare the tables of flow in a service's metadata (and with it, in its schema)."""
    _inbox(metadata)
    _outbox(metadata)
    _retries(metadata)
    _dead_letters(metadata)


def _inbox(metadata: sa.MetaData) -> None:
    # Partitioned by week so that old ids are forgotten by dropping a table; `inbox_rest` takes what has no partition.
    sa.Table(
        "inbox",
        metadata,
        sa.Column("consumer", sa.Text, primary_key=True),
        sa.Column("event_id", UUID, primary_key=True),
        sa.Column("week", sa.Date, primary_key=True),
        postgresql_partition_by="RANGE (week)",
    )


def _outbox(metadata: sa.MetaData) -> None:
    sa.Table(
        "outbox",
        metadata,
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("lane", sa.Integer, nullable=False),
        sa.Column("subject", sa.Text),
        *_record_columns(),
        sa.Index("outbox_by_lane", "lane", "id"),
        sa.Index("outbox_by_subject", "subject"),
    )


def _retries(metadata: sa.MetaData) -> None:
    sa.Table(
        "retries",
        metadata,
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("consumer", sa.Text, nullable=False),
        sa.Column("lane", sa.Integer, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        *_origin_columns(),
        *_record_columns(),
        sa.Index("retries_by_subject", "consumer", "subject", "id"),
        sa.Index("retries_by_due", "consumer", "due_at"),
    )


def _dead_letters(metadata: sa.MetaData) -> None:
    sa.Table(
        "dead_letters",
        metadata,
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("consumer", sa.Text, nullable=False),
        sa.Column("subject", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("dead_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replayed_at", sa.DateTime(timezone=True)),
        *_origin_columns(),
        *_record_columns(),
        sa.UniqueConstraint("consumer", "topic", "partition", "position", "received_at", name="dead_letters_once"),
        sa.Index("dead_letters_by_subject", "subject"),
    )


def _origin_columns() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
    )


def _record_columns() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("key", BYTEA, nullable=False),
        sa.Column("headers", BYTEA, nullable=False),
        sa.Column("value", BYTEA, nullable=False),
    )
