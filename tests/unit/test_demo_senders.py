"""The demo's senders against the sources that read them: each proves itself, and says the same of a person."""

import random
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from baton.leads.events import LeadNurtured
from baton.leads.playbook.loader import load_directory
from baton.leads.playbook.model import Playbook, Source
from baton.leads.values import Lead
from baton_ingest.sources.registry import SOURCE_TYPES
from baton_ingest.sources.source_type import RawCapture, SourceRequest, Unproven
from baton_standalone.demo.people import HOSTILE, Person, somebody
from baton_standalone.demo.running import send_one_more
from baton_standalone.demo.secrets import provide, secret_of
from baton_standalone.demo.senders import SENDERS, Sending
from baton_standalone.demo.story import story
from baton_standalone.demo.telling import Teller

NOW = datetime(2026, 3, 25, 17, tzinfo=UTC)
SECRET = "made-up"
PROVEN = sorted(SENDERS.keys() - {"api"})


@pytest.fixture(scope="module")
def playbook() -> Playbook:
    return load_directory(Path(__file__).parents[2] / "deploy" / "playbooks" / "reference").playbook


def source_of(playbook: Playbook, kind: str) -> Source:
    return next(each for each in playbook.sources.values() if each.type == kind)


def request(source: Source, person: Person, *, secret: str = SECRET) -> SourceRequest:
    sending = Sending(
        person=person, source=source, base_url="http://127.0.0.1:8000", at=NOW, number=7, secret=secret
    )  # fmt: skip
    outgoing = SENDERS[source.type](sending)
    token = outgoing.url.partition("?token=")[2]
    return SourceRequest(
        method="POST", url=outgoing.url, headers=outgoing.headers, query={"token": token} if token else {},
        body=outgoing.body, received_at=NOW,
    )  # fmt: skip


@pytest.mark.parametrize("kind", PROVEN)
@pytest.mark.parametrize("person", [somebody(random.Random(5)), HOSTILE], ids=["somebody", "hostile"])
def test_a_sender_is_believed_and_understood(playbook: Playbook, kind: str, person: Person) -> None:
    source = source_of(playbook, kind)
    asked = request(source, person)

    SOURCE_TYPES[kind].prove(asked, source, [] if kind == "form" else [SECRET])
    [read] = SOURCE_TYPES[kind].read(asked, source)

    assert isinstance(read, RawCapture)
    assert read.fields["email"] == person.email
    assert read.fields["first_name"] == person.first_name
    assert read.fields["employees"] == person.company.employees


@pytest.mark.parametrize("kind", sorted(set(PROVEN) - {"form"}))
def test_a_sender_without_the_secret_is_not_believed(playbook: Playbook, kind: str) -> None:
    source = source_of(playbook, kind)
    asked = request(source, HOSTILE, secret="another")

    with pytest.raises(Unproven):
        SOURCE_TYPES[kind].prove(asked, source, [SECRET])


def test_secrets_are_made_up_once_and_only_for_their_owner(
    playbook: Playbook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("HUBSPOT_WORKFLOW_SECRET", "MARKETO_WEBHOOK_SECRET", "SALESFORCE_TOKEN")
    for name in names:
        monkeypatch.setenv(name, "undone by monkeypatch only if it set them")
    found = []
    for _ in range(2):
        for name in names:
            monkeypatch.delenv(name)
        provide(playbook, folder=tmp_path)
        found.append(secret_of(source_of(playbook, "marketo")))
    assert found[0] == found[1] != ""
    assert (tmp_path / "demo-secrets.json").stat().st_mode & 0o077 == 0


def test_the_same_seed_tells_the_same_story() -> None:
    one, other = (list(story(random.Random(3), leads=40, senders=SENDERS)) for _ in range(2))

    assert one == other
    assert [scene.act for scene in one].count("lead") == 40
    assert {scene.act for scene in one} == {"lead", "repeat", "visits"}
    assert HOSTILE in {scene.person for scene in one}


def test_a_hostile_name_can_not_steer_the_terminal() -> None:
    console = Console(width=140, force_terminal=False)
    teller = Teller(console, {})
    data = LeadNurtured.model_validate({
        "lead": Lead(lead_id="x", first_name=HOSTILE.first_name, last_name="[red]\x1b[2J\u202e\r\n"),
        "score": None, "nurture": {"program": "newsletter"}, "trace": {"playbook": "x", "rules": [], "candidates": []},
    })  # fmt: skip

    with console.capture() as captured:
        teller.decision(data, at=NOW, via="form", took=None)

    told = captured.get()
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", told)
    assert "[red]" in told


def test_the_next_lead_goes_to_where_the_demo_is() -> None:
    assert send_one_more("http://127.0.0.1:8000").endswith("baton send hubspot-workflow")
    assert send_one_more("http://127.0.0.1:8001").endswith("baton send hubspot-workflow --url http://127.0.0.1:8001")
