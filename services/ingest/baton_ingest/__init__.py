"""Ingest: webhooks and canonical JSON in, durable lead events out."""

from typing import Final

SCHEMA: Final = "ingest"
"""Where its tables are."""
