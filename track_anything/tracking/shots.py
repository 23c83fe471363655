"""What a scene cut does to the objects of the shot before."""

from track_anything.structures import EventKind, State
from track_anything.tracking.roster import Roster
from track_anything.tracking.step import Step


def begin_shot(now: Step, roster: Roster) -> None:
    """Give up every object's place; by the rule `cuts` it is looked for from now on, or ended."""
    now.say(EventKind.CUT, 0, "a new shot begins")
    for track in roster.tracks.values():
        if track.state is State.ENDED:
            continue
        if roster.config.cuts == "end":
            roster.end(track)
            now.say(EventKind.ENDED, track.track_id, "its shot ended")
        elif not track.is_searched:
            roster.give_up_place(now, track.track_id)
            track.state, track.confidence = State.LOST, 0.0
            now.say(EventKind.LOST, track.track_id, "its shot ended")
