"""`baton-sla-monitor`, `python -m baton_sla_monitor`: the service by itself."""

from baton.service.collecting import put_off_collecting


def main() -> None:
    """Serve until told to stop."""
    put_off_collecting()
    from baton.service.serving import serve_service
    from baton_sla_monitor import SCHEMA
    from baton_sla_monitor.app import create_app
    from baton_sla_monitor.settings import SlaMonitorSettings

    serve_service(create_app, kind=SlaMonitorSettings, schema=SCHEMA)


if __name__ == "__main__":
    main()
