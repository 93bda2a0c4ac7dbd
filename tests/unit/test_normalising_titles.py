import pytest

from baton.leads.normalising import company_key, function_of, seniority_of


@pytest.mark.parametrize(
    ("title", "seniority"),
    [
        ("CEO", "c_level"),
        ("CTO & Co-Founder", "c_level"),
        ("Chief Marketing Officer", "c_level"),
        ("President", "c_level"),
        ("Owner", "c_level"),
        ("Geschäftsführerin", "c_level"),
        ("Geschaeftsfuehrer", "c_level"),
        ("Directeur Général", "c_level"),
        ("Executive Vice President and CFO", "c_level"),
        ("Managing Director", "c_level"),
        ("Генеральный директор", "c_level"),
        ("代表取締役社長", "c_level"),
        ("대표이사", "c_level"),
        ("Partner", "c_level"),
        ("Vice President", "vp"),
        ("VP, Sales", "vp"),
        ("Vice-President of People", "vp"),
        ("副社長", "vp"),
        ("Director", "director"),
        ("Associate Director", "director"),
        ("Head of Growth", "director"),
        ("Directeur commercial", "director"),
        ("Leiter Einkauf", "director"),
        ("IT-Leiter/in", "director"),
        ("Chief of Staff to the CEO", "director"),
        ("Executive Director", "director"),
        ("Product Manager", "manager"),
        ("Teamleiter IT", "manager"),
        ("Responsable marketing", "manager"),
        ("Assistant Manager", "manager"),
        ("Partner Manager", "manager"),
        ("Engineering Team Lead", "manager"),
        ("Assistant to the CEO", "individual"),
        ("Executive Assistant to CEO", "individual"),
        ("CEO's Assistant", "individual"),
        ("Assistenz der Geschäftsführung", "individual"),
        ("Product Owner", "individual"),
        ("Account Executive", "individual"),
        ("HR Business Partner", "individual"),
        ("Software Engineer", "individual"),
        ("Advisor to the President", "individual"),
        ("Marketing Intern", "intern"),
        ("Werkstudent Vertrieb", "intern"),
        ("Former CEO", None),
        ("Wizard", None),
        ("Oceologist", None),
        ("", None),
        ("!!!", None),
    ],
)
def test_seniority_is_that_of_the_bearer_of_the_title(title: str, seniority: str | None) -> None:
    assert seniority_of(title) == seniority


@pytest.mark.parametrize(
    ("title", "function"),
    [
        ("VP of Sales", "sales"),
        ("Chief Marketing Officer", "marketing"),
        ("CFO", "finance"),
        ("CTO", "engineering"),
        ("CIO", "it"),
        ("Head of People", "hr"),
        ("Leiter Einkauf", "procurement"),
        ("Founder & Head of Sales", "sales"),
        ("CEO", "executive"),
        ("社長", "executive"),
        ("Senior Counsel", "legal"),
        ("Bereichsleiter Produktion", "operations"),
        ("Product Owner", "product"),
        ("Customer Success Manager", "customer_success"),
        ("Assistant to the CFO", None),
        ("Vice President", None),
        ("Wizard", None),
    ],
)
def test_the_function_is_what_the_title_names_first(title: str, function: str | None) -> None:
    assert function_of(title) == function


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Acme Co., Ltd.", "acme"),
        ("ACME, Inc.", "acme"),
        ("Acme Holding GmbH & Co. KG", "acme holding"),
        ("Müller & Söhne GmbH", "muller and sohne"),
        ("The Coca-Cola Company", "coca cola"),
        ("L'Oréal S.A.", "l oreal"),
        ("Limited", "limited"),
        ("AG Insurance", "ag insurance"),
        ("!!!", ""),
        ("", ""),
    ],
)
def test_spellings_of_one_company_have_one_key(name: str, key: str) -> None:
    assert company_key(name) == key
