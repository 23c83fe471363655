import numpy as np
import pytest

from track_anything.config import RepromptConfig
from track_anything.masks import mask_box
from track_anything.structures import Floats, Mask, MaskPrediction
from track_anything.tracking.association import (
    Claim,
    Verdict,
    blended,
    judge_answer,
    settle_overlaps,
)


def row(*pixels: int) -> Mask:
    """One row of ten pixels."""
    mask = np.zeros((1, 10), np.bool_)
    mask[0, list(pixels)] = True
    return mask


def judge(
    answer: Mask,
    *,
    predicted_iou: float = 0.9,
    carried: Mask | None = None,
    carried_iou: float = 1.0,
    supports: tuple[float, float] = (0.5, 0.5),
    config: RepromptConfig | None = None,
) -> Verdict:
    return judge_answer(
        answer,
        predicted_iou,
        carried=row(0, 1, 2, 3) if carried is None else carried,
        carried_iou=carried_iou,
        answer_support=supports[0],
        carried_support=supports[1],
        config=config or RepromptConfig(),
    )


def test_a_good_answer_is_taken_and_says_how_good() -> None:
    verdict = judge(row(1, 2, 3, 4))
    assert verdict == Verdict(True, "IoU 0.60 with the carried mask, predicted 0.90")


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [
        (judge(row()), "the answer is empty"),
        (judge(row(0, 1), predicted_iou=0.79), "predicted IoU 0.79 is under 0.80"),
        (judge(row(3, 4, 5, 6)), "IoU 0.14 with the carried mask is under 0.35"),
        (
            judge(row(0, 1, 2), supports=(0.4, 0.5)),
            "fits the object's looks by -0.10 against the carried mask",
        ),
    ],
    ids=["empty", "predicted", "elsewhere", "looks"],
)
def test_a_refused_answer_says_why(verdict: Verdict, reason: str) -> None:
    assert verdict == Verdict(False, reason)


def test_at_its_limits_an_answer_is_taken() -> None:
    config = RepromptConfig(accept_iou=0.25, accept_predicted_iou=0.9, evidence_gain=0.25)
    # Two of eight pixels are shared: IoU .25.
    carried, answer = row(0, 1, 2, 3, 4), row(3, 4, 5, 6, 7)
    assert judge(answer, carried=carried, supports=(0.75, 0.5), config=config).is_accepted
    assert not judge(answer, carried=carried, supports=(0.74, 0.5), config=config).is_accepted


def test_of_a_carried_mask_in_doubt_an_answer_needs_less_but_half_at_least() -> None:
    # Two of eight pixels are shared: IoU .25.
    carried, answer = row(0, 1, 2, 3, 4), row(3, 4, 5, 6, 7)
    config = RepromptConfig(accept_iou=0.4)
    for carried_iou, expected in ((1.0, False), (0.65, False), (0.6, True), (0.0, True)):
        verdict = judge(answer, carried=carried, carried_iou=carried_iou, config=config)
        assert verdict.is_accepted is expected
    strict = RepromptConfig(accept_iou=0.52)
    refused = judge(answer, carried=carried, carried_iou=0.0, config=strict)
    assert refused == Verdict(False, "IoU 0.25 with the carried mask is under 0.26")


def test_an_object_that_is_nowhere_may_be_found_anywhere() -> None:
    verdict = judge(row(8, 9), carried=row(), supports=(0.3, 0.0))
    assert verdict.is_accepted


def test_even_a_lost_object_must_look_like_itself() -> None:
    assert not judge(row(8, 9), carried=row(), supports=(-0.1, 0.0)).is_accepted


# Who gets a contested pixel.


def grid(*rows: str) -> Mask:
    return np.array([[pixel == "#" for pixel in line] for line in rows])


LEFT = grid("##.", "##.", "##.")
RIGHT = grid(".##", ".##", ".##")


def claim(
    track_id: int,
    mask: Mask,
    *,
    first_frame: int = 0,
    logits: Floats | float | None = 1.0,
    is_final: bool = False,
) -> Claim:
    if isinstance(logits, float):
        logits = np.full(mask.shape, logits, np.float32)
    return Claim(track_id, mask, mask_box(mask), logits, first_frame, is_final)


def settled(*claims: Claim) -> dict[int, list[list[bool]]]:
    out = settle_overlaps(claims)
    assert [one.track_id for one in out] == [one.track_id for one in claims]
    for one in out:
        assert np.array_equal(one.box, mask_box(one.mask))
    return {one.track_id: one.mask.tolist() for one in out}


def test_no_claims_leave_no_masks() -> None:
    assert settle_overlaps([]) == []


def test_masks_that_do_not_meet_are_left_as_they_are() -> None:
    left, right = grid("#..", "#..", "..."), RIGHT
    assert settled(claim(1, left), claim(2, right)) == {1: left.tolist(), 2: right.tolist()}


