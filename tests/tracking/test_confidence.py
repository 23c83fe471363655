import numpy as np
import pytest

from track_anything.structures import Floats
from track_anything.tracking import confidence
from track_anything.tracking.confidence import estimated_iou, measure_signals, ring_margin

SIZE = (60, 60)
MEANS = {name: mean for name, (mean, _, _) in confidence._LINE.items()}


def square(x: int, y: int, side: int, value: float = 1.0) -> Floats:
    out = np.zeros(SIZE, np.float32)
    out[y : y + side, x : x + side] = value
    return out


def test_the_margin_is_the_mean_inside_minus_the_mean_around() -> None:
    appearance = np.full(SIZE, 0.1, np.float32) + square(20, 20, 10, 0.7)
    assert ring_margin(appearance, square(20, 20, 10) > 0) == pytest.approx(0.7, abs=1e-5)
    assert ring_margin(1 - appearance, square(20, 20, 10) > 0) == pytest.approx(-0.7, abs=1e-5)


def test_the_ring_is_seven_pixels_wide() -> None:
    inside = square(25, 25, 10) > 0
    within, beyond = np.zeros(SIZE, np.float32), np.zeros(SIZE, np.float32)
    within[25:35, 18] = 1  # 7 columns to the left of column 25
    beyond[25:35, 17] = 1
    assert ring_margin(within, inside) < 0
    assert ring_margin(beyond, inside) == 0


def test_an_empty_mask_has_no_margin_and_a_full_one_no_ring() -> None:
    appearance = np.full(SIZE, 0.6, np.float32)
    assert ring_margin(appearance, np.zeros(SIZE, np.bool_)) == 0
    assert ring_margin(appearance, np.ones(SIZE, np.bool_)) == pytest.approx(0.6)


def test_the_signals_are_as_worked_out_by_hand() -> None:
    # 10x10 sure pixels, of which 2 columns only half sure: 80 over .7, 100 over .5 and over .3.
    soft = square(20, 20, 10)
    soft[20:30, 28:30] = 0.6
    soft[0, 0] = 0.4  # over .3 alone
    signals = measure_signals(
        soft=soft,
        appearance=square(20, 20, 10, 0.9)[:, :],
        warped=square(25, 20, 10),
        area_before=50,
        key_area=400,
        frames_since_key=9,
    )
    half_sure = -(0.6 * np.log(0.6) + 0.4 * np.log(0.4))
    # The rest is clipped to 1e-4 from certainty.
    certain = -(1e-4 * np.log(1e-4) + (1 - 1e-4) * np.log(1 - 1e-4)) * (60 * 60 - 21)
    assert signals == {
        "entropy": pytest.approx((21 * half_sure + certain) / 10, rel=1e-3),
        "margin": pytest.approx(0.9, abs=1e-5),
        "stability": pytest.approx(80 / 101),
        "appearance_iou": pytest.approx(1.0),
        "warped_iou": pytest.approx(50 / 150),
        "area_change": pytest.approx(np.log(2)),
        "key_area_change": pytest.approx(np.log(4)),
        "age": pytest.approx(np.log(10)),
    }


def test_a_mask_of_nothing_can_be_measured() -> None:
    nothing = np.zeros(SIZE, np.float32)
    signals = measure_signals(
        soft=nothing,
        appearance=nothing,
        warped=nothing,
        area_before=0,
        key_area=0,
        frames_since_key=0,
    )
    assert all(np.isfinite(value) for value in signals.values())
    assert signals["stability"] == signals["appearance_iou"] == signals["area_change"] == 0
    assert 0 < estimated_iou(signals) < 1


def test_usual_signals_mean_the_usual_confidence() -> None:
    # At the means of all signals only the bias counts.
    assert estimated_iou(MEANS) == pytest.approx(1 / (1 + np.exp(-confidence._BIAS)))
    assert 0.6 < estimated_iou(MEANS) < 0.85


def test_every_signal_measured_is_one_the_line_was_fitted_to() -> None:
    nothing = np.zeros(SIZE, np.float32)
    signals = measure_signals(
        soft=nothing,
        appearance=nothing,
        warped=nothing,
        area_before=0,
        key_area=0,
        frames_since_key=0,
    )
    assert set(signals) == set(MEANS)


@pytest.mark.parametrize("name", ["stability", "appearance_iou"])
def test_confidence_rises_with_what_speaks_for_the_mask(name: str) -> None:
    _, deviation, _ = confidence._LINE[name]
    values = [MEANS[name] + part * deviation for part in np.linspace(-2.9, 2.9, 12)]
    estimates = [estimated_iou({**MEANS, name: value}) for value in values]
    assert (np.diff(estimates) > 0).all()


@pytest.mark.parametrize("extreme", [-1e9, 0.0, 1e9])
def test_confidence_is_between_zero_and_one_whatever_is_measured(extreme: float) -> None:
    assert 0 < estimated_iou(dict.fromkeys(MEANS, extreme)) < 1


def test_one_wild_signal_counts_no_more_than_three_deviations() -> None:
    mean, deviation, _ = confidence._LINE["stability"]
    at_the_limit = estimated_iou({**MEANS, "stability": mean - 3 * deviation})
    within = estimated_iou({**MEANS, "stability": mean - 2.5 * deviation})
    assert estimated_iou({**MEANS, "stability": -50.0}) == pytest.approx(at_the_limit)
    assert at_the_limit < within
