"""`baton export`: all that is held of a person, as one JSON document."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryFile
from typing import IO, TYPE_CHECKING, Annotated, Final, NoReturn

import typer

if TYPE_CHECKING:
    from baton_standalone.gathering import Gathered, Services

EXIT_NONE: Final = 1
EXIT_WRONG: Final = 2
_STDOUT: Final = Path("-")

Where = Annotated[str | None, typer.Option(help="Where this one is, if it is by itself.", show_default=False)]


def export(
    lead: Annotated[
        str, typer.Argument(metavar="LEAD", help="A lead's id or email address; of one without an address, the phone.")
    ],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="- is standard output.")] = _STDOUT,
    url: Annotated[
        str | None, typer.Option(help="Where Baton is; without it BATON_LISTEN.", show_default=False)
    ] = None,
    ingest: Where = None,
    scoring: Where = None,
    router: Where = None,
    sla: Where = None,
) -> None:
    """Gather all that the four services hold of a person, under all ids that were merged, as one JSON document.

    Without a gateway in front of the four say where each is. Where there are keys, BATON_API_KEY needs the scope admin.
    The file is there once it is complete, and can be read by you alone.
    """
    from baton.kernel.clock import SystemClock
    from baton.kernel.instants import format_instant
    from baton_standalone.gathering import CantGather, write_document

    lead_id = _lead_id(lead)
    services = _services(url, {"ingest": ingest, "scoring": scoring, "router": router, "sla": sla})
    try:
        with _draft(output) as draft:
            now = format_instant(SystemClock().now())
            gathered = write_document(draft, lead_id, services=services, now=now)
            _refuse_nothing(gathered, of=lead)
    except CantGather as error:
        _end(str(error), EXIT_NONE)
    except OSError as error:
        _end(f"{output}: {error.strerror or error}", EXIT_NONE)
    if gathered.erased_at is not None:
        sys.stderr.write(f"this person was erased at {gathered.erased_at}; this is what came since\n")


def _lead_id(lead: str) -> str:
    from baton.leads.naming import as_lead_id, lead_id_named

    try:
        lead_id = as_lead_id(lead_id_named(lead))
    except ValueError as error:
        _end(f"{lead}: {error}", EXIT_WRONG)
    if lead_id is None:
        _end(f"{lead} names no lead: give its id (a UUID), its email address, or its phone in E.164", EXIT_WRONG)
    return lead_id


def _services(url: str | None, own: dict[str, str | None]) -> "Services":
    from baton_standalone.gathering import Services
    from baton_standalone.reaching import service_url

    urls = {name: service_url(name, url=url, own=each) for name, each in own.items()}
    return Services(urls, os.environ.get("BATON_API_KEY") or None)


def _refuse_nothing(gathered: "Gathered", *, of: str) -> None:
    """Of somebody who was erased, all that there is is that. A number is a lead's name only where it has no address."""
    from baton.leads.naming import as_lead_id
    from baton_standalone.gathering import CantGather

    if gathered.rows == 0 and gathered.erased_at is not None:
        raise CantGather(f"this person was erased at {gathered.erased_at}; nothing else is held")
    if gathered.rows == 0:
        is_number = as_lead_id(of) is None and "@" not in of
        unnamed = f"no lead is named {of}; of one with an email address, ask by that or by the id"
        raise CantGather(unnamed if is_number else "nothing is held of this person")


@contextmanager
def _draft(output: Path) -> Iterator[IO[bytes]]:
    """What is written becomes the file, or goes to standard output, at the end of the block: all of it or nothing."""
    if output == _STDOUT:
        with TemporaryFile() as draft:
            yield draft
            draft.seek(0)
            shutil.copyfileobj(draft, sys.stdout.buffer)
        return
    with NamedTemporaryFile(dir=output.parent, prefix=f".{output.name}.", delete=False) as draft:
        try:
            yield draft
            draft.flush()
            os.fsync(draft.fileno())
            Path(draft.name).replace(output)
        except BaseException:
            Path(draft.name).unlink()
            raise


def _end(why: str, code: int) -> NoReturn:
    sys.stderr.write(f"{why}\n")
    raise typer.Exit(code)
