"""Which conditions hold only where another does."""

import pytest

from baton.leads.conditions.fields import Scope
from baton.leads.conditions.implication import implies
from baton.leads.conditions.parsing import parse_condition
from baton.leads.conditions.tree import Tree
from baton.leads.conditions.vocabulary import Vocabulary


def tree(written: object) -> Tree:
    return parse_condition(written, scope=Scope.SCORING, vocabulary=Vocabulary())


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        ({"lead.country": "US"}, {"lead.country": "us"}),
        ({"lead.country": "US"}, {"lead.country": ["US", "CA"]}),
        ({"lead.country": "US", "lead.state": "CA"}, {"lead.country": "US"}),
        ({"lead.country": "US"}, {"lead.country": {"exists": True}}),
        ({"lead.country": "US"}, {"any": [{"lead.country": "US"}, {"lead.state": "CA"}]}),
        ({"any": [{"lead.country": "US"}, {"lead.country": "CA"}]}, {"lead.country": ["CA", "US", "MX"]}),
        ({"lead.employees": {"gte": 1000}}, {"lead.employees": {"gt": 999}}),
        ({"lead.employees": {"between": [200, 999]}}, {"lead.employees": {"lt": 1000}}),
        ({"lead.employees": [5, 9]}, {"lead.employees": {"between": [5, 9]}}),
        ({"not": {"lead.country": ["US", "CA"]}}, {"not": {"lead.country": "US"}}),
        ({"activity": "webinar", "at_least": 3, "within": "7d"}, {"activity": "any", "at_least": 2, "within": "30d"}),
    ],
)
def test_one_implies_the_other(narrow: object, wide: object) -> None:
    assert implies(tree(narrow), tree(wide))


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        ({"lead.country": ["US", "CA"]}, {"lead.country": "US"}),
        ({"lead.country": "US"}, {"lead.country": "US", "lead.state": "CA"}),
        ({"lead.country": {"exists": False}}, {"lead.country": {"exists": True}}),
        ({"lead.country": {"exists": True}}, {"lead.country": "US"}),
        ({"lead.employees": {"gte": 999}}, {"lead.employees": {"gt": 999}}),
        ({"lead.employees": {"gt": 5}}, {"lead.employees": {"between": [5, 100]}}),
        ({"not": {"lead.country": "US"}}, {"not": {"lead.country": ["US", "CA"]}}),
        ({"activity": "any"}, {"activity": "webinar"}),
        ({"activity": "webinar"}, {"activity": "webinar", "within": "30d"}),
    ],
)
def test_one_does_not_imply_the_other(narrow: object, wide: object) -> None:
    assert not implies(tree(narrow), tree(wide))
