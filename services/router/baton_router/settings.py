"""The settings of the router: those that every service has, and its own."""

from pydantic import Field

from baton.service.settings import Settings


class RouterSettings(Settings):
    """From the environment, `BATON_*`."""

    streams: int = Field(200, ge=1, le=10_000, description="Live streams that one router serves at once at most")
