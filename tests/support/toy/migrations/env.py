"""Alembic's entry: everything is in `baton.service.migrations`."""

from baton.service.migrations import run_env

run_env()
