"""The user's prompts on a frame: answered, learned, and final there."""

from collections.abc import Sequence

import numpy as np

from track_anything.interfaces import Segmenter
from track_anything.structures import EventKind, Mask, MaskPrediction, Origin, Prompt, State
from track_anything.tracking.roster import Roster
from track_anything.tracking.step import Step
from track_anything.tracking.track import Track
from track_anything.tracking.user_prompts import best_answers, check_size, id_of, refining


def take_prompts(
    now: Step, roster: Roster, segmenter: Segmenter | None, prompts: Sequence[Prompt]
) -> None:
    """Take every prompt: what it says of its object is what the tracker thinks from now on.

    Args:
        now: The frame, with the carried masks.
        roster: Whose objects they are of; new ones begin.
        segmenter: Answers boxes and points; None takes masks alone.
        prompts: All with a track_id.

    Raises:
        PromptError: If one cannot be answered, or a mask is not of the frame's size.
    """
    asking = [_refining(now, roster, prompt) for prompt in prompts if not prompt.is_answer]
    answers = best_answers(segmenter, now.frame, asking)
    for prompt in prompts:
        track_id = id_of(prompt)
        if prompt.is_absent:
            _take_absence(now, roster, track_id)
        elif prompt.mask is not None:
            check_size(prompt.mask, now.size, track_id)
            _take(now, roster, prompt, prompt.mask, None)
        else:
            _take(now, roster, prompt, answers[track_id].mask, answers[track_id])


def _refining(now: Step, roster: Roster, prompt: Prompt) -> Prompt:
    carried = now.masks.get(id_of(prompt))
    # What a search guesses is not shown to the user: nobody corrects it.
    if carried is None or roster.tracks[id_of(prompt)].is_searched:
        return prompt
    return refining(prompt, carried, now.logits[id_of(prompt)])


def _take(
    now: Step, roster: Roster, prompt: Prompt, mask: Mask, answer: MaskPrediction | None
) -> None:
    """Take the user's mask, or the segmenter's answer to the user's hint."""
    track_id = id_of(prompt)
    if not mask.any():
        # The user says with an empty mask what `absent` says in words.
        _take_absence(now, roster, track_id)
        return
    track = roster.tracks.get(track_id)
    kind = EventKind.CORRECTED
    if track is None or track.state is State.ENDED:
        # One that had ended begins anew, the youngest of all; only its name is known still.
        kind, label = EventKind.STARTED, "" if track is None else track.label
        roster.tracks.pop(track_id, None)
        track = roster.tracks[track_id] = Track(track_id, now.frame.index, label)
    track.label = prompt.label or track.label
    track.trusted(Origin.PROMPTED, 1.0 if answer is None else answer.predicted_iou)
    track.anothers_count = 0
    roster.contacts.told([track_id])
    now.correct(track_id, mask, track.trust)
    roster.propagator.learn(now.frame, track_id, mask)
    now.set(track_id, mask, None if answer is None else answer.logits)
    if answer is None:
        now.final.add(track_id)
    now.say(kind, track_id, track.label)


def _take_absence(now: Step, roster: Roster, track_id: int) -> None:
    track = roster.tracks.get(track_id)
    if track is None or track.state is State.ENDED:
        return  # Absent before it was ever seen, or after its end: there is nothing to hide.
    if track.state is not State.OCCLUDED:
        now.say(EventKind.ABSENT, track_id, "said to be absent")
    roster.give_up_place(now, track_id)
    track.state, track.confidence, track.origin = State.OCCLUDED, 1.0, Origin.PROMPTED
    now.set(track_id, np.zeros(now.size, bool), None)
    now.final.add(track_id)