@pytest.mark.parametrize("order", [1, -1])
def test_the_track_that_began_earlier_wins_however_sure_the_other_is(order: int) -> None:
    older = claim(7, LEFT, first_frame=2, logits=0.1)
    younger = claim(3, RIGHT, first_frame=5, logits=9.0)
    assert settled(*[older, younger][::order]) == {
        7: LEFT.tolist(),
        3: grid("..#", "..#", "..#").tolist(),
    }


def test_among_tracks_of_one_frame_the_surer_wins_pixel_by_pixel() -> None:
    sure_above = np.array([[5, 5, 5], [1, 1, 1], [1, 1, 1]], np.float32)
    first, second = claim(1, LEFT, logits=sure_above), claim(2, RIGHT, logits=3.0)
    assert settled(first, second) == {
        1: grid("##.", "#..", "#..").tolist(),
        2: grid("..#", ".##", ".##").tolist(),
    }


def test_when_equally_sure_the_lower_id_wins() -> None:
    first, second = claim(1, LEFT), claim(2, RIGHT)
    expected = {1: LEFT.tolist(), 2: grid("..#", "..#", "..#").tolist()}
    assert settled(first, second) == settled(second, first) == expected


def test_logits_of_another_size_are_stretched_over_the_frame() -> None:
    coarse = np.full((1, 1), 5, np.float32)
    assert settled(claim(1, LEFT, logits=coarse), claim(2, RIGHT, logits=3.0))[1] == LEFT.tolist()


def test_a_mask_without_logits_is_certain() -> None:
    out = settled(claim(1, LEFT, logits=30.0), claim(2, RIGHT, logits=None))
    assert out == {1: grid("#..", "#..", "#..").tolist(), 2: RIGHT.tolist()}


def test_three_tracks_of_one_frame_share_no_pixel() -> None:
    every = np.ones((3, 3), np.bool_)
    claims = [claim(i, every, logits=value) for i, value in ((1, 1.0), (2, 3.0), (3, 2.0))]
    out = settle_overlaps(claims)
    assert [one.mask.mean() for one in out] == [0, 1, 0]


def test_the_users_mask_takes_from_those_of_its_own_frame() -> None:
    out = settled(claim(1, LEFT, logits=9.0), claim(2, RIGHT, logits=None, is_final=True))
    assert out == {1: grid("#..", "#..", "#..").tolist(), 2: RIGHT.tolist()}


def test_the_users_mask_of_a_younger_object_takes_nothing_from_an_older_one() -> None:
    older = claim(1, LEFT, first_frame=0)
    younger = claim(2, RIGHT, first_frame=4, logits=None, is_final=True)
    assert settled(older, younger) == {1: LEFT.tolist(), 2: RIGHT.tolist()}


def test_the_users_mask_of_an_older_object_takes_from_a_younger_one() -> None:
    older = claim(1, LEFT, first_frame=0, logits=None, is_final=True)
    younger = claim(2, RIGHT, first_frame=4, logits=9.0)
    assert settled(older, younger) == {1: LEFT.tolist(), 2: grid("..#", "..#", "..#").tolist()}


def test_masks_the_user_gave_keep_every_pixel_even_of_one_another() -> None:
    out = settled(
        claim(1, LEFT, logits=None, is_final=True), claim(2, RIGHT, logits=None, is_final=True)
    )
    assert out == {1: LEFT.tolist(), 2: RIGHT.tolist()}


def test_the_masks_given_are_not_written_to() -> None:
    left, right = LEFT.copy(), RIGHT.copy()
    settle_overlaps([claim(1, left), claim(2, right)])
    assert np.array_equal(left, LEFT)
    assert np.array_equal(right, RIGHT)


def test_a_blended_answer_lies_between_it_and_the_carried_mask() -> None:
    # Where both are sure they add up; where one is sure of one thing and the other unsure, it wins.
    answer = MaskPrediction(
        np.array([[True, True, False, False]]), np.array([[4, 0.5, -0.5, -4]], np.float32), 0.8
    )
    carried = np.array([[4, -4, 4, -0.5]], np.float32)
    half = blended(answer, carried, 0.5)
    assert half.mask.tolist() == [[True, False, True, False]]
    assert half.predicted_iou == 0.8
    p = (1 / (1 + np.exp(-0.5)) + 1 / (1 + np.exp(4))) / 2
    assert half.logits[0, 1] == pytest.approx(np.log(p / (1 - p)), abs=1e-5)
    assert half.logits[0, 0] == pytest.approx(4, abs=1e-5)


def test_the_whole_share_leaves_an_answer_as_it_is() -> None:
    answer = MaskPrediction(row(1, 2), np.zeros((1, 10), np.float32), 0.5)
    assert blended(answer, np.full((1, 10), 9, np.float32), 1.0) is answer
