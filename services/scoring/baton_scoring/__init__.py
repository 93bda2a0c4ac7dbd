"""Scoring: captured leads and their activities in, scored leads with every reason out."""

from typing import Final

SCHEMA: Final = "scoring"
"""Where its tables are."""
GROUP: Final = "baton-scoring"
CONSUMERS: Final = (GROUP,)
"""Whose dead letters there may be."""
