"""`baton-sla-monitor`, `python -m baton_sla_monitor`: the service by itself."""

from baton.service.serving import serve_service
from baton_sla_monitor import SCHEMA
from baton_sla_monitor.app import create_app
from baton_sla_monitor.settings import SlaMonitorSettings


def main() -> None:
    """Serve until told to stop."""
    serve_service(create_app, kind=SlaMonitorSettings, schema=SCHEMA)


if __name__ == "__main__":
    main()
