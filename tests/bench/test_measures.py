"""The measures, against values computed by hand."""

from __future__ import annotations

import math

import pytest

from bench.measures import fused, mean, ndcg, recall

GAINS = {"a": 4, "b": 1, "c": 2}


def test_the_ideal_order_is_one():
    assert ndcg(["a", "c", "b"], GAINS) == pytest.approx(1)


def test_gains_are_exponential_and_places_discounted():
    found = 1 / math.log2(2) + 15 / math.log2(4)  # b first, a third
    ideal = 15 / math.log2(2) + 3 / math.log2(3) + 1 / math.log2(4)
    assert ndcg(["b", "x", "a"], GAINS) == pytest.approx(found / ideal)
    assert ndcg(["b", "x", "a"], GAINS) == pytest.approx(0.48871, abs=1e-5)


def test_only_the_first_ten_count():
    others = [str(number) for number in range(10)]
    assert ndcg([*others, "a"], GAINS) == 0
    assert ndcg([*others[:9], "a"], {"a": 1}) == pytest.approx(1 / math.log2(11))


def test_what_comes_twice_counts_once():
    assert ndcg(["a", "a", "c", "b"], GAINS) == pytest.approx(1)


def test_nothing_judged_is_nothing_and_not_an_error():
    assert ndcg(["a"], {}) == 0
    assert ndcg(["a"], {"a": 0}) == 0
    assert ndcg([], GAINS) == 0


def test_recall_counts_the_useful_ones_alone():
    assert recall(["a", "x"], {"a": 3, "b": 1, "c": 0}) == 0.5
    assert recall(["a"], {"a": 0}) is None
    assert recall(["x", "a"], {"a": 1}, k=1) == 0


def test_reciprocal_rank_fusion_adds_up_what_each_list_says():
    assert fused([["a", "b", "c"], ["b", "d"]]) == ["b", "a", "d", "c"]


def test_a_mean_leaves_out_what_is_not_there():
    assert mean([1.0, None, 0.0]) == 0.5
    assert mean([]) == 0
