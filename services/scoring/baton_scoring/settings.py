"""Settings of scoring: none of its own so far."""

from baton.service.settings import Settings


class ScoringSettings(Settings):
    """What scoring reads from the environment."""
