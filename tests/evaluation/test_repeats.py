"""Means and spreads of nested scores."""

import pytest

from track_anything.evaluation.repeats import mean_of, spread_of

SCORES = [{"a": 1.0, "b": {"c": 2.0}}, {"a": 3.0, "b": {"c": 6.0}}, {"a": 5.0, "b": {"c": 4.0}}]


def test_means_go_through_nested_numbers() -> None:
    assert mean_of(SCORES) == {"a": 3.0, "b": {"c": 4.0}}


def test_spreads_are_those_of_a_sample() -> None:
    # Squared distances to the mean: 4 + 0 + 4, over 2.
    assert spread_of(SCORES) == {"a": 2.0, "b": {"c": 2.0}}


def test_one_set_of_scores_has_no_spread() -> None:
    with pytest.raises(ValueError, match="2 sets of scores or more, got 1"):
        spread_of(SCORES[:1])
