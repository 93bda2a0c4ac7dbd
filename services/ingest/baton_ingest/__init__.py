"""Ingest: webhooks and canonical JSON in, durable lead events out."""

from typing import Final

SCHEMA: Final = "ingest"
"""Where its tables are."""
GROUP: Final = "baton-ingest"
IMPORTS: Final = "ingest-imports"
"""What waits in a table and not on the bus may end as a dead letter too."""
CONSUMERS: Final = (GROUP, IMPORTS)
"""Whose dead letters there may be."""
