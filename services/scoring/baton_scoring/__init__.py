"""Scoring: captured leads and their activities in, scored leads with every reason out."""

from typing import Final

SCHEMA: Final = "scoring"
"""Where its tables are."""
