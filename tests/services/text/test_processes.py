"""The pool: processes that hang, die, lie or are no longer wanted."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import anyio
import psutil  # type: ignore[import-untyped] # types-psutil is not installed
import pytest

from services.text import Limits, TextExtractor
from services.text.frames import Broken, Reply, pack_reply
from services.text.process import WORKER, WorkerProcess

pytestmark = pytest.mark.anyio

READY = pack_reply(Reply(extracted=None))
SHORT = Limits(time=timedelta(seconds=0.5))


def script(tmp_path: Path, body: str) -> Sequence[str]:
    """A worker that says that it is ready and then does this."""
    path = tmp_path / "worker.py"
    answer = "def answer(data): os.write(1, len(data).to_bytes(8, 'big') + data)"
    path.write_text(f"import os, sys, time\n{answer}\nos.write(1, {READY!r})\nos.read(0, 1)\n{body}\n")
    return (sys.executable, str(path))


def children() -> set[int]:
    return {process.pid for process in psutil.Process().children(recursive=True)}


async def gone(pids: set[int]) -> bool:
    """Whether these processes are no more, given a moment to be reaped."""
    for _ in range(100):
        if not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in pids):
            return True
        await asyncio.sleep(0.02)
    return False


async def at_work(extractor: TextExtractor) -> None:
    """Returns when a process has been given a file."""
    while not extractor._running:  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(0.01)


async def start_worker(extractor: TextExtractor) -> psutil.Process:
    """Gives the extractor a worker before its first file, and returns the reader that it has ready."""
    worker = await WorkerProcess.start(WORKER, Limits())
    extractor._idle.append(worker)
    process = psutil.Process(worker._process.pid)
    while not (readers := process.children()):  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(0.01)
    return readers[0]


async def test_nothing_is_started_before_the_first_file():
    before = children()
    extractor = TextExtractor()

    assert children() == before
    await extractor.aclose()


async def test_a_process_is_used_again(extractor: TextExtractor):
    await extractor.extract(b"one", name="1", content_type="")
    first = extractor._idle[0]
    await extractor.extract(b"two", name="2", content_type="")

    assert extractor._idle == [first]


async def test_files_are_read_side_by_side_and_never_mixed_up():
    extractor = TextExtractor(workers=2)

    texts = await asyncio.gather(
        *(extractor.extract(f"file {n} ".encode() * 1000, name=str(n), content_type="") for n in range(20))
    )
    workers = len(extractor._idle)
    await extractor.aclose()

    assert [extracted.text.split(" file")[0] for extracted in texts] == [f"file {n}" for n in range(20)]
    assert workers == 2


async def test_closing_ends_every_process():
    before = children()
    extractor = TextExtractor(workers=1)
    await start_worker(extractor)
    started = children() - before
    assert len(started) == 2

    await extractor.aclose()

    assert await gone(started)
    with pytest.raises(RuntimeError):
        await extractor.extract(b"x", name="x", content_type="")


async def test_a_process_that_hangs_is_killed_and_replaced(tmp_path):
    hanging = script(tmp_path, "time.sleep(600)")
    before = children()
    extractor = TextExtractor(limits=SHORT, workers=1, command=hanging)

    started = time.monotonic()
    extracted = await extractor.extract(b"x", name="slow.pdf", content_type="")
    took_s = time.monotonic() - started

    assert extracted.text == "[slow.pdf: not read: reading it takes too long.]"
    assert took_s < 5
    assert await gone(children() - before)
    assert extractor._idle == []
    again = await extractor.extract(b"x", name="again", content_type="")
    assert "too long" in again.text


async def test_a_process_that_does_not_take_its_file_is_killed(tmp_path):
    deaf = (*script(tmp_path, "time.sleep(600)"),)
    extractor = TextExtractor(limits=SHORT, workers=1, command=deaf)

    extracted = await extractor.extract(b"x" * 5_000_000, name="big", content_type="")

    assert extracted.text == "[big: not read: reading it takes too long.]"


@pytest.mark.parametrize(
    "body",
    [
        "sys.exit(1)",
        "os.abort()",
        "os.write(1, b'half a fra')",
        "answer(b'nonsense')",
        "answer(b'[]')",
        'answer(b\'{"text": 5, "complete": true}\')',
        'answer(b\'{"failure": "a\\\\nline for the log"}\')',
        "os.write(1, (1 << 62).to_bytes(8, 'big')); time.sleep(600)",
    ],
)
async def test_a_process_that_dies_or_talks_nonsense_gives_a_note(body: str, tmp_path):
    extractor = TextExtractor(workers=1, command=script(tmp_path, body))

    started = time.monotonic()
    extracted = await extractor.extract(b"x" * 2_000, name="x.pdf", content_type="")

    assert extracted.text == "[x.pdf: damaged or too large, and could not be read.]"
    assert time.monotonic() - started < 5
    assert extractor._idle == []


async def test_a_process_that_cannot_be_started_gives_a_note():
    extractor = TextExtractor(command=("/nonexistent/python",))

    assert "could not be read" in (await extractor.extract(b"x", name="x", content_type="")).text


async def test_a_process_that_never_gets_ready_is_given_up(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("services.text.process._START_S", 0.2)
    path = tmp_path / "worker.py"
    path.write_text("import time\ntime.sleep(600)\n")
    before = children()

    with pytest.raises(Broken):
        await WorkerProcess.start((sys.executable, str(path)), Limits())

    assert await gone(children() - before)


async def test_a_reader_that_is_shot_takes_no_later_file_along(extractor: TextExtractor):
    reader = await start_worker(extractor)
    first = extractor._idle[0]
    reader.kill()  # as the kernel does when memory runs out
    await first._process.wait()

    assert (await extractor.extract(b"next", name="y", content_type="")).text == "next"
    assert extractor._idle != [first]


async def test_cancelling_kills_the_process_at_work(tmp_path):
    before = children()
    extractor = TextExtractor(workers=1, command=script(tmp_path, "time.sleep(600)"))
    task = asyncio.create_task(extractor.extract(b"x", name="x", content_type=""))
    await at_work(extractor)
    started = children() - before

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await gone(started)
    assert extractor._running == set()


async def test_cancelling_one_does_not_block_the_next(tmp_path):
    extractor = TextExtractor(workers=1, command=script(tmp_path, "time.sleep(600)"), limits=SHORT)
    first = asyncio.create_task(extractor.extract(b"x", name="x", content_type=""))
    await at_work(extractor)
    first.cancel()

    second = await extractor.extract(b"x", name="y", content_type="")

    assert "too long" in second.text
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_closing_ends_what_is_under_way_with_a_note(tmp_path):
    extractor = TextExtractor(workers=1, command=script(tmp_path, "time.sleep(600)"))
    task = asyncio.create_task(extractor.extract(b"x", name="x", content_type=""))
    await at_work(extractor)

    await extractor.aclose()

    assert "could not be read" in (await task).text


async def test_workers_end_when_their_parent_is_shot(tmp_path):
    code = (
        "import asyncio, os, signal\n"
        "from services.text import TextExtractor\n"
        "async def main():\n"
        "    extractor = TextExtractor(workers=1)\n"
        "    await extractor.extract(b'x', name='x', content_type='')\n"
        "    worker = extractor._idle[0]._process.pid\n"
        "    print(worker, flush=True)\n"
        "    os.kill(worker, signal.SIGSTOP)\n"  # it is at work, and sees no end of its input
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )
    root = Path(__file__).parents[3]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, cwd=root, stdout=asyncio.subprocess.PIPE, start_new_session=True
    )
    out, _ = await process.communicate()
    worker = int(out)

    assert await gone({worker})


async def test_text_of_many_bytes_fits_into_a_reply(extractor: TextExtractor):
    text = "\N{GRINNING FACE}\x01" * 50_000

    assert (await extractor.extract(text.encode("utf-8-sig"), name="x", content_type="")).text == text


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is less to be had")
async def test_readers_are_confined(extractor: TextExtractor):
    reader = await start_worker(extractor)

    assert reader.rlimit(psutil.RLIMIT_AS)[1] == Limits().memory_bytes
    assert reader.rlimit(psutil.RLIMIT_FSIZE) == (0, 0)
    assert reader.rlimit(psutil.RLIMIT_CORE) == (0, 0)
    assert "NoNewPrivs:\t1\n" in await anyio.Path(f"/proc/{reader.pid}/status").read_text()


async def test_a_worker_gets_nothing_of_our_environment(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("JWT_SECRET", "hush")
    shown = tmp_path / "environment"
    body = f"open({str(shown)!r}, 'w').write(repr(dict(os.environ)) + os.getcwd())"
    extractor = TextExtractor(workers=1, command=script(tmp_path, body))

    await extractor.extract(b"x", name="x", content_type="")

    assert "hush" not in shown.read_text()
    assert shown.read_text().endswith("}/")
    assert os.environ["JWT_SECRET"] == "hush"  # noqa: TID251 - it is there to be inherited
