"""The settings of sla-monitor: those that every service has, and none of its own."""

from baton.service.settings import Settings


class SlaMonitorSettings(Settings):
    """From the environment, `BATON_*`."""
