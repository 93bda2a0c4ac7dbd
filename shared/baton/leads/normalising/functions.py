"""The function (department) that a job title speaks of: the one named first, whole words, no accents and case."""

import re
from functools import lru_cache

from baton.leads.normalising.text import read_text, slug
from baton.leads.normalising.titles import own_words, without_vice

_TITLE_WORDS = {
    "sales": r"sales|account executive|account manager|account director|sdr|bdr|business development|revenue|cro"
    r"|presales|vertrieb\w*|\w*vertrieb|verkauf\w*|ventes?|commercial\w*|ventas|comercial|vendite|commerciale|vendas|verkoop"
    r"|sprzedaz\w*|forsaljning|salg|key account|partnerships?|channel|alliances|partner manager|продаж\w*",
    "marketing": r"marketing|cmo|brand|growth|demand gen\w*|demand generation|content|seo|communications|pr"
    r"|public relations|\w*marketing\w*|mercadeo|mercadotecnia|маркетинг\w*",
    "customer_success": r"customer success|customer support|customer service|customer experience|client success|support"
    r"|csm|cco|kundenservice|kundenbetreuung|kundendienst|service client|atencion al cliente|helpdesk|help desk",
    "product": r"product|products|cpo|productowner|ux|ui|produkt(?!ion)\w*|produit\w*|producto|prodotto|produto",
    "engineering": r"engineering|engineer|developer|development|software|cto|devops|sre|data|r and d|r d|research"
    r"|programmer|architect|technology|qa|machine learning|ai|\w*entwickl\w*|\w*ingenieur\w*|developpement"
    r"|developpeu(?:r|se)|desarroll\w*|ingenier\w*|sviluppo|technik|technique|tecnologia|разработ\w*|инженер\w*",
    "it": r"it|cio|ciso|information technology|information systems|information security|security|infrastructure|network"
    r"|system administrator|systems administrator|sysadmin|informatik\w*|informatique|sistemas|informatica",
    "finance": r"finance|financial|cfo|accounting|accountant|controller|controlling|treasur\w*|tax|audit|auditor"
    r"|payroll|bookkeeper|finanz\w*|buchhalt\w*|finances|financier|comptab\w*|finanzas|finanza|contabil\w*|financas|finansow\w*"
    r"|финанс\w*",
    "hr": r"hr|human resources|people|chro|talent|recruit\w*|personnel|personal\w+|people ops|ressources humaines|rh"
    r"|recursos humanos|risorse umane|hrbp|кадр\w*",
    "legal": r"legal|counsel|lawyer|attorney|compliance|paralegal|recht\w*|jurist\w*|juridique|legale|abogad[oa]|clo",
    "procurement": r"procurement|purchasing|sourcing|buyer|einkauf\w*|einkaufer\w*|achats?|acheteu(?:r|se)|compras"
    r"|acquisti|inkoop|supply chain",
    "operations": r"operations|coo|ops|logistics|manufacturing|production|plant|facilities|warehouse|project|programme"
    r"|program|produktion\w*|logisti\w*|betrieb\w*|operaciones|operazioni|operacoes",
    "executive": r"ceo|chief executive|managing director|founder|cofounder|owner|president|chairman|geschaf\w*fuhr\w*"
    r"|geschaeftsfuehr\w*|vorstand\w*|inhaber(?:in)?|grunder(?:in)?|pdg|directeur general|directrice generale|gerante?"
    r"|director general|consejer[oa] delegad[oa]|gerente general|amministratore delegato|titolare|генеральныи директор",
}
# Scripts that set no space between words.
_UNSPACED = {
    "sales": "営業|销售|영업", "marketing": "マーケティング|市场|마케팅", "engineering": "エンジニア|工程师|研发|개발",
    "finance": "経理|财务|재무", "hr": "人事|인사", "procurement": "採購|采购|구매", "operations": "運営|运营",
    "executive": "代表取締役|社長|总经理|首席执行官|대표이사",
}  # fmt: skip


def _pattern(function: str) -> str:
    unspaced = _UNSPACED.get(function)
    return rf"\b(?:{_TITLE_WORDS[function]})\b" + (f"|{unspaced}" if unspaced else "")


# "executive" only if nothing else is named: "Founder & Head of Sales" sells.
_BRANCH = re.compile("|".join(f"(?P<{name}>{_pattern(name)})" for name in _TITLE_WORDS if name != "executive"))
_EXECUTIVE = re.compile(_pattern("executive"))
_ANOTHERS = re.compile(r"\b(?:assistenz|assistentin|referent(?:in)?|assistante?|asistente) (?:de[rsl]?|du)\b.*")

_WORDS = {
    "customer_success": "customer_support support customer_service cs service client_success",
    "engineering": "development r_d research research_development technology tech product_development",
    "executive": "c_suite general_management management ceo leadership founder",
    "finance": "accounting financial",
    "hr": "human_resources people talent human_ressources recruiting",
    "it": "information_technology information_systems security",
    "legal": "law compliance",
    "marketing": "communications growth",
    "operations": "ops logistics production",
    "procurement": "purchasing sourcing supply_chain",
    "product": "product_management",
    "sales": "business_development revenue sales_development",
}
FUNCTIONS = tuple(_TITLE_WORDS)
_SPELLINGS = {spelling: word for word, spellings in _WORDS.items() for spelling in [word, *spellings.split()]}


def read_function(value: object) -> str | None:
    """A function that was sent, in our words; an unknown one stays as sent; None if blank."""
    text = read_text(value, limit=100)
    return None if text is None else _SPELLINGS.get(slug(text), text)


@lru_cache(maxsize=8192)
def function_of(title: str) -> str | None:
    """The function that a title of at most `titles.LONGEST` characters speaks of."""
    words = _ANOTHERS.sub("", without_vice(own_words(title)))
    match = _BRANCH.search(words)
    if match is not None:
        return match.lastgroup
    return "executive" if _EXECUTIVE.search(words) else None
