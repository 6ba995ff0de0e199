"""A collection scattered over four sources, served by stand-ins in a process of their own."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from bench.processes import Tell
from sandbox.app import create_app
from sandbox.corpus import CollectionDocument, CorpusProblem, file_id, load_corpus, read_documents, source_of
from sandbox.graph.ids import message_id
from sandbox.server import serve
from sandbox.world import World


@dataclass(frozen=True, slots=True)
class Collection:
    """Documents, questions and judgements, and where everything went."""

    documents: Sequence[CollectionDocument]
    world: World

    def gains(self, question: str) -> Mapping[str, int]:
        """Of the judged documents, by id."""
        return self.world.relevant.get(question, {})

    def native_ids(self) -> Mapping[tuple[str, str], str]:
        """The collection's id of a document by the kind of its source and the id that it has there."""
        return {
            (kind, self._native_id(kind, document)): document.id
            for document in self.documents
            for kind in (source_of(document.id),)
        }

    def _native_id(self, kind: str, document: CollectionDocument) -> str:
        match kind:
            case "outlook":
                return message_id("restImmutableEntryId", self.world.mailboxes[0].id, "Inbox", document.id)
            case "box":
                return file_id(document)
            case "snowflake":
                return quote(document.id, safe="")
            case _:
                return document.id


def read_collection(folder: Path) -> Collection:
    """Raises CorpusProblem."""
    world = load_corpus(folder)
    documents = tuple(read_documents(folder))
    if not documents or not world.questions:
        raise CorpusProblem(f"{folder} holds no documents or no questions.")
    return Collection(documents, world)


def serve_stand_ins(tell: Tell[str], folder: Path) -> None:
    """Tells the origin, and serves until the process ends. The quotas are off: a bench asks faster than people do."""
    with serve(create_app(load_corpus(folder), quotas=False)) as origin:
        tell(origin)
        signal.pause()
