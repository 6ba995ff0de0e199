"""Structured logs: one JSON object per line, or readable lines while developing."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Final, TextIO

import structlog

_QUIET: Final = (
    "aiosqlite",
    "alembic",
    "asyncio",
    "httpcore",
    "httpcore2",
    "httpx",
    "httpx2",
    "mcp",
    "sqlalchemy",
    "urllib3",
)
"""Libraries whose debug and info lines quote requests, tokens and parameters. Their warnings are kept."""

_TOKENS: Final = re.compile(
    r"g(?:h|at|rt|ac)_[A-Za-z0-9_-]{20,}|eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*|(?<=earer )\S+"
)


def configure(level: str, *, readable: bool, output: TextIO | None = None) -> None:
    """For the whole process, the libraries' own logging included. `output`: elsewhere than to standard output."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _without_tokens,
    ]
    renderer: Any = structlog.dev.ConsoleRenderer() if readable else structlog.processors.JSONRenderer()
    to = output or sys.stdout
    # Our own lines do not pass through the standard library: that would more than double what a request's line costs.
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(to),
        cache_logger_on_first_use=True,
    )
    theirs = logging.StreamHandler(to)
    theirs.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(allow=())],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [theirs]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.WARNING)


def _without_tokens(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The last net under everything: whatever looks like a token of ours is blotted out, in tracebacks too."""
    for key, value in event.items():
        if isinstance(value, str) and len(value) > 20:  # noqa: PLR2004 - no token is shorter
            event[key] = _TOKENS.sub("[token]", value)
    return event
