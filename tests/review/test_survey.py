"""One pass over a run."""

from collections.abc import Callable

import pytest

from track_anything.review.doubts import Cause
from track_anything.review.survey import survey_results
from track_anything.structures import Event, EventKind, FrameResult, ObjectMask, State

Seen = Callable[..., ObjectMask]
Film = Callable[..., list[FrameResult]]

SIZE = (96, 128)
SQUARE = (10, 40, 30, 60)


def test_confidences_count_where_the_object_is_visible(seen: Seen, film: Film) -> None:
    gone = seen(1, None, confidence=0.0, state=State.LOST)
    frames = [[seen(1, SQUARE, confidence=0.9, label="dog")], [gone], [gone]]
    frames += [[seen(1, SQUARE, confidence=0.6)]]
    found = survey_results(film(frames), SIZE).tracks[1]
    assert (found.name, found.visible_count) == ("dog", 2)
    assert found.mean_confidence == pytest.approx(0.75)
    assert found.minimum_confidence == pytest.approx(0.6)
    assert (found.lost_count, found.lost_seconds) == (1, pytest.approx(0.08))


def test_an_object_never_seen_counts_as_the_lowest(seen: Seen, film: Film) -> None:
    found = survey_results(film([[seen(1, SQUARE), seen(2, None)]]), SIZE)
    assert found.worst_track is found.tracks[2]
    assert found.tracks[2].mean_confidence is None


def test_around_is_the_frame_before_the_worst_and_the_frame_after(seen: Seen, film: Film) -> None:
    values = [0.9, 0.9, 0.5, 0.3, 0.5, 0.9, 0.9]
    found = survey_results(film([[seen(1, SQUARE, confidence=v)] for v in values]), SIZE)
    assert found.around(found.moments[0]) == (1, 3, 5)


def test_around_stays_inside_the_run(seen: Seen, film: Film) -> None:
    found = survey_results(film([[seen(1, SQUARE, confidence=0.3)]] * 3), SIZE)
    assert found.around(found.moments[0]) == (0, 0, 2)


def test_what_was_lost_is_shown_where_it_was_seen_last(seen: Seen, film: Film) -> None:
    gone = [seen(1, None, confidence=0.0, state=State.LOST)]
    frames = [[seen(1, SQUARE)], gone, gone, gone, [seen(1, SQUARE)]]
    found = survey_results(film(frames), SIZE)
    assert found.around(found.moments[0]) == (0, 1, 4)


def test_what_is_found_late_is_shown_beside_where_it_was_seen_last(seen: Seen, film: Film) -> None:
    gone = [seen(1, None, confidence=0.0, state=State.LOST)]
    found = survey_results(film([[seen(1, SQUARE)], *[gone] * 20, *[[seen(1, SQUARE)]] * 2]), SIZE)
    lost, again = found.moments
    assert (lost.main.cause, found.around(lost)) == (Cause.LOST, (0, 1, 21))
    assert (again.main.cause, found.around(again)) == (Cause.FOUND, (0, 21, 22))


def test_events_above_the_limit_are_counted_and_marked_but_not_kept(seen: Seen, film: Film) -> None:
    events = {n: [Event(EventKind.REJECTED, 1, "no")] for n in range(5)}
    found = survey_results(film([[seen(1, SQUARE)]] * 5, events), SIZE, max_events=2)
    assert len(found.events) == 2
    assert found.event_counts == {EventKind.REJECTED: 5}
    assert list(found.marks[1, EventKind.REJECTED]) == [0, 1, 2, 3, 4]


def test_columns_are_even_in_time_and_keep_the_extremes(seen: Seen, film: Film) -> None:
    values = [0.9, 0.2, 0.8, 0.7, 0.6, 0.5]
    found = survey_results(film([[seen(1, SQUARE, confidence=v)] for v in values]), SIZE)
    columns = found.columns(2)
    assert columns.tolist() == [0, 0, 0, 1, 1, 1]
    first, second = found.tracks[1].columns(columns, 2)
    assert first is not None
    assert second is not None
    assert (first.low, first.high) == (pytest.approx(0.2), pytest.approx(0.9))
    assert (second.low, second.high) == (pytest.approx(0.5), pytest.approx(0.7))


def test_an_object_that_comes_late_has_no_columns_before(seen: Seen, film: Film) -> None:
    found = survey_results(film([[], [], [seen(3, SQUARE)], [seen(3, SQUARE)]]), SIZE)
    columns = found.tracks[3].columns(found.columns(4), 4)
    assert [one is None for one in columns] == [True, True, False, False]
    assert found.confidence_at(3, 1) is None
    assert found.confidence_at(3, 2) == pytest.approx(0.9)


def test_masks_are_not_kept(seen: Seen, film: Film) -> None:
    import gc
    import weakref

    result = film([[seen(1, SQUARE)]])
    mask = weakref.ref(result[0].objects[0].mask)
    found = survey_results(result, SIZE)
    result.clear()
    gc.collect()
    assert mask() is None
    assert len(found.frames) == 1


def test_a_run_without_frames_has_nothing() -> None:
    found = survey_results([], SIZE)
    assert (len(found.frames), found.moments, found.worst_track) == (0, [], None)
