"""Router: scored leads in, assignments with their trace out; what people do with a lead; telling them."""

from typing import Final

SCHEMA: Final = "router"
"""Where its tables are."""
