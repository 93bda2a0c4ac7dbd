"""The senders' side: posts what the story says to a running Baton, and remembers when."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import httpx
import orjson

from baton.kernel.clock import Clock
from baton.kernel.ids import lead_id_for_email
from baton.leads.playbook.model import Playbook, Source
from baton_standalone.demo.secrets import secret_of
from baton_standalone.demo.senders import SENDERS, Outgoing, Sending
from baton_standalone.demo.story import Scene, visits

_JSON: Final = {"content-type": "application/json"}
ACCOUNTS: Final[Sequence[Mapping[str, object]]] = (
    {"id": "thames", "name": "Thames Analytics", "domains": ["thames.example"], "status": "customer", "csm": "felix"},
    {"id": "hudson", "name": "Hudson Ledger", "domains": ["hudsonledger.example"], "owner": "grace"},
    {"id": "hanbit", "name": "Hanbit Systems", "domains": ["hanbit.example"], "owner": "wei-ling",
     "open_opportunity": True},
)  # fmt: skip
"""A few companies that sales knows already."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A delivery on its way: by whom, since when."""

    via: str
    at: datetime


@dataclass(slots=True)
class Senders:
    """All the vendors at once. `sent` is what is on its way, by lead."""

    client: httpx.AsyncClient
    playbook: Playbook
    base_url: str
    public_url: str | None
    clock: Clock
    sent: dict[str, Sent] = field(default_factory=dict)
    _last: Outgoing | None = None

    @property
    def types(self) -> Mapping[str, Source]:
        """The sources that this playbook has for them, by type; without those whose secret is known nowhere."""
        found = {each.type: each for each in reversed(list(self.playbook.sources.values())) if each.type in SENDERS}
        return {name: each for name, each in found.items() if _can_prove(each)}

    async def send(self, scene: Scene) -> httpx.Response:
        """Do what the scene says. Raises httpx.HTTPError."""
        if scene.act == "visits":
            return await self._post(f"{self.base_url}/ingest/v1/activities", orjson.dumps(visits(scene.person)))
        outgoing = self._last if scene.act == "repeat" and self._last is not None else self._outgoing(scene)
        self._last = outgoing
        if scene.act == "lead":
            self.sent[lead_id_for_email(scene.person.email)] = Sent(scene.via, self.clock.now())
        return await self.client.post(outgoing.url, headers=dict(outgoing.headers), content=outgoing.body)

    async def introduce_accounts(self) -> None:
        """Tell the router of the companies that sales knows, if this playbook has their people."""
        people = {str(each.get("owner") or each["csm"]) for each in ACCOUNTS}
        if people <= self.playbook.reps.keys():
            await self.client.put(f"{self.base_url}/router/v1/accounts", json=list(ACCOUNTS))

    async def touch(self, lead_id: str, *, chance: random.Random, assignment_id: str) -> None:
        """The rep calls, or writes."""
        kind = chance.choice(("call", "email", "linkedin"))
        body = orjson.dumps({"kind": kind, "assignment_id": assignment_id})
        await self._post(f"{self.base_url}/router/v1/leads/{lead_id}/touches", body)

    def _outgoing(self, scene: Scene) -> Outgoing:
        source = self.types[scene.via]
        sending = Sending(
            person=scene.person,
            source=source,
            base_url=self.base_url,
            at=self.clock.now(),
            number=scene.number,
            secret=secret_of(source),
            public_url=self.public_url,
        )
        return SENDERS[scene.via](sending)

    async def _post(self, url: str, body: bytes) -> httpx.Response:
        return await self.client.post(url, content=body, headers=_JSON)


def _can_prove(source: Source) -> bool:
    return (source.secret or source.token) is None or bool(secret_of(source))
