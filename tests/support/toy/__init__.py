"""The smallest service there is: the tables of flow, and what its handler did."""

from typing import Final

SCHEMA: Final = "toy"
