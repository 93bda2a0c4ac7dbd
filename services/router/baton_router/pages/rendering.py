"""From templates to answers: everything escaped, nothing from elsewhere, no script but our own files."""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from fastapi import Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from baton.kernel.instants import format_instant
from baton_router.pages import wording

_HERE: Final = Path(__file__).resolve().parent
STATIC: Final = _HERE / "static"
HTMX: Final = "htmx-2.0.8.min.js"
_LEAD_ID: Final = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",  # the address of a page may hold a person's
    "cache-control": "no-store",
}


class Pages:
    """Renders templates. Links are relative, so that pages work under any prefix, told or not."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(
            instant=format_instant,
            moment=_moment,
            number=lambda value: wording.value_text(float(value)),
            with_links=with_links,
            state_word=wording.state_word,
            value_text=wording.value_text,
        )
        self._environment.globals.update(version=_version(), htmx=HTMX)

    def answer(self, request: Request, template: str, *, status: int = 200, **context: Any) -> Response:
        """A page. `up` is the way to the root of the pages from where it stands."""
        depth = request.url.path.removeprefix(request.scope.get("root_path", "")).count("/") - 1
        html = self._environment.get_template(template).render(up="../" * depth or "./", **context)
        return Response(html, status, dict(HEADERS), "text/html; charset=utf-8")


def with_links(text: str) -> Markup:
    """Text in which the ids of leads lead to their pages; for pages that lie beside those."""
    return Markup(_LEAD_ID.sub(lambda found: f'<a href="{found[0]}">{found[0][:8]}…</a>', str(escape(text))))  # noqa: S704  escaped


def _moment(at: datetime) -> str:
    """For people whose browser runs no script; the others see it in their own zone."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _version() -> str:
    """Changes with the files, so that browsers may keep them."""
    content = b"".join(file.read_bytes() for file in sorted(STATIC.iterdir()))
    return hashlib.sha256(content).hexdigest()[:10]
