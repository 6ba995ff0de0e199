"""The process that reads files: `python -m services.text.worker LIMITS`.

It loads the libraries once and then forks for every file, before the file comes in. So a file that crashes its reader,
or takes it over, meets nothing of the files before it and takes nothing along, and all memory goes back. Files come in
on stdin, replies go out on stdout, both as frames; the first reply says that the process is ready. It ends with its
stdin.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, NoReturn

from services.text.confinement import shut_in
from services.text.extracted import Limits
from services.text.frames import TOO_MUCH_MEMORY, Reply, pack_reply, read_file, unpack_limits
from services.text.readers import extract

_SHARE_FOR_READING: Final = 0.8
"""Of the time for a file; what is read by then is the result, and the rest is for handing it over."""
_NO_MORE_FILES = 64
"""The exit code of a reader that waited in vain."""
_MOST_FILES_OPEN = 64
_PR_SET_PDEATHSIG = 1


def main(limits: Limits) -> None:
    """Has files read until there are no more, or until a reader dies: that may have been in the midst of a reply, and
    whoever waits for the rest must see the end."""
    replies = _take_over_stdout()
    _confine(limits)
    _send(replies, Reply(extracted=None))
    status = 0
    while status == 0:
        child = os.fork()
        if child == 0:
            _read_one(replies, limits)
        _, status = os.waitpid(child, 0)


def _read_one(replies: BinaryIO, limits: Limits) -> NoReturn:
    """Waits for a file, reads it, replies and ends this process. What a library raises ends it through the hook."""
    _die_with_parent()
    sys.excepthook = _telling(replies)
    file = read_file(sys.stdin.buffer, limits)
    if file is None:
        os._exit(_NO_MORE_FILES)
    _limit_time(limits)
    deadline = time.monotonic() + limits.time.total_seconds() * _SHARE_FOR_READING
    extracted = extract(file, out_of_time=lambda: time.monotonic() > deadline)
    _send(replies, Reply(extracted=extracted))
    os._exit(0)


def _telling(replies: BinaryIO) -> Callable[[type[BaseException], BaseException, TracebackType | None], None]:
    def tell(kind: type[BaseException], _: BaseException, trace: TracebackType | None) -> None:
        failure = TOO_MUCH_MEMORY if issubclass(kind, MemoryError) else f"{kind.__name__} at {_last_place(trace)}"
        _send(replies, Reply(extracted=None, failure=failure))
        os._exit(0)

    return tell


def _last_place(trace: TracebackType | None) -> str:
    place = "?"
    while trace is not None:
        place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _send(replies: BinaryIO, reply: Reply) -> None:
    replies.write(pack_reply(reply))
    replies.flush()


def _take_over_stdout() -> BinaryIO:
    """The pipe for replies. What libraries print goes to stderr, so that it cannot pass for one."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return replies


def _confine(limits: Limits) -> None:
    """What a reader that a file has taken over could do is kept small: no files of ours, no network, no core dump."""
    _lower(resource.RLIMIT_FSIZE, 0)
    _lower(resource.RLIMIT_NOFILE, _MOST_FILES_OPEN)
    _lower(resource.RLIMIT_CORE, 0)
    if hasattr(resource, "RLIMIT_AS"):
        _lower(resource.RLIMIT_AS, limits.memory_bytes)
    _die_with_parent()
    shut_in()


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _limit_time(limits: Limits) -> None:
    """Should nobody be left to kill this process, it ends by itself."""
    seconds = max(1, round(limits.time.total_seconds() * 2))
    _lower(resource.RLIMIT_CPU, seconds)
    signal.alarm(seconds)


def _lower(what: int, most: int) -> None:
    _, hard = resource.getrlimit(what)
    resource.setrlimit(what, (most, most) if hard == resource.RLIM_INFINITY else (min(most, hard), min(most, hard)))


if __name__ == "__main__":
    main(unpack_limits(sys.argv[1]))
