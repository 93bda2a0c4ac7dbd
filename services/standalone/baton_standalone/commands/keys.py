"""`baton keys`: who may call the services."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from baton.service.access import Scope
    from baton_standalone.keyring import Keyring

EXIT_WRONG: Final = 2

app: Final = typer.Typer(no_args_is_help=True, help="Make, list and revoke API keys (the file BATON_KEYS).")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose key it is: `website`, `crm-sync`.")],
    *,
    scope: Annotated[
        list[str],
        typer.Option("--scope", help="ingest, score, route, read or admin; several times, or with commas."),
    ],
) -> None:
    """Make a key and print it, once: only its hash is kept."""
    scopes = _scopes(scope)
    with _mistakes_told():
        key = _keyring().create(name, scopes)
    sys.stdout.write(f"{key}\n")
    sys.stderr.write(f"{name} may: {', '.join(scopes)}. The key is shown this once only.\n")


@app.command("list")
def list_() -> None:
    """List the keys: names and scopes."""
    with _mistakes_told():
        for key in _keyring().all():
            sys.stdout.write(f"{key.name}\t{','.join(sorted(key.scopes))}\n")


@app.command()
def revoke(name: Annotated[str, typer.Argument(help="The name it was made under.")]) -> None:
    """Take a key away."""
    with _mistakes_told():
        _keyring().revoke(name)
    sys.stderr.write(f"{name}: revoked\n")


def _scopes(given: list[str]) -> "list[Scope]":
    from baton.service.access import SCOPES

    wanted = {one.strip() for text in given for one in text.split(",") if one.strip()}
    unknown = sorted(wanted.difference(SCOPES))
    if unknown or not wanted:
        sys.stderr.write(f"--scope: {', '.join(unknown) or 'nothing'} is none of {', '.join(SCOPES)}\n")
        raise typer.Exit(EXIT_WRONG)
    return [scope for scope in SCOPES if scope in wanted]


def _keyring() -> "Keyring":
    from baton.service.settings import Settings, load_settings
    from baton_standalone.keyring import Keyring

    path = load_settings(Settings).keys
    if path is None:
        sys.stderr.write(
            "BATON_KEYS: where the keys are kept is not set: give it the name of a file, and to the services too\n"
        )
        raise typer.Exit(EXIT_WRONG)
    return Keyring(path)


@contextmanager
def _mistakes_told() -> Iterator[None]:
    from baton_standalone.keyring import KeyringError

    try:
        yield
    except KeyringError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(EXIT_WRONG) from None
