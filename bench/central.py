"""What one index over all documents would answer: the price of not copying them is measured against it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import bm25s
import Stemmer

from sandbox.corpus import CollectionDocument
from sandbox.world import Question


def central_rankings(
    documents: Sequence[CollectionDocument], questions: Sequence[Question], depth: int
) -> Mapping[str, Sequence[str]]:
    """Ids of documents by id of question: bm25s with its defaults, English stop words and Snowball's stemmer, over
    title and text."""
    logging.getLogger("bm25s").setLevel(logging.WARNING)
    stemmer = Stemmer.Stemmer("english")
    texts = [f"{document.title} {document.text}" for document in documents]
    index = bm25s.BM25()
    index.index(bm25s.tokenize(texts, stopwords="en", stemmer=stemmer, show_progress=False), show_progress=False)
    rankings: dict[str, Sequence[str]] = {}
    for question in questions:
        asked = bm25s.tokenize([question.text], stopwords="en", stemmer=stemmer, show_progress=False)
        if not asked.vocab:  # nothing but stop words
            rankings[question.id] = ()
            continue
        places, _ = index.retrieve(asked, k=min(depth, len(documents)), show_progress=False)
        rankings[question.id] = [documents[place].id for place in places[0]]
    return rankings
