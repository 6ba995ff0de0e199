"""The relevance bench from its command to its last line."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import pytest

from bench.collection import read_collection
from bench.relevance import main, shortened
from sandbox.corpus import source_of

CRANFIELD = Path(__file__).resolve().parents[3] / "shared" / "eval" / "cranfield"
KEYS = [
    "queries",
    "ndcg_at_10",
    "central_bm25_ndcg_at_10",
    "best_single_source_ndcg_at_10",
    "rrf_ndcg_at_10",
    "recall_at_100",
    "upstream_calls_per_query",
    "p95_ms",
]
ANIMALS = ("otter", "heron", "badger", "lynx", "falcon", "marten", "weasel", "pike")


def figures(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, float]:
    assert main(["--corpus", str(folder)]) == 0
    told: dict[str, float] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return told


@pytest.fixture
def animals(tmp_path: Path) -> Path:
    """Two documents about each animal, one of which answers; ids that are no plain words."""
    documents, questions, judgements = [], [], ["query_id\tdoc_id\tgain"]
    for animal in ANIMALS:
        for kind in ("river", "winter"):
            text = f"The {animal} lives alone. In the {kind} it is seldom seen by people who walk there. " * 3
            documents.append({"id": f"{animal}/{kind} ü", "title": f"The {animal}", "author": "", "text": text})
        questions.append({"id": animal, "text": f"where does the {animal} hide in winter " + "and what of it " * 80})
        judgements += [f"{animal}\t{animal}/winter ü\t3", f"{animal}\t{animal}/river ü\t1"]
    (tmp_path / "corpus.jsonl").write_text("\n".join(map(json.dumps, documents)) + "\n")
    (tmp_path / "queries.jsonl").write_text("\n".join(map(json.dumps, questions)) + "\n")
    (tmp_path / "qrels.tsv").write_text("\n".join(judgements) + "\n")
    return tmp_path


def test_a_collection_is_scattered_by_the_checksum_of_its_ids(animals: Path):
    collection = read_collection(animals)
    assert len(collection.native_ids()) == len(collection.documents) == 16
    for (kind, _), name in collection.native_ids().items():
        assert kind == source_of(name) == ("outlook", "box", "snowflake", "customer_db")[zlib.crc32(name.encode()) % 4]


def test_the_bench_prints_its_figures_as_json_last(animals: Path, capsys: pytest.CaptureFixture[str]):
    found = figures(animals, capsys)
    assert list(found) == KEYS
    assert found["queries"] == 8
    assert found["ndcg_at_10"] > 0.95
    assert found["recall_at_100"] == 1
    assert 0 < found["best_single_source_ndcg_at_10"] < found["ndcg_at_10"]
    assert found["upstream_calls_per_query"] > 3


def test_a_folder_without_a_collection_is_told_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["--corpus", str(tmp_path)]) == 1
    assert "does not hold a collection" in capsys.readouterr().err


def test_a_question_is_cut_to_what_the_gateway_takes():
    assert shortened("  one  two ") == "one two"
    assert len(shortened("word " * 400)) <= 1_000
    assert shortened("word " * 400).endswith("word")
    assert len(shortened("x" * 3_000)) == 1_000


@pytest.mark.slow
@pytest.mark.skipif(not CRANFIELD.is_dir(), reason="the Cranfield collection is not beside this checkout")
def test_cranfield_over_four_sources_is_ranked_as_well_as_one_index(capsys: pytest.CaptureFixture[str]):
    found = figures(CRANFIELD, capsys)
    assert found["central_bm25_ndcg_at_10"] == pytest.approx(0.354, abs=0.001)
    assert found["ndcg_at_10"] >= 1.03 * found["central_bm25_ndcg_at_10"]
    assert found["ndcg_at_10"] > 1.2 * found["rrf_ndcg_at_10"]
    assert found["ndcg_at_10"] > found["best_single_source_ndcg_at_10"]
    assert found["upstream_calls_per_query"] < 50
