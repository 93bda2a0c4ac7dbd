"""Web forms: the bodies that browsers and bots send."""

import json
from contextlib import suppress
from urllib.parse import quote_plus, urlencode

import pytest

from baton_ingest.sources.form_body import MAX_ESCAPES, MAX_FIELDS
from baton_ingest.sources.source_type import Outcome, SourceRequest, Unusable
from tests.support.sources import (
    KEY,
    URL,
    answer_to,
    captured,
    proves,
    read,
    read_one,
    refuses,
    request,
    source,
    source_type,
)  # fmt: skip

FORM = source("form", activity="demo_request", fields={"work_email": "email", "co": "company"})
URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=XX"


def urlencoded(fields: dict[str, str], *, charset: str | None = None, encoding: str = "utf-8") -> SourceRequest:
    content_type = URLENCODED if charset is None else f"{URLENCODED}; charset={charset}"
    return request(urlencode(fields, encoding=encoding).encode(), content_type=content_type)


def multipart(*parts: tuple[str, str]) -> SourceRequest:
    body = "".join(f"--XX\r\nContent-Disposition: form-data; {head}\r\n\r\n{value}\r\n" for head, value in parts)
    return request(f"{body}--XX--\r\n", content_type=MULTIPART)


SENT = {"work_email": "ida@yew.example", "co": "Yew & Söhne", "utm_source": "x"}
SAME = [
    urlencoded(SENT),
    multipart(*((f'name="{name}"', value) for name, value in SENT.items())),
    request(SENT),
    request(json.dumps(SENT).encode(), content_type=""),
]


@pytest.mark.parametrize("sent", SAME, ids=["urlencoded", "multipart", "json", "untyped"])
def test_a_form_is_the_same_however_it_is_sent(sent: SourceRequest) -> None:
    raw = read_one(sent, FORM)

    assert raw.fields == {"email": "ida@yew.example", "company": "Yew & Söhne", "utm_source": "x"}
    assert captured(raw, FORM).told.fields["utm"] == {"source": "x"}


def test_the_page_is_kept_with_the_activity() -> None:
    sent = request(SENT, referer="https://www.example.com/demo")

    assert (read_one(sent, FORM).kind, read_one(sent, FORM).data) == (
        "demo_request",
        {"page": "https://www.example.com/demo"},
    )


def test_a_form_may_name_its_activity_where_the_playbook_doesnt() -> None:
    sent = urlencoded({**SENT, "activity": "webinar"})

    assert read_one(sent, FORM).kind == "demo_request"
    assert read_one(sent, source("form")).kind == "webinar"


def test_empty_fields_count_as_not_sent() -> None:
    assert set(read_one(urlencoded({**SENT, "phone": ""}), FORM).fields) == {"email", "company", "utm_source"}


def test_check_boxes_of_one_name_are_joined() -> None:
    raw = read_one(request(b"email=a%40b.co&topic=crm&topic=erp", content_type=URLENCODED), FORM)

    assert raw.fields["topic"] == "crm;erp"


def test_a_name_in_one_field_is_split() -> None:
    raw = read_one(urlencoded({"name": "Ida van  Lund", "email": "ida@yew.example"}), FORM)

    assert (raw.fields["first_name"], raw.fields["last_name"]) == ("Ida", "van  Lund")


@pytest.mark.parametrize("charset", ["iso-8859-1", "latin1", "windows-1252", "ISO-8859-15"])
def test_the_charset_that_is_told_counts(charset: str) -> None:
    raw = read_one(urlencoded(SENT, charset=charset, encoding="latin-1"), FORM)

    assert raw.fields["company"] == "Yew & Söhne"


def test_latin_1_is_read_where_no_charset_is_told() -> None:
    assert read_one(urlencoded(SENT, encoding="latin-1"), FORM).fields["company"] == "Yew & Söhne"


def test_the_charset_field_of_browsers_counts() -> None:
    raw = read_one(urlencoded({**SENT, "co": "Ель", "_charset_": "koi8-r"}, encoding="koi8-r"), FORM)

    assert raw.fields["company"] == "Ель"
    assert "_charset_" not in raw.fields


@pytest.mark.parametrize(
    "charset", ["hex", "zip", "rot13", "idna", "punycode", "utf-7", "unicode_escape", "x" * 500, "\0"]
)
def test_a_codec_that_is_no_charset_of_pages_is_passed_over(charset: str) -> None:
    assert read_one(urlencoded(SENT, charset=charset), FORM).fields["company"] == "Yew & Söhne"


def test_bare_utf_8_is_read() -> None:
    sent = request("email=ida@yew.example&company=Söhne".encode(), content_type=URLENCODED)

    assert read_one(sent, FORM).fields["company"] == "Söhne"


