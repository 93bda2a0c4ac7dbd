"""The key by which two spellings of a company's name are the same. For matching only: the lead keeps what was sent."""

from functools import lru_cache

from cleanco import basename

from baton.leads.normalising.text import fold

LONGEST = 300


@lru_cache(maxsize=8192)
def company_key(name: str) -> str:
    """`Acme Holding GmbH & Co. KG` → `acme holding`: no legal form, accents, case or punctuation. May be "".

    Only forms at the end go, for a name may begin with one (`AG Insurance`), and never the whole name (`Limited`).
    """
    key, longer = name[:LONGEST], ""
    # Once more until nothing goes: `Acme Co., Ltd.` has two forms, and punctuation may hide one (`Acme/AG`).
    while key != longer:
        longer, key = key, _shorter(key)
    return key


def _shorter(name: str) -> str:
    rest: str = basename(name)
    folded = fold(rest.replace("&", " and ")).removeprefix("the ")
    return folded or fold(name)
