import numpy as np
import pytest

from track_anything.errors import TrackingError
from track_anything.structures import Event, EventKind, FrameResult, ObjectMask, Origin, State
from track_anything.testing import MovingSquare
from track_anything.tracking.look_back_state import Held, pack_held, unpack_held

SQUARE = MovingSquare(frame_count=3)


@pytest.fixture
def held() -> list[Held]:
    """Two results: on the first both tracks are doubted, on the second none."""
    logits = np.full((24, 32), -8, np.float32)
    logits[3:9, 4:12] = np.random.default_rng(0).normal(size=(6, 8))
    one = ObjectMask(
        3, SQUARE.truth(0), SQUARE.box(0), 1 / 3, State.WEAK, Origin.REPROMPTED, "Hündchen"
    )
    lost = ObjectMask(300, np.zeros((96, 128), bool), np.zeros(4, np.float32), 0.0, State.LOST)
    events = [Event(EventKind.LOST, 300, "a"), Event(EventKind.CUT, 0)]
    return [
        (
            FrameResult(SQUARE.frame(0), [one, lost], events),
            {3: logits, 300: np.full((8, 8), -8, np.float32)},
            frozenset({3, 300}),
            frozenset(),
        ),
        (FrameResult(SQUARE.frame(1), [one]), {}, frozenset(), frozenset({3})),
    ]


def test_results_that_are_held_come_back_on_their_frames(held: list[Held]) -> None:
    frames = [SQUARE.frame(0), SQUARE.frame(1)]
    found = unpack_held(pack_held(held), frames)
    for (now, logits, *sets), (result, before, *were), frame in zip(
        found, held, frames, strict=True
    ):
        assert now.frame is frame
        assert (list(now.events), sets, logits.keys()) == (
            list(result.events),
            were,
            before.keys(),
        )
        for track_id, values in logits.items():
            assert values.dtype == np.float32
            assert np.array_equal(values, before[track_id])
        for one, other in zip(now.objects, result.objects, strict=True):
            assert np.array_equal(one.mask, other.mask)
            assert np.array_equal(one.box, other.box)
            assert (one.track_id, one.confidence, one.state, one.origin, one.label) == (
                other.track_id,
                other.confidence,
                other.state,
                other.origin,
                other.label,
            )


def test_nothing_held_is_nothing() -> None:
    assert unpack_held(pack_held([]), []) == []


def test_other_frames_and_other_bytes_are_refused(held: list[Held]) -> None:
    with pytest.raises(TrackingError, match="holds back 2 results, got 1 frames"):
        unpack_held(pack_held(held), [SQUARE.frame(0)])
    with pytest.raises(TrackingError, match="not results that were held back"):
        unpack_held(b"nonsense", [])
