"""The segmenter asked again about doubted tracks, and which of its answers are taken."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from track_anything.interfaces import Segmenter
from track_anything.masks import mask_logits
from track_anything.structures import (
    EventKind,
    Floats,
    Mask,
    MaskPrediction,
    Origin,
    Prompt,
    State,
)
from track_anything.tracking.association import Verdict, blended, judge_answer
from track_anything.tracking.reprompt import reprompt, reprompts_anew
from track_anything.tracking.roster import Roster
from track_anything.tracking.step import Step
from track_anything.tracking.track import Track
from track_anything.tracking.user_prompts import logits_behind
from track_anything.tracking.whole import judge_whole, whole_prompts

PART_OF_ANOTHER = 3
"""A compact object of which a part is followed is lost when the segmenter has said so often that
this is a part of another compact one."""


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """What is asked about one track.

    Attributes:
        track: The track.
        logits: (h, w) behind its carried mask.
        prompts: About what is carried; none if most of it is hidden.
        wholes: About all of it, if only a part is carried.
    """

    track: Track
    logits: Floats
    prompts: Sequence[Prompt]
    wholes: Sequence[Prompt]


def ask_about(
    now: Step,
    roster: Roster,
    neighbours: Mapping[int, Sequence[Mask]],
    tracks: Sequence[Track],
    segmenter: Segmenter,
) -> None:
    """Ask about tracks, all in one decode; what is taken is learned and goes into the step.

    Args:
        now: The frame, with the carried masks.
        roster: Everyone tracked; its propagator judges the answers, and learns what is taken.
        neighbours: By track_id the masks of the others that a track takes notice of.
        tracks: Those doubted, with masks that are not empty.
        segmenter: Who is asked.
    """
    asked = [_asked(now, roster, track, neighbours[track.track_id]) for track in tracks]
    embedding = segmenter.embed(now.frame)
    found = segmenter.decode(embedding, [p for one in asked for p in (*one.prompts, *one.wholes)])
    answers = (candidates[0] for candidates in found)
    for one in asked:
        parts, wholes = _next(answers, one.prompts), _next(answers, one.wholes)
        _judge(now, roster, one, parts, wholes)


def _next(answers: Iterator[MaskPrediction], prompts: Sequence[Prompt]) -> list[MaskPrediction]:
    return [next(answers) for _ in prompts]


def _asked(now: Step, roster: Roster, track: Track, neighbours: Sequence[Mask]) -> _Asked:
    config = roster.config.reprompt
    mask = now.masks[track.track_id]
    logits = logits_behind(mask, now.logits[track.track_id])
    wholes: Sequence[Prompt] = ()
    if track.is_in_part and not track.is_searched:
        wholes = whole_prompts(track.track_id, mask, (track.extent[0], track.extent[1]), config)
    prompts: Sequence[Prompt] = ()
    if not track.is_covered:
        if track.is_unsure:
            prompts = reprompts_anew(track.track_id, mask, logits, neighbours, config)
        else:
            prompts = [reprompt(track.track_id, mask, logits, neighbours, config)]
    return _Asked(track, logits, prompts, wholes)


def _judge(
    now: Step,
    roster: Roster,
    asked: _Asked,
    answers: Sequence[MaskPrediction],
    wholes: Sequence[MaskPrediction],
) -> None:
    track, config = asked.track, roster.config.reprompt
    whole, is_anothers = _best_whole(now, roster, track, wholes)
    if whole is not None:
        _take_whole(now, roster, track, *whole)
        return
    if is_anothers:
        _refuse_part(now, roster, track)
        return
    answers = [_believable(now, roster, track, answer) for answer in answers]
    verdicts = _verdicts(now, roster, track, answers)
    accepted = [i for i, verdict in enumerate(verdicts) if verdict.is_accepted]
    if not accepted:
        track.asked(config, is_accepted=False)
        reason = verdicts[0].reason if verdicts else "no answer is the whole object"
        now.say(EventKind.REJECTED, track.track_id, reason)
        return
    best = max(accepted, key=lambda i: answers[i].predicted_iou)
    answer, verdict = answers[best], verdicts[best]
    was_searched = track.is_searched
    if not was_searched:
        answer = blended(answer, asked.logits, config.answer_share)
    _take(now, roster, track, answer, verdict)
    if was_searched:
        now.say(EventKind.FOUND, track.track_id, "the segmenter's answer was accepted")


def _take(
    now: Step, roster: Roster, track: Track, answer: MaskPrediction, verdict: Verdict
) -> None:
    now.correct(track.track_id, answer.mask, answer.predicted_iou)
    roster.propagator.learn(now.frame, track.track_id, answer.mask)
    track.trusted(Origin.REPROMPTED, answer.predicted_iou)
    track.asked(roster.config.reprompt, is_accepted=True)
    now.set(track.track_id, answer.mask, answer.logits)
    now.say(EventKind.REPROMPTED, track.track_id, verdict.reason)


def _refuse_part(now: Step, roster: Roster, track: Track) -> None:
    """Take nothing about a part that is another object's; in the end lose the track."""
    track.anothers_count += 1
    track.asked(roster.config.reprompt, is_accepted=False)
    if track.anothers_count < PART_OF_ANOTHER:
        reason = "what is followed seems to be a part of another object"
        now.say(EventKind.REJECTED, track.track_id, reason)
        return
    track.anothers_count = 0
    track.state, track.confidence = State.LOST, 0.0
    roster.give_up_place(now, track.track_id)
    now.say(EventKind.LOST, track.track_id, "what was followed is a part of another object")


