import numpy as np
import pytest

from track_anything.segmenters.color_model import color_bins, log_likelihood_ratio


def test_bins_are_spread_over_the_colours_that_are_there() -> None:
    lab = np.full((1, 4, 3), 100, np.uint8)
    # 65 levels from 100 to 164 make 16 bins; of the other channels 49 are taken at least.
    lab[0, :, 0] = [100, 104, 105, 164]
    assert color_bins(lab).tolist() == [[0, 0, 16 * 16, 15 * 16 * 16]]


def test_a_colour_seen_on_one_side_only_speaks_for_it_up_to_the_limit() -> None:
    bins = np.array([[0, 0, 2000, 2000, 4095]])
    inside = np.array([[1, 1, 0, 0, 0]], np.float32)
    outside = np.array([[0, 0, 1, 1, 0]], np.float32)
    ratio = log_likelihood_ratio(bins, inside, outside)
    # Of the colour that neither side has seen nothing is known.
    assert ratio.tolist() == [[4, 4, -4, -4, 0]]
    assert log_likelihood_ratio(bins, inside, outside, limit=2)[0, 0] == 2


def test_a_colour_in_twice_as_large_a_share_of_the_object_speaks_for_it_by_log_2() -> None:
    bins = np.array([[0, 0, 4095, 4095]])
    inside = np.array([[1, 1, 1, 1]], np.float32)
    outside = np.array([[1, 0, 1, 2]], np.float32)
    ratio = log_likelihood_ratio(bins, inside, outside)
    assert ratio[0, 0] == pytest.approx(np.log(2), abs=2e-3)
    assert ratio[0, 3] == pytest.approx(np.log(2 / 3), abs=2e-3)
