"""The command line `baton`."""

from typing import Final

import typer

from baton_standalone.commands import (
    backtest,
    bench,
    demo,
    dlq,
    events,
    export,
    import_,
    keys,
    migrate,
    playbook,
    send,
    simulate,
    up,
)

app: Final = typer.Typer(
    name="baton",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Marketing hands the baton to sales, and nobody drops it.",
)
app.command("up")(up.up)
app.command("demo")(demo.demo)
app.command("send")(send.send)
app.add_typer(playbook.app, name="playbook")
app.command("simulate")(simulate.simulate)
app.command("backtest")(backtest.backtest)
app.command("events")(events.events)
app.add_typer(dlq.app, name="dlq")
app.add_typer(keys.app, name="keys")
app.command("export")(export.export)
app.command("import")(import_.import_)
app.command("migrate")(migrate.migrate)
app.command("bench", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(bench.bench)


def main() -> None:
    """Run a command."""
    app()