def test_u_0000_doesnt_reach_the_lead() -> None:
    raw = read_one(request(b"email=ida%40yew.example&company=A%00B&x%00=1", content_type=URLENCODED), FORM)

    found = captured(raw, FORM)

    assert found.told.fields["company"] == "AB"
    assert found.told.fields["custom"] == {"x": "1"}


def test_a_form_in_json_is_bounded_like_the_others() -> None:
    sent = {f"field_{number}": number for number in range(MAX_FIELDS + 1)}

    with pytest.raises(Unusable, match="too many fields"):
        read(request(json.dumps(sent).encode()), FORM)


@pytest.mark.parametrize("count", [MAX_FIELDS + 1, 100_000])
def test_too_many_fields_are_unusable(count: int) -> None:
    with refuses(422):
        read(request("&".join(f"f{n}=1" for n in range(count)), content_type=URLENCODED), FORM)
    with refuses(422):
        read(multipart(*((f'name="f{n}"', "1") for n in range(min(count, 2000)))), FORM)
    with refuses(422):
        read(multipart(*((f'name="f{n}"; filename="x"', "1") for n in range(min(count, 2000)))), FORM)


def test_a_file_is_left_out() -> None:
    raw = read_one(multipart(('name="email"', "ida@yew.example"), ('name="cv"; filename="cv.pdf"', "%PDF")), FORM)

    assert raw.fields == {"email": "ida@yew.example"}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"--XX\r\nnonsense", MULTIPART),
        (b"", MULTIPART),
        (b"--XX--", "multipart/form-data"),
        (b"--XX--", "multipart/form-data; boundary="),
        (b"\xff\xfe", "application/json"),
        (b'"text"', "application/json"),
        (b"[" * 100_000, "application/json"),
    ],
)
def test_a_broken_body_is_unusable_or_empty(body: bytes, content_type: str) -> None:
    sent = request(body, content_type=content_type)

    with suppress(Unusable):
        assert [raw.fields for raw in read(sent, FORM)] == [{}]


@pytest.mark.parametrize("content_type", ["text/plain", "text/xml", "application/octet-stream"])
def test_another_content_type_is_refused(content_type: str) -> None:
    with refuses(415):
        read(request(b"a=b", content_type=content_type), FORM)


def test_a_filled_honeypot_is_answered_as_a_person_is_and_tells_nothing() -> None:
    trapped = source("form", options={"honeypot": "website_url"})
    sent = urlencoded({**SENT, "website_url": "http://spam.example"})

    assert read(sent, trapped) == []
    status, body = answer_to(sent, trapped)
    assert (status, set(body), body["duplicate"]) == (202, {"lead_id", "duplicate"}, False)
    assert len(body["lead_id"]) == 36


def test_an_empty_honeypot_is_what_people_send() -> None:
    trapped = source("form", options={"honeypot": "website_url"})

    raw = read_one(urlencoded({**SENT, "website_url": ""}), trapped)

    assert "website_url" not in raw.fields


def test_a_browser_is_sent_on_and_a_script_gets_json() -> None:
    redirecting = source("form", redirect="https://www.example.com/thanks")
    browser, script = request(SENT, accept="text/html,*/*"), request(SENT, accept="application/json")

    page = source_type(redirecting).answer([Outcome("l")], browser, redirecting)
    assert (page.status, page.headers["location"]) == (303, "https://www.example.com/thanks")
    assert answer_to(script, redirecting, Outcome("l")) == (202, {"lead_id": "l", "duplicate": False})
    assert answer_to(browser, redirecting, Outcome(None, refused="no"))[0] == 422


def test_a_form_needs_no_proof_unless_it_has_a_secret() -> None:
    assert proves(request(SENT), FORM)
    assert not proves(request(SENT), FORM, KEY)
    assert proves(request(SENT, url=f"{URL}?token={KEY}"), FORM, KEY)


def test_employees_in_words_are_told_in_the_answer() -> None:
    found = captured(read_one(urlencoded({**SENT, "employees": "about 150"}), FORM), FORM)
    changes = [change.model_dump() for change in found.told.changes]

    _, body = answer_to(request(SENT), FORM, Outcome(found.lead_id, changes=changes))

    (change,) = [each for each in body["changes"] if each["field"] == "employees"]
    assert (change["before"], change["after"]) == ("about 150", None)


def test_plus_signs_in_addresses_survive() -> None:
    sent = request(f"email={quote_plus('ida+crm@yew.example')}", content_type=URLENCODED)

    assert read_one(sent, FORM).fields["email"] == "ida+crm@yew.example"


@pytest.mark.parametrize("escape", ["%", "%41"])
def test_a_form_of_far_too_many_escapes_is_refused_before_it_is_read(escape: str) -> None:
    sent = request(f"email=a@b.example&note={escape * (MAX_ESCAPES + 1)}", content_type=URLENCODED)

    with refuses(413):
        read(sent, source("form"))
