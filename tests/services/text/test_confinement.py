"""What a reader that a file has taken over could still do. Tried from within a shut-in process."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ATTEMPTS = """
import json, os, socket, sys
from services.text.confinement import shut_in
shut = shut_in()
def refused(attempt):
    try:
        attempt()
    except OSError:
        return True
    return False
print(json.dumps({
    "shut": shut,
    "secrets": refused(lambda: open(sys.argv[1]).read()),
    "project": refused(lambda: open(sys.argv[3] + "/pyproject.toml").read()),
    "listing": refused(lambda: os.listdir("/")),
    "writing": refused(lambda: open(sys.argv[1] + ".new", "w")),
    "deleting": refused(lambda: os.unlink(sys.argv[1])),
    "running": refused(lambda: os.execv("/bin/true", ["true"])),
    "connecting": refused(lambda: socket.create_connection(("127.0.0.1", int(sys.argv[2])), 1)),
    "reading on": not refused(lambda: "text".encode("cp866")),
}))
"""


def test_a_shut_in_process_reaches_neither_files_nor_the_network(tmp_path):
    secrets = tmp_path / "secrets"
    secrets.write_text("hush")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ran = subprocess.run(  # noqa: S603 - the code above
            [sys.executable, "-c", ATTEMPTS, str(secrets), str(listener.getsockname()[1]), str(ROOT)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    held = json.loads(ran.stdout)
    if not held.pop("shut"):
        pytest.skip("this kernel has no Landlock")

    assert [attempt for attempt, stopped in held.items() if not stopped] == []
    assert secrets.read_text() == "hush"
