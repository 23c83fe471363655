"""The segmenter asked again about doubted tracks, and which of its answers are taken."""

from collections.abc import Mapping, Sequence

from track_anything.config import RepromptConfig
from track_anything.interfaces import Propagator, Segmenter
from track_anything.structures import EventKind, Mask, MaskPrediction, Origin, Prompt
from track_anything.tracking.association import Verdict, blended, judge_answer
from track_anything.tracking.reprompt import reprompt, reprompts_anew
from track_anything.tracking.step import Step
from track_anything.tracking.track import Track
from track_anything.tracking.user_prompts import logits_behind


def ask_about(
    now: Step,
    neighbours: Mapping[int, Sequence[Mask]],
    tracks: Sequence[Track],
    segmenter: Segmenter,
    propagator: Propagator,
    config: RepromptConfig,
) -> None:
    """Ask about tracks, all in one decode; what is taken is learned and goes into the step.

    Args:
        now: The frame, with the carried masks.
        neighbours: By track_id the masks of the others that a track takes notice of.
        tracks: Those doubted, with masks that are not empty.
        segmenter: Who is asked.
        propagator: Judges the answers, and learns the one that is taken.
        config: When an answer is taken.
    """
    questions = [_questions(now, track, neighbours[track.track_id], config) for track in tracks]
    embedding = segmenter.embed(now.frame)
    found = segmenter.decode(embedding, [one for some in questions for one in some])
    answers = iter(found)
    for track, asked in zip(tracks, questions, strict=True):
        _judge(now, track, [next(answers)[0] for _ in asked], propagator, config)


def _questions(
    now: Step, track: Track, neighbours: Sequence[Mask], config: RepromptConfig
) -> list[Prompt]:
    mask = now.masks[track.track_id]
    logits = logits_behind(mask, now.logits[track.track_id])
    if track.is_unsure:
        return reprompts_anew(track.track_id, mask, logits, neighbours, config)
    return [reprompt(track.track_id, mask, logits, neighbours, config)]


def _judge(
    now: Step,
    track: Track,
    answers: Sequence[MaskPrediction],
    propagator: Propagator,
    config: RepromptConfig,
) -> None:
    verdicts = _verdicts(now, track, answers, propagator, config)
    accepted = [i for i, verdict in enumerate(verdicts) if verdict.is_accepted]
    if not accepted:
        track.asked(config, is_accepted=False)
        now.say(EventKind.REJECTED, track.track_id, verdicts[0].reason)
        return
    best = max(accepted, key=lambda i: answers[i].predicted_iou)
    answer, verdict = answers[best], verdicts[best]
    was_searched = track.is_searched
    if not was_searched:
        logits = logits_behind(now.masks[track.track_id], now.logits[track.track_id])
        answer = blended(answer, logits, config.answer_share)
    now.correct(track.track_id, answer.mask, answer.predicted_iou)
    propagator.learn(now.frame, track.track_id, answer.mask)
    track.trusted(Origin.REPROMPTED, answer.predicted_iou)
    track.asked(config, is_accepted=True)
    now.set(track.track_id, answer.mask, answer.logits)
    now.say(EventKind.REPROMPTED, track.track_id, verdict.reason)
    if was_searched:
        now.say(EventKind.FOUND, track.track_id, "the segmenter's answer was accepted")


def _verdicts(
    now: Step,
    track: Track,
    answers: Sequence[MaskPrediction],
    propagator: Propagator,
    config: RepromptConfig,
) -> list[Verdict]:
    carried = now.masks[track.track_id]
    carried_support = propagator.support(now.frame, track.track_id, carried)
    return [
        judge_answer(
            answer.mask,
            answer.predicted_iou,
            carried=carried,
            carried_iou=now.sureness[track.track_id],
            answer_support=propagator.support(now.frame, track.track_id, answer.mask),
            carried_support=carried_support,
            config=config,
        )
        for answer in answers
    ]
