"""SLA monitor: runs the clocks, warns before a miss, records a breach the moment it happens."""

from typing import Final

SCHEMA: Final = "sla"
"""Where its tables are."""
GROUP: Final = "baton-sla-monitor"
CONSUMERS: Final = (GROUP,)
"""Whose dead letters there may be."""
