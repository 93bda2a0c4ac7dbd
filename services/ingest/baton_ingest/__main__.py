"""`python -m baton_ingest`, `baton-ingest`: ingest as a process."""

from baton.service.collecting import put_off_collecting


def main() -> None:
    """Run ingest until SIGTERM."""
    put_off_collecting()
    from baton.service.serving import serve_service
    from baton_ingest import SCHEMA
    from baton_ingest.app import create_app
    from baton_ingest.settings import IngestSettings

    serve_service(create_app, kind=IngestSettings, schema=SCHEMA)


if __name__ == "__main__":
    main()
