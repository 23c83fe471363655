import pytest

from track_anything.config import RepromptConfig, TrackerConfig
from track_anything.structures import EventKind, Origin, State
from track_anything.tracking.track import Track

EAGER = RepromptConfig(budget=100.0, patience=0.01, cooldown_frames=3, retry_frames=3)
DOUBT = TrackerConfig(reprompt=EAGER, lost_below=0.0)


def states(track: Track, confidences: list[float], config: TrackerConfig) -> list[State]:
    out = []
    for confidence in confidences:
        track.move_on(confidence, is_visible=True, config=config)
        out.append(track.state)
    return out


@pytest.fixture
def track() -> Track:
    return Track(track_id=1, first_frame=0)


def test_a_clock_asks_on_every_nth_frame_whatever_happened_before(track: Track) -> None:
    config = RepromptConfig(mode="clock", clock_frames=3, budget=0.0, cooldown_frames=5)
    asked = []
    for index in range(1, 13):
        track.tick(config)
        if track.may_ask(config):
            asked.append(index)
            track.asked(config, is_accepted=index == 6)
        if index == 7:
            track.trusted(Origin.PROMPTED, 1.0)
    assert asked == [3, 6, 9, 12]


def test_a_track_becomes_weak_and_is_confirmed_again_only_well_above(track: Track) -> None:
    config = TrackerConfig(weak_below=0.55, lost_below=0.1)
    weak, sure = State.WEAK, State.CONFIRMED
    # .15 of what is said is the lowest so far: with .54, .61 makes .5995 and .62 makes .608.
    confidences = [0.9, 0.55, 0.54, 0.58, 0.61, 0.62, 0.56, 0.3]
    expected = [sure, sure, weak, weak, weak, sure, sure, weak]
    assert states(track, confidences, config) == expected


def test_a_confidence_remembers_the_lowest_since_the_mask_was_known(track: Track) -> None:
    config = TrackerConfig(lost_below=0.0)
    said = []
    for confidence in (0.9, 0.5, 0.9, 0.7):
        track.move_on(confidence, is_visible=True, config=config)
        said.append(track.confidence)
    assert said == pytest.approx([0.9, 0.5, 0.84, 0.67])
    track.trusted(Origin.REPROMPTED, 1.0)
    track.move_on(0.9, is_visible=True, config=config)
    assert track.confidence == 0.9


def test_a_low_confidence_before_an_object_was_lost_is_forgotten_when_it_is_found(
    track: Track,
) -> None:
    config = TrackerConfig()
    track.move_on(0.25, is_visible=True, config=config)
    track.move_on(0.0, is_visible=False, config=config)
    track.move_on(0.8, is_visible=True, config=config)
    assert (track.state, track.confidence) == (State.WEAK, 0.8)


def test_a_track_is_lost_after_low_confidence_on_enough_frames_in_a_row(track: Track) -> None:
    config = TrackerConfig(lost_below=0.2, lost_frames=3)
    assert states(track, [0.1, 0.1, 0.2, 0.1, 0.1], config) == [State.WEAK] * 5
    assert track.move_on(0.1, is_visible=True, config=config) is EventKind.LOST
    assert (track.state, track.confidence) == (State.LOST, 0.0)


def test_a_track_without_a_mask_is_lost_at_once_and_says_so_once(track: Track) -> None:
    config = TrackerConfig()
    assert track.move_on(0.9, is_visible=False, config=config) is EventKind.LOST
    assert track.move_on(0.9, is_visible=False, config=config) is None
    assert (track.state, track.confidence) == (State.LOST, 0.0)


@pytest.mark.parametrize("hidden", [State.LOST, State.OCCLUDED, State.LEFT])
def test_a_hidden_track_that_is_seen_is_found_and_weak_until_sure(
    track: Track, hidden: State
) -> None:
    config = TrackerConfig()
    track.state, track.low_count = hidden, 99
    assert track.is_searched
    assert track.move_on(0.58, is_visible=True, config=config) is EventKind.FOUND
    assert (track.state, track.confidence) == (State.WEAK, 0.58)
    assert not track.is_searched
    # 99 low frames of long ago no longer count.
    assert states(track, [0.1, 0.58, 0.8], config) == [State.WEAK, State.WEAK, State.CONFIRMED]


@pytest.mark.parametrize("hidden", [State.OCCLUDED, State.LEFT])
def test_a_track_known_to_be_away_that_stays_away_stays_what_it_was(
    track: Track, hidden: State
) -> None:
    track.state = hidden
    assert track.move_on(0.3, is_visible=False, config=TrackerConfig()) is None
    assert (track.state, track.confidence) == (hidden, 0.0)


def test_a_trusted_mask_ends_every_doubt(track: Track) -> None:
    track.state, track.confidence, track.low_count = State.LOST, 0.0, 4
    track.wait = track.sure_count = 9
    track.doubt, track.rejected_count = 3.0, 2
    assert track.is_unsure
    track.trusted(Origin.PROMPTED, 1.0)
    assert (track.state, track.confidence, track.origin) == (State.CONFIRMED, 1.0, Origin.PROMPTED)
    assert (track.low_count, track.wait, track.sure_count) == (0, 0, 0)
    assert (track.doubt, track.is_unsure) == (0.0, False)


