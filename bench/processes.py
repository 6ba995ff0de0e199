"""Runs the servers of a bench in processes of their own, as they run in earnest."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

_START_S: Final = 60.0
_STOP_S: Final = 15.0
_SPAWN: Final = multiprocessing.get_context("spawn")  # a fork would take the bench's own memory along

ToldT = TypeVar("ToldT")

Tell = Callable[[ToldT], None]
"""Called by what runs in a process, when it is ready, with what the others must know of it."""


class NotStarted(Exception):
    """A process of the bench ended or stayed silent instead of serving."""


@dataclass(frozen=True, slots=True)
class Running(Generic[ToldT]):
    """A process at work, and what it told first."""

    told: ToldT
    pid: int
    _pipe: Connection

    def hear(self) -> Any:
        """What it tells next. Raises NotStarted where it ends without a word."""
        try:
            return self._pipe.recv()
        except EOFError as error:
            raise NotStarted("a process of the bench ended without telling what it found") from error

    def resident_mb(self) -> float:
        """The memory it holds now, as the kernel counts it; Linux only."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024


@contextmanager
def running(work: Callable[..., None], *arguments: Any, **options: Any) -> Iterator[Running[Any]]:
    """`work(tell, *arguments, **options)` in a new process, from the moment it tells that it is ready. It is asked to
    stop by SIGTERM. Raises NotStarted."""
    ours, theirs = _SPAWN.Pipe()
    process = _SPAWN.Process(target=_run, args=(theirs, work, arguments, options), name=work.__name__, daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(_START_S):
            raise NotStarted(f"{process.name} did not start within {_START_S:g} s")
        try:
            told = ours.recv()
        except EOFError as error:
            raise NotStarted(f"{process.name} ended while starting") from error
        yield Running(told, process.pid or 0, ours)
    finally:
        process.terminate()
        process.join(_STOP_S)
        process.kill()
        process.join()


def _run(pipe: Connection, work: Callable[..., None], arguments: tuple[Any, ...], options: Mapping[str, Any]) -> None:
    work(pipe.send, *arguments, **options)
