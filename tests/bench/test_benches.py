"""Each bench runs from end to end, small, and ends with the JSON that is promised. How fast is for benches to say."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from bench import fanout, isolation, memory, overhead, overload
from bench.figures import percentile
from bench.load import BadReply, Reply

Main = Callable[[Sequence[str]], None]


def last_line(capsys: pytest.CaptureFixture[str], main: Main, *arguments: str) -> Any:
    main(arguments)
    *table, line = capsys.readouterr().out.splitlines()
    assert len(table) > 2
    return json.loads(line)


def test_overhead_compares_the_gateway_with_the_bare_server(capsys: pytest.CaptureFixture[str]):
    told = last_line(capsys, overhead.main, "--rounds", "1", "--seconds", "0.05", "--hits", "2")
    assert list(told) == ["bare", "gateway", "gateway_http"]
    for figures in told.values():
        assert list(figures) == ["c1", "c16"]
        for of_one in figures.values():
            assert of_one.keys() == {"p50_ms", "p95_ms", "p99_ms", "rps"}
            assert all(value > 0 for value in of_one.values())


@pytest.mark.slow
def test_overhead_speaks_the_handshake_revisions_too(capsys: pytest.CaptureFixture[str]):
    told = last_line(
        capsys, overhead.main, "--rounds", "1", "--seconds", "0.05", "--hits", "2", "--version", "2025-11-25"
    )
    assert told["gateway"]["c16"]["rps"] > 0


@pytest.mark.slow
def test_fanout_counts_what_a_hung_source_costs(capsys: pytest.CaptureFixture[str]):
    told = last_line(capsys, fanout.main, "--rounds", "1", "--runs", "8", "--budget-ms", "200", "--paused-runs", "7")
    assert list(told) == ["one_ms", "two_ms", "four_ms", "eight_ms", "hung"]
    assert all(told[f"{name}_ms"] >= fanout.SLOW_MS for name in fanout.SOURCES)
    assert told["hung"].keys() == {"runs", "within_budget", "healthy_hits_lost", "max_over_budget_ms"}
    assert (told["hung"]["runs"], told["hung"]["healthy_hits_lost"]) == (8, 0)


def test_memory_is_read_from_the_gateways_process(capsys: pytest.CaptureFixture[str]):
    told = last_line(capsys, memory.main, "--searches", "60", "--settled-after", "20")
    assert told["searches"] == 60
    assert told["end_mb"] > 10
    assert told["growth"] == pytest.approx(told["end_mb"] / told["settled_mb"] - 1, abs=0.01)


@pytest.mark.slow
def test_isolation_measures_one_tenant_beside_another(capsys: pytest.CaptureFixture[str]):
    told = last_line(capsys, isolation.main, "--seconds", "0.3", "--hung", "4")
    assert told.keys() == {"alone_p99_ms", "beside_hung_p99_ms", "moved"}
    assert told["alone_p99_ms"] >= 50


@pytest.mark.slow
def test_overload_tells_what_a_crowd_and_its_neighbour_are_answered(capsys: pytest.CaptureFixture[str]):
    told = last_line(capsys, overload.main, "--seconds", "1", "--most-callers", "160")
    assert told["alone_per_s"] > 0
    crowds = {run["crowd"]: run for run in told["crowds"]}
    assert list(crowds) == [
        "160 that wait 1 s when told to", "160 that wait 0.3 s each time", "160 that never wait",
    ]  # fmt: skip
    assert all(run["answered_per_s"] + run["refused_per_s"] > 0 for run in crowds.values())
    assert crowds["160 that never wait"]["refused_p95_ms"] > 0


def test_only_an_answer_and_a_refusal_with_its_time_count_in_an_overload():
    heard = overload.Heard()
    heard.add(Reply(1.0, b"HTTP/1.1 200 OK\r\n\r\n{}"))
    heard.add(Reply(2.0, b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\n\r\n{}"))
    assert (heard.took_ms, heard.refused_ms) == ([1.0], [2.0])
    for raw in (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", b"HTTP/1.1 500 Internal Server Error\r\n\r\n"):
        with pytest.raises(BadReply):
            heard.add(Reply(1.0, raw))


def test_a_percentile_is_a_value_that_was_measured():
    values = [float(value) for value in range(1, 101)]
    assert [percentile(values, share) for share in (1, 50, 99, 100)] == [1.0, 50.0, 99.0, 100.0]
    assert percentile([7.0], 50) == 7.0


@pytest.mark.parametrize(
    "body",
    [
        b'{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"x"}}',
        b'{"jsonrpc":"2.0","id":1,"result":{"structuredContent":{"results":[],"sources":[]}}}',
        b"",
    ],
)
def test_an_answer_without_hits_is_not_taken_for_a_fast_one(body: bytes):
    with pytest.raises(BadReply):
        Reply(1.0, b"HTTP/1.1 200 OK\r\n\r\n" + body).answer()
