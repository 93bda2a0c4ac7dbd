import pycountry
import pytest

from baton.leads.normalising import Unusable, country_code
from baton.leads.normalising.places import read_country, read_state


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("US", "US"),
        ("us", "US"),
        ("USA", "US"),
        ("U.S.A.", "US"),
        ("United States", "US"),
        ("America", "US"),
        ("UK", "GB"),
        ("England", "GB"),
        ("Great Britain", "GB"),
        ("GBR", "GB"),
        ("Korea", "KR"),
        ("Korea, Republic of", "KR"),
        ("North Korea", "KP"),
        ("Holland", "NL"),
        ("The Netherlands", "NL"),
        ("Deutschland", "DE"),
        ("GER", "DE"),
        ("Allemagne", "DE"),
        ("日本", "JP"),
        ("中国", "CN"),
        ("Россия", "RU"),
        ("Österreich", "AT"),
        ("Côte d'Ivoire", "CI"),
        ("cote d ivoire", "CI"),
        ("Turkey", "TR"),
        ("Türkiye", "TR"),
        ("Georgia", "GE"),
        ("Niger", "NE"),
        ("Nigeria", "NG"),
        ("Czech Republic", "CZ"),
        ("España", "ES"),
        (" fr ", "FR"),
        ("Großbritannien", "GB"),
        ("Gran Bretaña", "GB"),
        ("Tschechische Republik", "CZ"),
        ("Bundesrepublik Deutschland", "DE"),
        ("Elfenbeinküste", "CI"),
        ("Slovak Republic", "SK"),
        ("السعودية", "SA"),
        ("Kosovo", "XK"),
    ],
)
def test_a_country_is_known_by_its_codes_and_names(sent: str, code: str) -> None:
    assert read_country(sent) == code


@pytest.mark.parametrize("sent", ["Atlantis", "Congo", "EU", "XX", "Korean", "Germ", "United", "Unknown", "1", ["US"]])
def test_a_country_is_never_guessed(sent: object) -> None:
    with pytest.raises(Unusable):
        read_country(sent)


def test_every_code_that_a_lead_may_carry_means_itself() -> None:
    codes = [*(country.alpha_2 for country in pycountry.countries), "XK"]

    assert [country_code(code) for code in codes] == codes


@pytest.mark.parametrize(
    ("sent", "country", "state"),
    [
        ("California", "US", "CA"),
        ("ca", "US", "CA"),
        ("US-CA", "US", "CA"),
        ("Washington DC", "US", "DC"),
        ("Québec", "CA", "QC"),
        ("quebec", "CA", "QC"),
        ("New South Wales", "AU", "NSW"),
        ("Bavaria", "DE", "BY"),
        ("Bayern", "DE", "BY"),
        ("São Paulo", "BR", "SP"),
        ("England", "GB", "ENG"),
    ],
)
def test_a_state_is_its_code_within_the_country(sent: str, country: str, state: str) -> None:
    assert read_state(sent, country=country) == state


@pytest.mark.parametrize(
    ("sent", "country"),
    [("Ontario", "US"), ("Tokyo", "JP"), ("Île-de-France", "XX"), ("California", None), ("Somewhere", "US")],
)
def test_a_state_that_is_not_known_stays_as_sent(sent: str, country: str | None) -> None:
    assert read_state(f" {sent} ", country=country) == sent
