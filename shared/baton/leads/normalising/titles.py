"""Seniority from a job title: `c_level`, `vp`, `director`, `manager`, `individual`, `intern`, or nothing.

Titles are read as whole words without accents and case. Order is all: first goes whoever works *for* somebody
("Assistant to the CEO"), then "Vice President" before "President", then the highest rank that is left ("Associate
Director" is a director). What no rule knows stays unknown; the rep reads the title anyway.
"""

import re
from functools import lru_cache

from baton.leads.normalising.text import fold, read_text, slug

LONGEST = 300

# A gendered ending ("Leiter/in", "directeur·rice") is a word or a letter of its own after folding and does no harm.
_BOSSES = (
    r"(?:c[a-z]o|chief|president|vice president|vp|svp|evp|director|directors|managing director|md|head|chair\w*"
    r"|founders?|owner|board|executives?|partners?|management|vorstand\w*|geschaf\w*|direction|direccion|direzione)"
)
# What follows "to the" is about somebody else; "reporting to CFO" too.
_OTHERS = re.compile(
    rf"\b(?:to|office of|support(?:ing)? for) (?:the |our )?(?:\w+ ){{0,2}}?{_BOSSES}\b.*"
    r"|\b(?:channel|alliance|technology|delivery|client|sales) partner\b(?= \w)"
)
# Words that would be read as ranks, and aren't: who owns a product owns no company.
_COMPOUNDS = (
    (re.compile(r"\b(?:product|process|data|system|service|application|project|risk|control) owner\b"), "productowner"),
    (re.compile(r"\b(hr|people|finance|it|human resources|talent) business partner\b"), r"\1 specialist"),
    (re.compile(r"\bdirect to consumer\b"), "dtc"),
)
# "Assistant Manager" and "Associate Director" are ranks of their own, near the one they assist.
_DEPUTY = re.compile(
    r"\b(?:assistant|associate|deputy|stellvertretende[rn]?|stv|adjoint|adjunto) "
    r"(?=(?:\w+ )?(?:vice president|vp|director|manager|head|geschaf|leiter|directeur|gerente|professor"
    r"|general counsel))"
)
_ASSISTANT = re.compile(
    r"\b(?:(?:executive |personal |team )?(?:assistants?|assistante?s?|secretary|assistenz|assistentin|assistent"
    r"|sekretar(?:in)?|secretaire|asistente|secretari[ao]|assistente|segretari[ao]|referent(?:in)?|\w+assistent(?:in)?"
    r"|\w+assistenz|asistentka|sekretariat))\b"
)
_FORMER = re.compile(r"(?:former|formerly|ex|retired|ehemalig\w*|ancien(?:ne)?|exdirector|pensioniert\w*)\b")
_YOUNG = re.compile(
    r"\b(?:praktikant(?:in)?|werkstudent(?:in)?|stagiaire|becari[oa]|auszubildende[rn]?|azubi|stagista|estagiari[oa])\b"
    r"|\b(?:intern|internship|trainee|apprentice|student|alternante?)\Z|^(?:intern|student|trainee"
    r"|apprentice)\b(?! \w+ )"
)
_VP = re.compile(
    r"\b(?:vice president[ae]?|vicepresident[ae]?|vp|svp|evp|avp|rvp|gvp|vize ?prasident(?:in)?|vice presidente"
    r"|viceprezes|wiceprezes)\b|副社長|副总裁|副總裁|부사장"
)
_C_LEVEL = re.compile(
    r"\b(?:c[a-z]o|ciso|cxo|chro|c level|c suite|chief (?:\w+ ){1,4}officer|chief executive|president[ae]?"
    r"|prasident(?:in)?"
    r"|co ?founders?|founders?|founding partner|managing partner|owner|co owner|proprietor|managing director"
    r"|chair(?:man|woman|person)|gescha?e?ftsfu?e?hr\w*|geschaftsleit(?:er|erin|ung)|vorstand"
    r"|vorstandsvorsitz\w+|vorstandsmitglied|inhaber(?:in)?|grunder(?:in)?|mitgrunder(?:in)?|gesellschafter(?:in)?"
    r"|pdg|directeur general|directrice generale|gerante?|fondateur|fondatrice|cofondateur|cofondatrice|dirigeante?"
    r"|director general|directora general|director ejecutivo|consejer[oa] delegad[oa]|gerente general|duen[oa]"
    r"|fundador(?:a)?|cofundador(?:a)?|propietari[oa]|amministratore delegato|amministratore unico|titolare"
    r"|fondat(?:ore|rice)|direttore generale|diretora? geral|diretora? executiv[oa]|proprietari[oa]"
    r"|algemeen directeur|bestuurder|eigenaar|oprichter|verkstallande direktor|administrerende direktor|adm direktor"
    r"|toimitusjohtaja|prezes|wlasciciel(?:ka)?|jednatel(?:ka)?|generalni reditel(?:ka)?|ugyvezeto|genel mudur)\b"
    r"|генеральныи директор|代表取締役|社長|首席执行官|总裁|總裁|总经理|總經理|대표이사|代表"
)
_SOLE_PARTNER = re.compile(r"(?:senior |equity |general )?partner(?: at\b.*)?")
_DIRECTOR = re.compile(
    r"\b(?:directors?|directeur|directrice|direktor(?:in)?|dirett(?:ore|rice)|diretora?|directora|dyrektor(?:ka)?"
    r"|reditel(?:ka)?|johtaja|head|general manager|chief|hoofd|mudur|chef de service"
    r"|(?!team|projekt|gruppen|filial|schicht|markt)\w*leiter(?:in)?|leitung|bereichsleitung|abteilungsleitung)\b"
    r"|(?<!\w)директор(?!\w)|部長|总监|總監|본부장"
)
_MANAGER = re.compile(
    r"\b(?:managers?|mgr|manageur|manageuse|supervisor|superintendent|(?:team|tech|technical|squad|group"
    r"|project) lead(?:er)?"
    r"|gerente|responsable|responsabile|responsavel|jef[ea]|chef d[eu]|kierowni(?:k|czka)|vedouci|paallikko"
    r"|(?:team|projekt|gruppen|filial|schicht|markt)leit(?:er|erin|ung)|teamlead|\w+manager(?:in)?|leder|managerin)\b"
    r"|менеджер|руководитель|課長|经理|經理|팀장"
)
_INDIVIDUAL = re.compile(
    r"\b(?:engineer|developer|programmer|analyst|specialist|consultant|associate|representative|rep|sdr|bdr|coordinator"
    r"|administrator|admin|designer|architect|scientist|accountant|account executive|sales executive"
    r"|marketing executive"
    r"|executive|advisor|adviser|technician|officer|clerk|researcher|teacher|professor|lecturer|nurse|writer|editor"
    r"|recruiter|buyer|agent|strategist|planner|operator|counsel|lawyer|attorney|paralegal|bookkeeper|salesperson"
    r"|freelancer?|evangelist|expert|generalist|trainer|staff|employee|auditor|productowner|\w*entwickler(?:in)?"
    r"|\w*ingenieure?(?:in)?|\w*berater(?:in)?|sachbearbeiter(?:in)?|mitarbeiter(?:in)?|\w*spezialist(?:in)?"
    r"|\w*kaufm(?:ann|frau)"
    r"|kauffrau|techniker(?:in)?|buchhalter(?:in)?|developpeu(?:r|se)|consultante|charge e?|chargee? d[eu]"
    r"|conseill(?:er|ere)"
    r"|technicien(?:ne)?|comptable|commercial|vendeur|ingenier[oa]|desarrollador(?:a)?|analista|tecnic[oa]"
    r"|consultor(?:a)?"
    r"|comercial|asesor(?:a)?|sviluppat(?:ore|rice)|consulente|impiegat[oa]|ingegnere|desenvolvedor(?:a)?|engenheir[oa]"
    r"|medewerker|adviseur|ontwikkelaar|specjalist(?:a|ka)|inzynier|programista|konsultant(?:ka)?)\b"
    r"|инженер|разработчик|специалист|工程师|エンジニア"
)
_RANKS = (
    ("c_level", _C_LEVEL), ("vp", _VP), ("director", _DIRECTOR), ("manager", _MANAGER), ("intern", _YOUNG),
    ("individual", _INDIVIDUAL),
)  # fmt: skip