def _take_whole(
    now: Step, roster: Roster, track: Track, answer: MaskPrediction, verdict: Verdict
) -> None:
    """Take an answer as the whole object; others cede what it has."""
    track.anothers_count = 0
    _take(now, roster, track, answer, verdict)
    track.seen_share = 1.0
    roster.cede_to(now, track)


def _best_whole(
    now: Step, roster: Roster, track: Track, answers: Sequence[MaskPrediction]
) -> tuple[tuple[MaskPrediction, Verdict] | None, bool]:
    """The answer that is most like the whole object, and whether one says it is another's part."""
    if not answers:
        return None, False
    carried, propagator = now.masks[track.track_id], roster.propagator
    before = propagator.resemblance(now.frame, track.track_id, carried)
    older = roster.masks_of(now, track, lambda other: other.first_frame < track.first_frame)
    peers = roster.peers(now, track)
    taken: tuple[float, MaskPrediction, Verdict] | None = None
    is_anothers = False
    for answer in answers:
        answer = _without(_believable(now, roster, track, answer), older)
        like = propagator.resemblance(now.frame, track.track_id, answer.mask)
        verdict = judge_whole(
            answer,
            carried=carried,
            resemblances=(like, before),
            others=[(now.masks[peer.track_id], peer.seen_share is not None) for peer in peers],
            config=roster.config.reprompt,
        )
        is_anothers |= verdict.is_anothers
        score = like * answer.predicted_iou
        if verdict.is_accepted and (taken is None or score > taken[0]):
            taken = score, answer, verdict
    return None if taken is None else taken[1:], is_anothers


def _believable(now: Step, roster: Roster, track: Track, answer: MaskPrediction) -> MaskPrediction:
    """An answer without what cannot be the object by its shape."""
    place = now.masks[track.track_id]
    part = roster.propagator.believable(track.track_id, answer.mask, place=place)
    return answer if np.array_equal(part, answer.mask) else _cut(answer, part)


def _without(answer: MaskPrediction, others: Sequence[Mask]) -> MaskPrediction:
    if not others:
        return answer
    return _cut(answer, answer.mask & ~np.logical_or.reduce(others))


def _cut(answer: MaskPrediction, part: Mask) -> MaskPrediction:
    """An answer of which a part is left."""
    size = answer.logits.shape[0], answer.logits.shape[1]
    logits = np.minimum(answer.logits, mask_logits(part, size))
    return replace(answer, mask=part, logits=np.asarray(logits, np.float32))


def _verdicts(
    now: Step, roster: Roster, track: Track, answers: Sequence[MaskPrediction]
) -> list[Verdict]:
    if not answers:
        return []
    propagator, carried = roster.propagator, now.masks[track.track_id]
    is_known = not track.is_searched and not track.is_gone
    carried_support = propagator.support(now.frame, track.track_id, carried)
    return [
        judge_answer(
            answer.mask,
            answer.predicted_iou,
            carried=carried,
            carried_iou=now.sureness[track.track_id],
            answer_support=propagator.support(now.frame, track.track_id, answer.mask),
            carried_support=carried_support,
            resemblance=(
                1.0 if is_known else propagator.resemblance(now.frame, track.track_id, answer.mask)
            ),
            config=roster.config.reprompt,
        )
        for answer in answers
    ]
