"""How true the scores are that come with masks: predicted IoU against IoU."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

BIN_COUNT = 10

Values = NDArray[np.float64]


def correlation(predicted: Values, true: Values) -> float | None:
    """Pearson's correlation; None for fewer than two values or values that are all equal.

    >>> round(correlation(np.array([0.0, 0.5, 1.0]), np.array([0.1, 0.1, 0.4])), 3)
    0.866
    """
    if len(predicted) < 2 or np.ptp(predicted) == 0 or np.ptp(true) == 0:
        return None
    return float(np.corrcoef(predicted, true)[0, 1])


def reliability_table(predicted: Values, true: Values) -> dict[str, Any]:
    """Predicted and true IoU by bins of the predicted one.

    Args:
        predicted: (N,) in [0, 1].
        true: (N,) in [0, 1].

    Returns:
        {"bins": [{"from", "to", "count", "predicted", "true"}], "correlation", "ECE"}: ten bins
        without their upper end (the last with it), means None in an empty one. ECE is the expected
        calibration error: the mean distance of the two means, by how many are in the bin; None
        without any.
    """
    which = np.clip((predicted * BIN_COUNT).astype(int), 0, BIN_COUNT - 1)
    bins, error = [], 0.0
    for index in range(BIN_COUNT):
        inside = which == index
        count = int(np.count_nonzero(inside))
        means = [float(values[inside].mean()) if count else None for values in (predicted, true)]
        if means[0] is not None and means[1] is not None:
            error += count * abs(means[0] - means[1])
        bins.append(
            {
                "from": index / BIN_COUNT,
                "to": (index + 1) / BIN_COUNT,
                "count": count,
                "predicted": means[0],
                "true": means[1],
            }
        )
    return {
        "bins": bins,
        "correlation": correlation(predicted, true),
        "ECE": error / len(predicted) if len(predicted) else None,
    }
