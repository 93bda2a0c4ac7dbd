"""The page of a playbook, as bytes."""

import re
from html.parser import HTMLParser

import pytest

from baton.leads.playbook.loader import load_directory
from baton.leads.playbook.model import Playbook
from baton_standalone.playbook_documents import as_html, as_markdown
from baton_standalone.shipped import shipped_playbook
from tests.support.rich_playbook import RICH, edited, load

HOSTILE = '<script>alert(1)</script>\\" onclick=x [a](javascript:b) **c** `d` &amp; \\u202e'


class Seen(HTMLParser):
    """What a browser would see: text, elements, ids, and where links lead."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.elements, self.ids, self.links = "", set[str](), list[str](), list[str]()
        self.hidden = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.hidden = tag == "style"
        given = dict(attrs)
        self.ids += [given["id"] or ""] if "id" in given else []
        self.links += [given["href"] or ""] if "href" in given else []
        assert not [name for name in given if name.startswith("on")]

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002  the parser's signature
        self.hidden = False

    def handle_data(self, data: str) -> None:
        self.text += "" if self.hidden else data


@pytest.fixture(scope="module")
def reference() -> Playbook:
    return load_directory(shipped_playbook()).playbook


def names(playbook: Playbook) -> list[str]:
    """Everything in a playbook that has a name."""
    model = playbook.scoring
    return [
        *playbook.definitions,
        *playbook.sources,
        *(rule.name for group in (model.fit, model.engagement, model.negative) for rule in group.rules),
        *(segment.name for segment in model.segments),
        *(each.name for each in playbook.territories),
        *(each.name for each in playbook.reps.values()),
        *playbook.pools,
        *(each.name for each in playbook.routing),
        *(name for name in playbook.calendars if name != "always"),
        *(each.name for each in playbook.sla),
    ]


def test_the_page_names_every_rule_of_the_reference_playbook_each_with_an_anchor(reference: Playbook) -> None:
    html = as_html(reference)
    seen = Seen(html)

    headings = re.findall(r"<h3>(.*?)<a class=\"here\" href=\"#(.*?)\"", html)
    assert [name for name in names(reference) if name not in [heading for heading, _ in headings]] == []
    assert [anchor for _, anchor in headings if anchor not in seen.ids] == []
    assert "routing-known-account" in seen.ids
    assert len(seen.ids) == len(set(seen.ids))


def test_markdown_names_every_rule_of_the_reference_playbook(reference: Playbook) -> None:
    text = as_markdown(reference)

    assert [name for name in names(reference) if f"**{name}**" not in text] == []
    assert "\n6. **Demo request**: when the lead did demo request: to the pool ae-{territory}" in text
    assert "\n- **first-contact**: a first touch within 1 hour of being assigned, in the rep's hours, " in text
    assert "\n  - at 80%: a warning\n  - at 100%: notify rep, notify manager, reassign\n" in text


def test_the_same_playbook_gives_the_same_bytes_from_files_in_any_order() -> None:
    again = load(dict(reversed(RICH.items())))

    assert (as_html(again), as_markdown(again)) == (as_html(load(RICH)), as_markdown(load(RICH)))


def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing(reference: Playbook) -> None:
    seen = Seen(as_html(reference))

    assert seen.elements & {"script", "img", "iframe", "object", "form"} == set()
    assert [link for link in seen.links if not link.startswith("#") and link != "data:,"] == []


def test_hostile_names_are_text_on_the_page() -> None:
    playbook = load(edited(("{name: Boss", f'{{name: "{HOSTILE}"'), ('version: "7"', f'version: "{HOSTILE}"')))

    html = as_html(playbook)
    seen = Seen(html)

    assert '<script>alert(1)</script>" onclick=x [a](javascript:b) **c** `d` &amp; ·' in seen.text
    assert "script" not in seen.elements
    assert "\u202e" not in html


def test_hostile_names_are_text_in_markdown() -> None:
    playbook = load(edited(("{name: Boss", f'{{name: "{HOSTILE}"')))

    text = as_markdown(playbook)

    assert r"\<script\>alert(1)\</script\>" in text
    assert r"\[a\](javascript:b) \*\*c\*\* \`d\` \&amp; ·" in text


def test_neither_secrets_nor_addresses_of_people_stand_on_the_page() -> None:
    html = as_html(load(edited(("https://hooks.example/path", "https://user:pw@hooks.example/T0/s3cret?key=1"))))

    for private in ("s3cret", "pw@", "key=1", "mary@acme.example", "+15550100", "book.example"):
        assert private not in html
    assert "https://hooks.example/…" in html
    assert "env:HOOK" in html


def test_two_rules_of_one_name_have_anchors_of_their_own() -> None:
    rule = "  - {name: Known, when: {lead.channel: partner}, pool: all}\n"

    ids = Seen(as_html(load(edited(("routing:\n", "routing:\n" + rule))))).ids

    assert {"routing-known", "routing-known-2"} <= set(ids)


def test_where_there_is_nothing_nothing_is_said() -> None:
    bare = {"playbook.yaml": "teams: {reps: [{id: ada, name: Ada, email: a@a.example}]}\n"
            "routing: [{name: All, nurture: news}]\ncatch_all: {rep: ada}\n"}  # fmt: skip

    text = as_markdown(load(bare))

    assert re.findall(r"^## (.*)", text, flags=re.MULTILINE) == [
        "Sources", "Tiers", "Routing", "What is left", "Reps", "In general",
    ]  # fmt: skip
    assert text.startswith("# Playbook\n")