def test_no_mask_is_surer_than_the_one_it_is_carried_from(track: Track) -> None:
    track.trusted(Origin.PROMPTED, 0.7)
    assert track.confidence == 0.7
    said = []
    for confidence in (0.95, 0.6, 0.8):
        track.move_on(confidence, is_visible=True, config=TrackerConfig())
        said.append(track.confidence)
    assert said == [0.7, 0.6, 0.7]
    # What a segmenter says of its own answer may be off the scale.
    track.trusted(Origin.REPROMPTED, 1.03)
    assert track.confidence == 1.0


def test_a_track_that_keeps_up_with_an_answer_is_never_asked_about(track: Track) -> None:
    for _ in range(100):
        track.tick(EAGER)
        track.move_on(EAGER.below, is_visible=True, config=DOUBT)
        assert not track.may_ask(EAGER)
    track.move_on(EAGER.below - 0.02, is_visible=True, config=DOUBT)
    assert track.may_ask(EAGER)


def test_doubt_adds_up_until_patience_is_over(track: Track) -> None:
    config = RepromptConfig(below=0.9, patience=0.49, budget=100.0)
    tracker = TrackerConfig(reprompt=config)
    # What is said: .8, .8425, .9275, .65, .735. What is wanted is half .9 and half the best so far,
    # .9 at most: .85, .87125, .9, .9, .9. Short of it by .05, .02875, 0, .25, .165.
    asked = []
    for confidence in (0.8, 0.85, 0.95, 0.65, 0.75):
        track.tick(config)
        track.move_on(confidence, is_visible=True, config=tracker)
        asked.append(track.may_ask(config))
    assert track.doubt == pytest.approx(0.49375)
    assert asked == [False, False, False, False, True]
    track.asked(config, is_accepted=False)
    assert track.doubt > 0.49
    track.asked(config, is_accepted=True)
    assert track.doubt == 0


@pytest.mark.parametrize("state", [State.LOST, State.OCCLUDED, State.LEFT])
def test_a_hidden_track_is_asked_about_however_sure_it_was(track: Track, state: State) -> None:
    track.tick(EAGER)
    track.state = state
    assert track.may_ask(EAGER)


def test_even_a_sure_track_is_asked_about_after_the_longest_interval(track: Track) -> None:
    config = RepromptConfig(longest_interval=4)
    asked = []
    for _ in range(5):
        track.tick(config)
        asked.append(track.may_ask(config))
    assert asked == [False, False, False, True, True]
    assert not track.may_ask(RepromptConfig(longest_interval=0))


def test_rejected_answers_double_the_wait_up_to_sixteenfold(track: Track) -> None:
    config = RepromptConfig(cooldown_frames=7, retry_frames=3)
    waits = []
    for _ in range(6):
        track.asked(config, is_accepted=False)
        waits.append(track.wait)
    assert waits == [3, 6, 12, 24, 48, 48]


def test_an_accepted_answer_makes_the_wait_short_again(track: Track) -> None:
    track.sure_count = 50
    for _ in range(3):
        track.asked(EAGER, is_accepted=False)
    assert track.sure_count == 50
    track.asked(EAGER, is_accepted=True)
    assert (track.wait, track.sure_count) == (3, 0)
    track.asked(EAGER, is_accepted=False)
    assert track.wait == 3


def test_nothing_is_asked_until_the_wait_is_over(track: Track) -> None:
    track.tick(EAGER)
    track.asked(EAGER, is_accepted=True)
    asked = []
    for _ in range(4):
        track.tick(EAGER)
        track.move_on(0.1, is_visible=True, config=DOUBT)
        asked.append(track.may_ask(EAGER))
    assert asked == [False, False, True, True]


def test_every_question_is_paid_for_from_a_budget_that_fills_slowly(track: Track) -> None:
    config = RepromptConfig(budget=25.0, saved_frames=0)
    track.doubt = 9.0
    assert track.may_ask(config)
    track.asked(config, is_accepted=False)
    asked = []
    for _ in range(4):
        track.tick(config)
        track.wait = 0
        asked.append(track.may_ask(config))
    # A quarter of a question a frame.
    assert asked == [False, False, False, True]


@pytest.mark.parametrize("frames", [0, 1000])
def test_what_is_saved_up_is_the_budget_of_so_many_frames(track: Track, frames: int) -> None:
    config = RepromptConfig(budget=25.0, saved_frames=12)
    for _ in range(frames):
        track.tick(config)
    track.doubt = 9.0
    count = 0
    while track.may_ask(config):
        track.asked(config, is_accepted=False)
        track.wait = 0
        count += 1
    assert count == 3


def test_a_frame_that_goes_by_makes_a_mask_a_carried_one(track: Track) -> None:
    track.trusted(Origin.PROMPTED, 1.0)
    track.tick(EAGER)
    assert (track.origin, track.sure_count) == (Origin.PROPAGATED, 1)
