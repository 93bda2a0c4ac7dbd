"""Ingest: webhooks and canonical JSON in, durable lead events out."""
