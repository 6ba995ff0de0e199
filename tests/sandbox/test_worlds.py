"""The sample company, a collection in its place, and the customer database of both."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from zlib import crc32

import pytest

from sandbox.app import create_app
from sandbox.corpus import SOURCES, CorpusProblem, load_corpus, source_of
from sandbox.database import write_database
from sandbox.records import RecordProblem, read_records
from tests.sandbox.callers import PAT_HEADERS, calling

pytestmark = pytest.mark.anyio

DOCUMENTS = [
    {
        "id": f"d{number}",
        "title": f"Title {number}",
        "author": "Roe, R.",
        "source": "Proc.",
        "text": f"word{number} same",
    }
    for number in range(40)
]


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    (tmp_path / "corpus.jsonl").write_text("".join(json.dumps(document) + "\n" for document in DOCUMENTS))
    (tmp_path / "queries.jsonl").write_text('{"id": "1", "text": "which word is word7"}\n')
    (tmp_path / "qrels.tsv").write_text("query_id\tdoc_id\tgain\n1\td7\t4\n1\td8\t1\n")
    return tmp_path


def test_the_sample_company_is_of_a_size_to_try_things_on(world):
    assert len(world.mails) == 60
    assert len(world.files) >= 40
    assert Counter(row[1] for row in world.tables[0].rows) == {"ticket": 60, "article": 10}
    assert len(world.customer_tables[0].rows) == 16
    assert len({mail.id for mail in world.mails}) == len(world.mails)
    assert len({file.id for file in world.files}) == len(world.files)


def test_contracts_are_of_a_realistic_length(world):
    contracts = [file for file in world.files if file.folder == "1001"]
    assert len(contracts) >= 15
    long_ones = [file for file in contracts if len(file.text.split()) > 500]
    assert len(long_ones) >= 10


def test_every_address_is_of_a_kind_that_nobody_has(world):
    people = {person for mail in world.mails for person in (mail.sender, *mail.to, *mail.cc)}
    domains = {person.address.partition("@")[2] for person in people}
    assert all(domain.split(".", 1)[1] in {"example.com", "example.org", "example.net"} for domain in domains)


async def test_what_answers_a_question_is_there_and_can_be_found(world, oracle):
    """Box and Cortex, which rank, have nine of ten of the expected ones among their best ten."""
    ids = {
        "outlook": {mail.id for mail in world.mails},
        "box": {file.id for file in world.files},
        "snowflake": {str(row[0]) for row in world.tables[0].rows},
        "customer_db": {str(row[0]) for row in world.customer_tables[0].rows},
    }
    assert len(world.questions) >= 12
    assert sum(len(question.expected) > 2 for question in world.questions) >= 12
    missed: list[tuple[str, str]] = []
    async with calling(create_app(world, quotas=False), oracle) as caller:
        for question in world.questions:
            for source, expected in question.expected.items():
                assert set(expected) <= ids[source], question.id
            hits = await caller.box("/search", query=question.text, limit="10", type="file")
            found = {entry["id"] for entry in hits.json()["entries"]}
            missed += [(question.id, file) for file in question.expected.get("box", ()) if file not in found]
            rows = await caller.cortex(question.text, limit=10)
            found = {row["DOC_ID"] for row in rows.json()["results"]}
            missed += [(question.id, row) for row in question.expected.get("snowflake", ()) if row not in found]
    total = sum(
        len(question.expected.get(source, ())) for question in world.questions for source in ("box", "snowflake")
    )
    assert len(missed) < total / 10, missed


def test_documents_go_where_their_checksum_sends_them(collection):
    world = load_corpus(collection)
    held: dict[str, set[object]] = {
        "outlook": {mail.id for mail in world.mails},
        "box": {file.name.rpartition("[")[2].removesuffix("].txt") for file in world.files},
        "snowflake": {row[0] for row in world.tables[0].rows},
        "customer_db": {row[0] for row in world.customer_tables[0].rows},
    }
    for document in DOCUMENTS:
        name = str(document["id"])
        (holder,) = (source for source, names in held.items() if name in names)
        assert holder == source_of(name) == SOURCES[crc32(name.encode()) % 4]


def test_questions_and_judgements_come_along(collection):
    world = load_corpus(collection)
    assert [(question.id, question.text) for question in world.questions] == [("1", "which word is word7")]
    assert world.relevant["1"] == {"d7": 4, "d8": 1}


async def test_every_source_serves_its_part_of_a_collection(collection, oracle, tmp_path):
    world = load_corpus(collection)
    service = "/snowflake/api/v2/databases/COLLECTION/schemas/PUBLIC/cortex-search-services/DOCUMENT_SEARCH"
    async with calling(create_app(world), oracle) as caller:
        for mail in world.mails:
            assert await caller.search_mail(f'"{mail.body.split()[0]} same"') == [mail.subject]
        file = world.files[0]
        names = await caller.search_files(file.text.split()[2])
        assert names == [file.name]
        row = world.tables[0].rows[0]
        body = {"query": row[3], "columns": ["DOC_ID", "URL"], "limit": 1}
        answer = await caller.client.post(f"{service}:query", json=body, headers=PAT_HEADERS)
        assert answer.json()["results"][0]["DOC_ID"] == row[0]
    write_database(world, tmp_path / "documents.sqlite3")
    with closing(sqlite3.connect(tmp_path / "documents.sqlite3")) as connection:
        key, title = world.customer_tables[0].rows[0][:2]
        found = connection.execute(
            "SELECT id FROM documents WHERE rowid IN (SELECT rowid FROM documents_fts WHERE documents_fts MATCH ?)",
            (f'title : "{title}"',),
        )
        assert found.fetchall() == [(key,)]


def test_file_ids_are_numbers_of_their_own(collection):
    world = load_corpus(collection)
    assert all(file.id.isdecimal() for file in world.files)
    assert len({file.id for file in world.files}) == len(world.files)


@pytest.mark.parametrize("missing", ["corpus.jsonl", "queries.jsonl", "qrels.tsv"])
def test_a_folder_that_is_no_collection(collection, missing):
    (collection / missing).unlink()
    with pytest.raises(CorpusProblem, match="does not hold a collection"):
        load_corpus(collection)
    (collection / missing).write_text("{}\n")
    if missing != "qrels.tsv":
        with pytest.raises(CorpusProblem):
            load_corpus(collection)


def test_the_index_of_the_database_follows_its_table(world, tmp_path):
    file = tmp_path / "deep" / "customers.sqlite3"
    write_database(world, file)
    with closing(sqlite3.connect(file)) as connection:

        def found(word):
            return connection.execute("SELECT rowid FROM customers_fts WHERE customers_fts MATCH ?", (word,)).fetchall()

        assert found("stores NOT cheese") == [(10,)]
        connection.execute("UPDATE customers SET notes = 'Moved to unicorns.' WHERE id = 10")
        assert (found("unicorn"), found("stores NOT cheese")) == ([(10,)], [])
        connection.execute("DELETE FROM customers WHERE id = 10")
        assert found("unicorn") == []
    write_database(world, file)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT count(*) FROM interactions").fetchone() == (24,)


def test_records_are_read_as_they_are_written(tmp_path):
    (tmp_path / "terms.md").write_text("the terms\n")
    file = tmp_path / "records.txt"
    file.write_text("Id: 1\nTag: a\nTag: b\n\nFirst.\n\n{{terms.md}}\n=====\nId: 2\n\nSecond: no head.\n")
    first, second = read_records(file)
    assert (first.get("Id"), list(first.list("Tag")), first.text) == ("1", ["a", "b"], "First.\n\nthe terms")
    assert (second.text, second.find("Tag"), second.find("Tag", "none")) == ("Second: no head.", "", "none")
    with pytest.raises(RecordProblem, match="2 times 'Tag'"):
        first.get("Tag")
    file.write_text("no head\n\ntext")
    with pytest.raises(RecordProblem, match="is no `Name: value`"):
        list(read_records(file))


CRANFIELD = Path(__file__).parents[3] / "shared" / "eval" / "cranfield"


@pytest.mark.skipif(not CRANFIELD.is_dir(), reason="the public collection is not beside this project")
async def test_a_public_collection_of_1400_is_served_whole():
    world = load_corpus(CRANFIELD)
    held = len(world.mails) + len(world.files) + len(world.tables[0].rows) + len(world.customer_tables[0].rows)
    assert (held, len(world.questions)) == (1_400, 225)
    async with calling(create_app(world, quotas=False), None) as caller:
        for question in world.questions[:20]:
            assert (await caller.box("/search", query=question.text, limit="100")).json()["total_count"] > 100
        assert len(await caller.search_mail('"boundary layer"')) > 20
