"""Router: scored leads in, assignments with their trace out; what people do with a lead; telling them."""

from typing import Final

SCHEMA: Final = "router"
"""Where its tables are."""
GROUP: Final = "baton-router"
TIMELINE_GROUP: Final = "baton-router-timeline"
CONSUMERS: Final = (GROUP, TIMELINE_GROUP)
"""Whose dead letters there may be."""
