"""`python -m baton_scoring`, `baton-scoring`: scoring as a process."""

from baton.service.collecting import put_off_collecting


def main() -> None:
    """Run scoring until SIGTERM."""
    put_off_collecting()
    from baton.service.serving import serve_service
    from baton_scoring import SCHEMA
    from baton_scoring.app import create_app
    from baton_scoring.settings import ScoringSettings

    serve_service(create_app, kind=ScoringSettings, schema=SCHEMA)


if __name__ == "__main__":
    main()
