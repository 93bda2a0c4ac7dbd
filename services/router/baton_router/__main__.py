"""`baton-router`, `python -m baton_router`: the service by itself."""

from baton.service.collecting import put_off_collecting


def main() -> None:
    """Serve until told to stop."""
    put_off_collecting()
    from baton.service.serving import serve_service
    from baton_router import SCHEMA
    from baton_router.app import create_app
    from baton_router.settings import RouterSettings

    serve_service(create_app, kind=RouterSettings, schema=SCHEMA)


if __name__ == "__main__":
    main()