_WORDS = {
    "c_level": "c_level c_suite clevel csuite cxo chief executive c owner founder partner president",
    "vp": "vp vice_president svp evp v_p",
    "director": "director head directors head_of senior_director",
    "manager": "manager mgr team_lead lead supervisor managers senior_manager",
    "individual": "individual individual_contributor ic senior junior specialist staff employee entry entry_level",
    "intern": "intern trainee student apprentice internship training",
}
SENIORITIES = tuple(_WORDS)
_SPELLINGS = {spelling: word for word, spellings in _WORDS.items() for spelling in spellings.split()}


def read_seniority(value: object) -> str | None:
    """A seniority that was sent, in our words; an unknown one stays as sent; None if blank."""
    text = read_text(value, limit=100)
    return None if text is None else _SPELLINGS.get(slug(text), text)


@lru_cache(maxsize=8192)
def seniority_of(title: str) -> str | None:
    """The seniority that a title of at most `LONGEST` characters speaks of."""
    words = own_words(title)
    return "individual" if _ASSISTANT.search(words) else _rank(words)


def own_words(title: str) -> str:
    """The folded words of a title that are about its bearer, today."""
    words = fold(title)
    if _FORMER.match(words):
        return ""
    for compound, word in _COMPOUNDS:
        words = compound.sub(word, words)
    return _OTHERS.sub(" ", _DEPUTY.sub("", words)).strip()


def without_vice(words: str) -> str:
    """Without "vice president" and its like, so that they aren't read as "president"."""
    return _VP.sub(" ", words)


def _rank(words: str) -> str | None:
    if _YOUNG.search(words):
        return "intern"
    if _SOLE_PARTNER.fullmatch(words):
        return "c_level"
    # "Vice President" must not be read as "President", yet "Executive Vice President & CFO" is a CFO.
    others = without_vice(words)
    for rank, pattern in _RANKS:
        if pattern.search(words if rank == "vp" else others):
            return rank
    return None
