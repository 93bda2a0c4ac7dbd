"""The settings of ingest: those that every service has, and its own."""

from pydantic import Field, SecretStr

from baton.service.settings import Settings, WebAddress


class IngestSettings(Settings):
    """From the environment, `BATON_*`."""

    scoring_url: WebAddress | None = Field(
        None, description="Ingest alone: where scoring is, for the dry run in the answer to a test delivery"
    )
    router_url: WebAddress | None = Field(None, description="Ingest alone: where the router is, for the same")
    api_key: SecretStr | None = Field(
        None, description="Ingest alone: the API key for both, with the scopes `score` and `read`"
    )
