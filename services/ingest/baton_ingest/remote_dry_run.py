"""Scoring and the router as services of their own, asked over HTTP."""

import ssl
from dataclasses import dataclass, field
from typing import Final

import httpx
from pydantic import SecretStr

from baton_ingest.try_out import PATIENCE_SECONDS, Json, NotTold

_HINTS: Final = {
    401: "; BATON_API_KEY of ingest has to be a key with the scopes score and read",
    403: "; BATON_API_KEY of ingest has to be a key with the scopes score and read",
    404: "; look at BATON_SCORING_URL and BATON_ROUTER_URL of ingest",
}


@dataclass(frozen=True, slots=True)
class RemoteDryRun:
    """Asks anew each time: tests are rare, and a connection that is kept may be to a replica that is gone."""

    scoring_url: str
    router_url: str
    key: SecretStr | None
    _tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    async def score(self, asked: Json) -> Json:
        return await self._ask("scoring", f"{self.scoring_url.rstrip('/')}/v1/score", asked)

    async def route(self, asked: Json) -> Json:
        return await self._ask("the router", f"{self.router_url.rstrip('/')}/v1/route", asked)

    async def _ask(self, who: str, url: str, asked: Json) -> Json:
        try:
            async with httpx.AsyncClient(verify=self._tls, timeout=PATIENCE_SECONDS, trust_env=False) as client:
                return _read(who, await client.post(url, json=asked, headers=self._headers()))
        except httpx.HTTPError as error:
            raise NotTold(f"{who} can't be reached: {type(error).__name__}") from error

    def _headers(self) -> dict[str, str]:
        return {} if self.key is None else {"authorization": f"Bearer {self.key.get_secret_value()}"}


def _read(who: str, answer: httpx.Response) -> Json:
    if not answer.is_success:
        raise NotTold(f"{who} answered {answer.status_code}{_HINTS.get(answer.status_code, '')}")
    told: Json = answer.json()
    return told
