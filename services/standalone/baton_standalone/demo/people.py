"""The people of the demo: made up, at companies whose domains nobody can own (`.example`)."""

import random
import unicodedata
from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True, slots=True)
class Company:
    """Where somebody works. `employees` as people write it into forms."""

    name: str
    domain: str
    employees: str
    industry: str
    country: str
    state: str = ""
    city: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may buy."""

    first_name: str
    last_name: str
    title: str
    email: str
    phone: str
    company: Company

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


COMPANIES: Final = (
    Company("Northwind Robotics", "northwind-robotics.example", "620", "Manufacturing", "United States", "CA"),
    Company("Blue Harbor Health", "blueharbor.example", "1,800", "Healthcare", "USA", "Oregon"),
    Company("Cactus & Sons", "cactus.example", "45", "Retail", "US", "Arizona", "Tucson"),
    Company("Hudson Ledger", "hudsonledger.example", "240", "Financial Services", "United States", "NY", "New York"),
    Company("Peachtree Logistics", "peachtree.example", "1000+", "Logistics", "usa", "Georgia", "Atlanta"),
    Company("Lakeshore Software", "lakeshore.example", "85", "Software", "United States", "Illinois", "Chicago"),
    Company("Müller Maschinenbau", "mueller-mb.example", "430", "Manufacturing", "Deutschland", "", "Stuttgart"),
    Company("Société Lumière", "lumiere.example", "200-500", "Software", "France", "", "Lyon"),
    Company("Ferretti Logistica", "ferretti.example", "75", "Logistics", "Italia", "", "Bologna"),
    Company("Øresund Data", "oresund.example", "1200", "Information Technology", "Denmark", "", "København"),
    Company("Kowalski i Wspólnicy", "kowalski.example", "30", "Legal", "Poland", "", "Kraków"),
    Company("Thames Analytics", "thames.example", "510", "Computer Software", "United Kingdom", "", "London"),
    Company("さくらソフト", "sakura-soft.example", "340", "Software", "Japan", "", "東京"),
    Company("Ganga Cloud Works", "gangacloud.example", "2,600", "Information Technology", "India", "", "Pune"),
    Company("Merlion Payments", "merlion.example", "150", "Financial Services", "Singapore"),
    Company("Hanbit Systems", "hanbit.example", "880", "Software", "South Korea", "", "Seoul"),
    Company("Wattle Creek Health", "wattlecreek.example", "95", "Healthcare", "Australia", "NSW", "Sydney"),
    Company("Baobab Fintech", "baobab.example", "60", "Financial Services", "Kenya", "", "Nairobi"),
    Company("Lagoa Software", "lagoa.example", "210", "Software", "Brasil", "", "Florianópolis"),
    Company("Nile Freight", "nilefreight.example", "about 400", "Logistics", "Egypt", "", "القاهرة"),
)

_NAMES: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "United States": (
        ("Harper", "Mateo", "Nia", "Owen", "Priscilla", "DeShawn", "Mei"),
        ("O'Brien", "Ramirez", "Washington", "Cohen", "Nguyen", "Petrov", "St. James"),
    ),
    "Deutschland": (("Jörg", "Annika", "Björn", "Käthe"), ("Weiß", "Schröder", "von der Heide", "Yılmaz")),  # noqa: RUF001
    "France": (("Zoë", "François", "Amélie", "Noël"), ("Lefèvre", "Dupont-Moreau", "N'Diaye", "Garçon")),
    "Italia": (("Chiara", "Niccolò", "Luca"), ("D'Angelo", "Esposito", "De Luca")),
    "Denmark": (("Søren", "Åse", "Mads"), ("Østergaard", "Kjær", "Nygård")),
    "Poland": (("Łukasz", "Małgorzata", "Zofia"), ("Wójcik", "Dąbrowska", "Żak")),
    "United Kingdom": (("Siân", "Callum", "Aisha", "Imogen"), ("MacLeod", "Okonkwo", "Llewellyn", "Patel")),
    "Japan": (("さくら", "健太", "美咲"), ("佐藤", "高橋", "渡辺")),
    "India": (("Ananya", "Arjun", "लक्ष्मी", "Kavya"), ("Iyer", "Chatterjee", "शर्मा", "Reddy")),
    "Singapore": (("Jia Hui", "Farid", "Kumar"), ("Tan", "bin Osman", "s/o Rajan")),
    "South Korea": (("지우", "민준", "Seo-yeon"), ("김", "박", "Choi")),
    "Australia": (("Matilda", "Lachlan", "Kirra"), ("Nguyen-Jones", "Murray", "O'Shea")),
    "Kenya": (("Wanjiru", "Otieno", "Amina"), ("Kamau", "Odhiambo", "Hassan")),
    "Brasil": (("João", "Conceição", "Thaís"), ("da Silva", "Gonçalves", "Araújo")),
    "Egypt": (("ليلى", "أحمد", "Yasmin"), ("حسن", "محمود", "El-Sayed")),
}
_KNOWN: Final = 0.25
_WORDS: Final = ("Alder", "Basalt", "Cobalt", "Dune", "Ember", "Fjord", "Grove", "Harbor", "Iris", "Juniper", "Kestrel")
_KINDS: Final = ("Works", "Labs", "Systems", "Freight", "Capital", "Health", "Robotics", "Foods", "Energy", "Media")
_AS_IN: Final = {"USA": "United States", "US": "United States", "usa": "United States"}
_TITLES: Final = (
    "VP Sales", "Chief Revenue Officer", "Director of Operations", "Head of Marketing", "CTO", "Sales Manager",
    "RevOps Analyst", "Account Coordinator", "Founder & CEO", "IT Administrator",
)  # fmt: skip
_DIALLING: Final = {
    "United States": "+1 415 555 01{:02}", "Deutschland": "+49 30 5550{:03}", "France": "+33 1 55 50 00 {:02}",
    "United Kingdom": "+44 20 7946 0{:03}", "Japan": "+81 3 5550 0{:03}", "Australia": "+61 2 5550 0{:03}",
}  # fmt: skip

HOSTILE: Final = Person(
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(2)> \x1b[31mRobert\u202e'); DROP TABLE leads;--",
    '=HYPERLINK("https://evil.example","VP")',
    "bobby.tables@hostile.example",
    "",
    Company("{{7*7}} & Sons </title>", "hostile.example", "250", "Software", "Germany"),
)
"""Whose name tries to be a program: it has to come out as a name, everywhere."""

COMPETITOR: Final = Person(
    "Rita", "Rival", "Product Marketing Manager", "rita@rivalroute.example", "",
    Company("Rival Route", "rivalroute.example", "300", "Software", "United States", "TX"),
)  # fmt: skip

STUDENT: Final = Person(
    "Timo", "Lehtonen", "Student", "timo.lehtonen@gmail.com", "",
    Company("", "gmail.com", "", "", "Finland"),
)  # fmt: skip


def somebody(chance: random.Random) -> Person:
    """Somebody, one time in four at a well-known company, else at one that nobody has heard of."""
    company = chance.choice(COMPANIES)
    if chance.random() > _KNOWN:
        company = _unknown(company, chance)
    country = _AS_IN.get(company.country, company.country)
    first_names, last_names = _NAMES[country]
    first, last = chance.choice(first_names), chance.choice(last_names)
    pattern = _DIALLING.get(country, "")
    return Person(
        first_name=first,
        last_name=last,
        title=chance.choice(_TITLES),
        email=f"{_mailbox(first, last, chance)}@{company.domain}",
        phone=pattern.format(chance.randrange(100)),
        company=company,
    )


def _unknown(like: Company, chance: random.Random) -> Company:
    """A company in the same place and trade."""
    word, kind = chance.choice(_WORDS), chance.choice(_KINDS)
    employees = str(chance.choice((12, 40, 75, 130, 260, 480, 750, 1400, 5200)))
    domain = f"{word}-{kind}{chance.randrange(100)}.example".lower()
    return replace(like, name=f"{word} {kind}", domain=domain, employees=employees)


def _mailbox(first: str, last: str, chance: random.Random) -> str:
    """`zoe.lefevre7`: as companies write names that mail servers don't."""
    plain = unicodedata.normalize("NFKD", f"{first}.{last}").encode("ascii", "ignore").decode()
    kept = "".join(each for each in plain.lower() if each.isalnum() or each == ".").strip(".")
    return f"{kept or 'contact'}{chance.randrange(1000)}"
