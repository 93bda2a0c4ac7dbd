"""Structured logs: a constant event name, facts as fields, ids instead of objects, no personal data."""

import logging
import sys
from typing import Final

import structlog

_LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_QUIET: Final = {"uvicorn.access": logging.CRITICAL, "uvicorn.error": logging.WARNING, "aiokafka": logging.CRITICAL}
"""Uvicorn's access log has paths and queries, which may hold addresses and secrets. Aiokafka tells every lost
connection as an error with a traceback; our own logs say what follows from it."""


def configure_logs(level: str) -> None:
    """JSON lines on standard error, where they mix with no output; readable ones in a terminal."""
    is_terminal = sys.stderr.isatty()
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendering: list[structlog.typing.Processor] = (
        [
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        ]  # no locals: they hold secrets
        if is_terminal
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[*shared, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    _configure_libraries(shared, rendering)


def _configure_libraries(shared: list[structlog.typing.Processor], rendering: list[structlog.typing.Processor]) -> None:
    """What libraries log by the standard library, warnings and worse, in the same form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    quieten_libraries()


def quieten_libraries() -> None:
    """Keep from stderr what our own words say better."""
    for name, at_least in _QUIET.items():
        logging.getLogger(name).setLevel(at_least)
