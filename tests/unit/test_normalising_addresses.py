import pytest

from baton.leads.normalising import Unusable, is_disposable, is_free_mail, read_email, registrable_domain


@pytest.mark.parametrize(
    ("sent", "address"),
    [
        (" Mary.Jones@ACME.com \n", "mary.jones@acme.com"),
        ("\ufeffmary@acme.com\u200b", "mary@acme.com"),
        ("mary+demo@acme.com", "mary+demo@acme.com"),
        ("m.a.r.y@gmail.com", "m.a.r.y@gmail.com"),
        ("MÜLLER@BÜCHER.example", "müller@xn--bcher-kva.example"),
        ("mu\u0308ller@acme.com", "müller@acme.com"),
        ("anna@straße.de", "anna@xn--strae-oqa.de"),
        ("anna@XN--BCHER-KVA.example", "anna@xn--bcher-kva.example"),
        ("mary@acme.test", "mary@acme.test"),
        ("mary@acme.invalid", "mary@acme.invalid"),
        ("mary@server.local", "mary@server.local"),
        ("m" * 65 + "@acme.com", "m" * 65 + "@acme.com"),
        ("o'brien@acme.com", "o'brien@acme.com"),
    ],
)
def test_an_address_has_one_normal_form(sent: str, address: str) -> None:
    read = read_email(sent)

    assert read is not None
    assert read.address == address


@pytest.mark.parametrize(
    "sent",
    [
        "mary", "mary@", "@acme.com", "mary@acme", "mary@acme..com", "mary@@acme.com", "mary@localhost",
        "mary@127.0.0.1", "mary@[127.0.0.1]", "ma ry@acme.com", "mary@acme.com, joe@acme.com", "Mary <mary@acme.com>",
        "mary\0@acme.com", "mary@acme.com\r\nBcc: all@acme.com", "mary\u200b@acme.com", "mary@acme.com\ud800",
        "mary@" + "a" * 64 + ".com", "mary@" + "a." * 126 + "com", "x" * 1_000_000, 7, True,
        ["mary@acme.com"], {"email": "mary@acme.com"}, 1.5,
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(sent: object) -> None:
    with pytest.raises(Unusable):
        read_email(sent)


@pytest.mark.parametrize("sent", ["", "  ", "\u200b"])
def test_a_blank_address_is_none(sent: str) -> None:
    assert read_email(sent) is None


@pytest.mark.parametrize(
    ("domain", "registrable"),
    [
        ("mail.acme.co.uk", "acme.co.uk"),
        ("acme.com", "acme.com"),
        ("eu.acme.example", "acme.example"),
        ("acme.github.io", "acme.github.io"),
        ("github.io", "github.io"),
        ("co.uk", None),
        ("www.xn--bcher-kva.example", "xn--bcher-kva.example"),
    ],
)
def test_the_registrable_domain_is_what_somebody_registered(domain: str, registrable: str | None) -> None:
    assert registrable_domain(domain) == registrable


@pytest.mark.parametrize("domain", ["gmail.com", "web.de", "yahoo.co.uk", "tuta.io", "mail.gmx.net", "mailinator.com"])
def test_a_domain_where_anybody_has_a_mailbox_is_free_mail(domain: str) -> None:
    assert is_free_mail(domain)


@pytest.mark.parametrize("domain", ["acme.com", "example.com", "ibm.com", "acme.example"])
def test_a_company_is_not_free_mail(domain: str) -> None:
    assert not is_free_mail(domain)


def test_an_address_made_to_be_thrown_away_is_told_apart() -> None:
    assert is_disposable("mailinator.com")
    assert not is_disposable("gmail.com")
