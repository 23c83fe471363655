import json
from dataclasses import replace

import pytest

from track_anything.errors import TrackingError
from track_anything.structures import Origin, State
from track_anything.tracking.track import Track
from track_anything.tracking.tracker_state import FORMAT, TrackerState


@pytest.fixture
def state() -> TrackerState:
    """Two tracks in the order they began, which is not that of their ids."""
    late = Track(7, 0, "Hünd\nchen", State.LEFT, Origin.REPROMPTED, confidence=1 / 3, wait=4)
    late.seen_at = (0.0, 1.5, 3.0, 1 / 3)
    return TrackerState(
        tracks={7: late, 2: Track(2, 5)},
        size=(720, 1280),
        next_id=8,
        contacts={"contacts": [], "doubts": [[7, 0.5]]},
        cuts={"since": 3},
        propagator=bytes(range(256)),
        look_back=b"\n{held}",
        discovery=b"\x00\nfound",
    )


def test_a_state_comes_back_whole(state: TrackerState) -> None:
    found = TrackerState.unpack(state.pack())
    assert found == state
    for parts in ({"look_back": None}, {"discovery": None}, {"look_back": None, "discovery": None}):
        without = replace(state, **parts)
        assert TrackerState.unpack(without.pack()) == without
    assert list(found.tracks) == [7, 2]
    assert found.tracks[7].seen_at == (0.0, 1.5, 3.0, 1 / 3)
    assert type(found.tracks[7].state) is State
    assert type(found.tracks[7].origin) is Origin


def changed(state: TrackerState, **values: object) -> bytes:
    line, _, rest = state.pack().partition(b"\n")
    said = {**json.loads(line), **values}
    return json.dumps(said).encode() + b"\n" + rest


def test_another_version_or_other_tracks_are_refused(state: TrackerState) -> None:
    for values, text in (
        ({"format": 99}, f"in format 99, expected flow tracker in format {FORMAT}"),
        ({"kind": "other"}, "is of other"),
        ({"tracks": [{"track_id": 1}]}, "tracks with .*confidence, doubt"),
        ({"size": None}, "not a saved state of this tracker"),
        ({"next_id": "x"}, "not a saved state of this tracker"),
        ({"tracks": 3}, "not a saved state of this tracker"),
        ({"tracks": [[1, 2]]}, "not a saved state of this tracker"),
        ({"look_back_bytes": "x"}, "not a saved state of this tracker"),
    ):
        with pytest.raises(TrackingError, match=text):
            TrackerState.unpack(changed(state, **values))


@pytest.mark.parametrize("state", [b"", b"\n", b"[]\n", b"3\nx", b"\xff\xfe\n"])
def test_what_is_no_state_is_refused(state: bytes) -> None:
    with pytest.raises(TrackingError, match="not a saved state of this tracker"):
        TrackerState.unpack(state)


def test_without_a_cut_detector_and_without_looking_back_there_is_neither(
    state: TrackerState,
) -> None:
    found = TrackerState.unpack(replace(state, cuts=None, look_back=None).pack())
    assert (found.cuts, found.look_back, found.propagator) == (None, None, bytes(range(256)))


def test_nothing_held_is_not_the_same_as_not_looking_back(state: TrackerState) -> None:
    assert TrackerState.unpack(replace(state, look_back=b"").pack()).look_back == b""
