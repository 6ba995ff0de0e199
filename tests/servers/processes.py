"""How a server process is started for a test run, and made to end with it."""

from __future__ import annotations

import functools
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534
START_S = 30.0
STOP_S = 15.0


class ServerMissing(Exception):
    """No such server can be had on this machine; the message is the reason for the skipped tests."""


def finish(
    command: Sequence[str],
    *,
    input: str = "",
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end, with its output kept; no exception for a bad one."""
    return subprocess.run(  # noqa: S603 - the commands are those of this folder
        command, input=input, capture_output=True, text=True, check=False, env=environment, cwd=folder
    )


@functools.cache
def unprivileged() -> tuple[str, ...]:
    """What to put before a command that refuses to run as root: nothing for everyone else.

    In a user namespace of its own the process believes to be user 1000, while its files stay ours. Where a container
    forbids namespaces, it really becomes nobody, and `own` must give it its folder.
    """
    if os.geteuid() != 0:
        return ()
    for prefix in (
        ("unshare", "--user", "--map-user=1000", "--map-group=1000"),
        ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
    ):
        if shutil.which(prefix[0]) and finish([*prefix, "true"]).returncode == 0:
            return prefix
    raise ServerMissing("database servers refuse to run as root, and neither unshare nor setpriv works here")


def own(folder: Path) -> None:
    """Lets the process that `unprivileged` starts write into this empty folder."""
    if unprivileged()[:1] == ("setpriv",):
        os.chown(folder, NOBODY, NOBODY)


def free_port() -> int:
    """A TCP port of loopback that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(
    command: Sequence[str],
    *,
    stop_signal: signal.Signals,
    log: Path,
    ready: Callable[[], bool],
    environment: Mapping[str, str],
) -> Iterator[None]:
    """Runs the command until the block ends; it dies with the test process too, however that ends."""
    deathbed = ("setpriv", "--pdeathsig", stop_signal.name.removeprefix("SIG")) if shutil.which("setpriv") else ()
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - the commands are those of this folder
            [*unprivileged(), *deathbed, *command], stdout=output, stderr=output, env=dict(environment)
        )
    try:
        deadline = time.monotonic() + START_S
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} did not start:\n{log.read_text(errors='replace')[-4000:]}")
            time.sleep(0.02)
        yield
    finally:
        process.send_signal(stop_signal)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
