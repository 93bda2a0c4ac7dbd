"""Settings of ingest: none of its own so far."""

from baton.service.settings import Settings


class IngestSettings(Settings):
    """What ingest reads from the environment."""
