"""Correlation and calibration, worked out by hand."""

import numpy as np
import pytest

from track_anything.evaluation.reliability import correlation, reliability_table


def test_calibration_by_hand() -> None:
    # Bin .1: two predictions of .1 and .18 (mean .14), true .2 and .4 (mean .3). Bin .9 takes 1.0.
    predicted = np.array([0.1, 0.18, 0.9, 1.0])
    true = np.array([0.2, 0.4, 0.8, 1.0])
    table = reliability_table(predicted, true)
    assert [one["count"] for one in table["bins"]] == [0, 2, 0, 0, 0, 0, 0, 0, 0, 2]
    assert table["bins"][1] == {
        "from": 0.1,
        "to": 0.2,
        "count": 2,
        "predicted": pytest.approx(0.14),
        "true": pytest.approx(0.3),
    }
    assert table["bins"][0]["predicted"] is None
    assert table["ECE"] == pytest.approx((2 * 0.16 + 2 * 0.05) / 4)
    assert table["correlation"] == pytest.approx(float(np.corrcoef(predicted, true)[0, 1]))


def test_equal_or_too_few_values_have_no_correlation() -> None:
    assert correlation(np.array([0.5, 0.5]), np.array([0.1, 0.9])) is None
    assert correlation(np.array([0.1, 0.9]), np.array([0.5, 0.5])) is None
    assert correlation(np.array([0.5]), np.array([0.1])) is None
    assert reliability_table(np.zeros(0), np.zeros(0))["ECE"] is None
