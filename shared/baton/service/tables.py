"""Tables of the web side, which a service adds to its own schema."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA


def add_idempotency(metadata: sa.MetaData) -> sa.Table:
    """Declare the answers that are kept for repeats. A migration creates it; `idempotency.py` reads and writes it."""
    return sa.Table(
        "idempotency",
        metadata,
        sa.Column("caller", sa.Text, primary_key=True),
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("body_hash", BYTEA, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("answer", BYTEA, nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lead_ids", ARRAY(sa.Text), nullable=False),
        sa.Index("idempotency_by_time", "answered_at"),
        sa.Index("idempotency_by_lead", "lead_ids", postgresql_using="gin"),
    )
