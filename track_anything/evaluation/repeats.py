"""One set of scores from those of several seeds."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def mean_of(scores: Sequence[Any]) -> Any:
    """The mean of nested numbers of one shape.

    >>> mean_of([{"a": 1.0, "b": {"c": 2.0}}, {"a": 3.0, "b": {"c": 6.0}}])
    {'a': 2.0, 'b': {'c': 4.0}}
    """
    return _combined(scores, lambda values: sum(values) / len(values))


def spread_of(scores: Sequence[Any]) -> Any:
    """The standard deviation of nested numbers of one shape (of a sample: divided by n - 1).

    >>> spread_of([{"a": 1.0}, {"a": 2.0}, {"a": 3.0}])
    {'a': 1.0}

    Raises:
        ValueError: If there are fewer than two.
    """
    if len(scores) < 2:
        raise ValueError(f"a spread needs 2 sets of scores or more, got {len(scores)}")
    return _combined(scores, statistics.stdev)


def _combined(scores: Sequence[Any], combine: Callable[[Sequence[float]], float]) -> Any:
    first = scores[0]
    if isinstance(first, Mapping):
        return {key: _combined([one[key] for one in scores], combine) for key in first}
    return combine(scores)
