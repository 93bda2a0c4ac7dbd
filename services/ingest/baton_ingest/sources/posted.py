"""What most webhooks have in common: posted as JSON, without a handshake, answered shortly."""

from collections.abc import Sequence

import orjson

from baton.leads.playbook.model import Source
from baton_ingest.sources.answers import answer_all, answer_one
from baton_ingest.sources.source_type import POST, Answer, Outcome, Secrets, SourceRequest


class Posted:
    """The part of a source type that a vendor's file needn't repeat. `retries`: it comes again until it gets a 2xx."""

    methods = POST
    retries = True

    def handshake(self, request: SourceRequest, source: Source, secrets: Secrets) -> Answer | None:
        return None

    def answer(self, outcomes: Sequence[Outcome], request: SourceRequest, source: Source) -> Answer:
        """As our own JSON is answered; 200 for a delivery that held nothing for us."""
        if not outcomes:
            return Answer(200, orjson.dumps({"accepted": 0}))
        return answer_one(outcomes[0]) if len(outcomes) == 1 else answer_all(outcomes)
