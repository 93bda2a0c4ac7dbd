"""`baton bench`: the measurements of the repository."""

import importlib.util
import os
import sys
from pathlib import Path

import typer


def bench(context: typer.Context) -> None:
    """Measure throughput and latency on this machine (in a checkout of the repository)."""
    repository = Path(__file__).resolve().parents[4]
    if not (repository / "tests" / "bench" / "__main__.py").is_file() or importlib.util.find_spec("pytest") is None:
        sys.stderr.write("the bench is part of the repository, not of this installation: run `make bench` there\n")
        raise typer.Exit(1)
    os.chdir(repository)
    os.execv(sys.executable, [sys.executable, "-m", "tests.bench", *context.args])  # noqa: S606  our own interpreter
