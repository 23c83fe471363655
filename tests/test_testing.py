"""The public fakes are exact."""

import io
from fractions import Fraction

import numpy as np
import pytest

from track_anything.errors import SegmenterError, TrackingError
from track_anything.interfaces import FrameSource, Propagator, Segmenter, Sink
from track_anything.structures import FrameResult, ImageEmbedding, Mask, Prompt
from track_anything.testing import (
    HoldingPropagator,
    MovingSquare,
    RecordingSink,
    ThresholdSegmenter,
)

_BUFFER = io.BytesIO()
np.save(_BUFFER, np.zeros(3))
NPY = _BUFFER.getvalue()


def area(mask: Mask) -> int:
    return int(np.count_nonzero(mask))


def test_the_square_moves_as_said_and_turns_back_at_the_edges() -> None:
    # 10 pixels of room to the right of 20: x runs 4, 7, 10, 7, 4, 1, 2.
    square = MovingSquare(size=(20, 30), side=20, start=(4, 0), velocity=(3, 0))
    corners = [int(square.box(index)[0]) for index in range(7)]
    assert corners == [4, 7, 10, 7, 4, 1, 2]


def test_truth_is_where_the_square_is_drawn() -> None:
    square = MovingSquare()
    for index in (0, 7, 19):
        bright = square.frame(index).image.min(axis=2) >= 160
        assert np.array_equal(bright, square.truth(index))
        assert area(square.truth(index)) == 24 * 24


def test_frames_come_in_order_with_exact_times() -> None:
    source: FrameSource = MovingSquare(frame_count=3, frame_rate=Fraction(30000, 1001))
    frames = list(source)
    assert [frame.index for frame in frames] == [0, 1, 2]
    assert [frame.time for frame in frames] == [0, Fraction(1001, 30000), Fraction(2002, 30000)]
    assert frames[0].image.shape == (*source.info.size, 3)
    assert source.info.duration == Fraction(3003, 30000)


def test_the_same_seed_draws_the_same_frames() -> None:
    first, second = MovingSquare(seed=3).frame(5), MovingSquare(seed=3).frame(5)
    assert np.array_equal(first.image, second.image)
    assert not np.array_equal(first.image, MovingSquare(seed=4).frame(5).image)


def test_a_square_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"24 at \(110, 0\) does not fit 128x96"):
        MovingSquare(start=(110, 0))


@pytest.fixture
def square() -> MovingSquare:
    return MovingSquare()


@pytest.mark.parametrize("kind", ["box", "point", "logits", "mask"])
def test_every_kind_of_prompt_gives_the_exact_square(square: MovingSquare, kind: str) -> None:
    truth, box = square.truth(0), square.box(0)
    prompt = {
        "box": Prompt(box=box),
        "point": Prompt(points=(box[:2] + box[2:])[None] / 2, labels=np.array([1])),
        "logits": Prompt(logits=np.where(truth, np.float32(4), np.float32(-4))),
        "mask": Prompt(mask=truth),
    }[kind]
    segmenter: Segmenter = ThresholdSegmenter()
    ((answer,),) = segmenter.decode(segmenter.embed(square.frame(0)), [prompt])
    assert np.array_equal(answer.mask, truth)
    assert answer.predicted_iou == 0.95


def test_a_box_bounds_the_answer(square: MovingSquare) -> None:
    box = square.box(0)
    box[2] -= 10
    segmenter = ThresholdSegmenter()
    ((answer,),) = segmenter.decode(segmenter.embed(square.frame(0)), [Prompt(box=box)])
    assert area(answer.mask) == 14 * 24


def test_a_negative_point_removes_its_part(square: MovingSquare) -> None:
    centre = (square.box(0)[:2] + square.box(0)[2:])[None] / 2
    segmenter = ThresholdSegmenter()
    prompt = Prompt(box=square.box(0), points=centre, labels=np.array([0]))
    ((answer,),) = segmenter.decode(segmenter.embed(square.frame(0)), [prompt])
    assert area(answer.mask) == 0
    assert answer.predicted_iou == 0


def test_an_absent_object_is_answered_with_an_empty_mask(square: MovingSquare) -> None:
    segmenter = ThresholdSegmenter()
    embedding = segmenter.embed(square.frame(0))
    ((answer,),) = segmenter.decode(embedding, [Prompt(is_absent=True, track_id=1)])
    assert area(answer.mask) == 0


def test_embedding_the_same_frame_again_is_the_same_embedding(square: MovingSquare) -> None:
    segmenter, frame = ThresholdSegmenter(), square.frame(0)
    assert segmenter.embed(frame) is segmenter.embed(frame)
    assert segmenter.embed(frame) is not segmenter.embed(square.frame(1))


def test_an_embedding_of_another_segmenter_is_refused() -> None:
    with pytest.raises(SegmenterError, match="another one's embedding"):
        ThresholdSegmenter().decode(ImageEmbedding((4, 4), None), [])


def test_a_holding_propagator_holds_until_taught_again(square: MovingSquare) -> None:
    propagator: Propagator = HoldingPropagator()
    propagator.start(square.info)
    propagator.learn(square.frame(0), 2, square.truth(0))
    propagator.learn(square.frame(0), 1, square.truth(3))
    carried = propagator.propagate(square.frame(1))
    assert list(carried) == [1, 2]
    assert np.array_equal(carried[2].logits > 0, square.truth(0))
    propagator.learn(square.frame(1), 2, np.zeros_like(square.truth(0)))
    propagator.forget(1)
    propagator.forget(9)
    carried = propagator.propagate(square.frame(2))
    assert list(carried) == [2]
    assert not (carried[2].logits > 0).any()
    assert carried[2].confidence == 0


def test_a_restored_holding_propagator_goes_on_the_same(square: MovingSquare) -> None:
    first, second = HoldingPropagator(), HoldingPropagator()
    first.start(square.info)
    for track_id in (1, 300):
        first.learn(square.frame(0), track_id, square.truth(track_id))
    second.restore(first.save())
    ours, theirs = (one.propagate(square.frame(1)) for one in (first, second))
    assert list(ours) == list(theirs) == [1, 300]
    assert all(ours[i].logits.tobytes() == theirs[i].logits.tobytes() for i in ours)


@pytest.mark.parametrize("state", [b"", b"nothing of ours", b"PK\x03\x04 cut", NPY])
def test_a_state_that_is_not_its_own_is_refused(state: bytes) -> None:
    with pytest.raises(TrackingError, match="not the state"):
        HoldingPropagator().restore(state)


def test_a_holding_propagator_wants_start_first(square: MovingSquare) -> None:
    with pytest.raises(TrackingError, match="start comes before"):
        HoldingPropagator().propagate(square.frame(0))


def test_a_recording_sink_keeps_results_and_counts_calls(square: MovingSquare) -> None:
    recording = RecordingSink()
    sink: Sink = recording
    for frame in square:
        sink.write(FrameResult(frame))
    sink.close()
    sink.close()
    sink.abort()
    assert [result.frame.index for result in recording.results] == list(range(20))
    assert (recording.close_count, recording.abort_count) == (2, 1)
