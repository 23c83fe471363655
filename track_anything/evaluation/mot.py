"""CLEAR, identity and HOTA: how well many tracked boxes follow many true ones.

Sources of the definitions: Bernardin and Stiefelhagen, Evaluating Multiple Object Tracking
Performance: The CLEAR MOT Metrics, 2008; Ristani et al., Performance Measures and a Data Set for
Multi-Target, Multi-Camera Tracking, 2016; Luiten et al., HOTA: A Higher Order Metric for Evaluating
Multi-Object Tracking, IJCV 2021. Where the papers leave room, as TrackEval decides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from track_anything.evaluation.mot_files import BoxesOfFrame

MATCH_IOU = 0.5
"""From this IoU on, boxes match in CLEAR and identity scores."""

HOTA_IOUS = np.arange(1, 20) / 20
"""HOTA is the mean over matches from these IoUs on: .05, .10 ... .95."""

MOSTLY_TRACKED, MOSTLY_LOST = 0.8, 0.2
"""Shares of its frames on which an object is matched: above, and below."""

# Rounding must not decide whether boxes match that share exactly half.
_EPSILON = float(np.finfo(np.float64).eps)

Values = NDArray[np.float64]
Indices = NDArray[np.intp]


def mot_scores(
    results: Mapping[int, BoxesOfFrame], truth: Mapping[int, BoxesOfFrame]
) -> dict[str, float]:
    """CLEAR, identity and HOTA scores of one video, ready for JSON.

    Args:
        results: What was found, by frame number.
        truth: What is there, by the same numbers.

    Returns:
        HOTA, DetA, AssA, LocA, DetRe, DetPr, AssRe, AssPr (means over HOTA_IOUS); MOTA, MOTP (mean
        IoU of matches), Recall, Precision, IDSW, FP, FN, TP, Frag, MT, PT, ML; IDF1, IDP, IDR,
        IDTP, IDFP, IDFN; and how many frames, boxes and ids there are. Shares are 0 to 1; one of
        nothing is 0, but LocA of no match is 1.
    """
    video = _Video.of(results, truth)
    return {**_hota(video), **_clear(video), **_identity(video), **video.counts()}


def box_ious(first: Values, second: Values) -> Values:
    """(N, M): IoU of every box with every other, left, top, width, height; 0 for empty ones."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(
        (first[:, :2] + first[:, 2:])[:, None], (second[:, :2] + second[:, 2:])[None, :]
    )
    shared: Values = np.prod(np.maximum(high - low, 0), axis=2)
    areas = np.prod(first[:, 2:], axis=1)[:, None] + np.prod(second[:, 2:], axis=1)[None, :]
    union = areas - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=shared > 0))


@dataclass(frozen=True, slots=True, eq=False)
class _Frame:
    """Objects of one frame, counted from 0 in the whole video.

    Attributes:
        truth: (N,) true objects.
        found: (M,) tracks.
        iou: (N, M).
    """

    truth: Indices
    found: Indices
    iou: Values


@dataclass(frozen=True, slots=True, eq=False)
class _Video:
    """All frames that have boxes.

    Attributes:
        frames: In order.
        truth_lengths: (objects,) boxes of every true object.
        found_lengths: (tracks,) boxes of every track.
    """

    frames: Sequence[_Frame]
    truth_lengths: Values
    found_lengths: Values

    @classmethod
    def of(cls, results: Mapping[int, BoxesOfFrame], truth: Mapping[int, BoxesOfFrame]) -> "_Video":
        found_index, truth_index = _indices(results), _indices(truth)
        nothing = BoxesOfFrame(np.zeros(0, np.int64), np.zeros((0, 4)))
        frames = []
        for number in sorted(results.keys() | truth.keys()):
            there, found = truth.get(number, nothing), results.get(number, nothing)
            frames.append(
                _Frame(
                    np.array([truth_index[i] for i in there.ids.tolist()], np.intp),
                    np.array([found_index[i] for i in found.ids.tolist()], np.intp),
                    box_ious(there.boxes, found.boxes),
                )
            )
        return cls(
            frames,
            _lengths([frame.truth for frame in frames], len(truth_index)),
            _lengths([frame.found for frame in frames], len(found_index)),
        )

    def counts(self) -> dict[str, float]:
        return {
            "frames": len(self.frames),
            "truth_boxes": int(self.truth_lengths.sum()),
            "result_boxes": int(self.found_lengths.sum()),
            "truth_ids": len(self.truth_lengths),
            "result_ids": len(self.found_lengths),
        }


def _indices(boxes: Mapping[int, BoxesOfFrame]) -> dict[int, int]:
    ids = sorted({i for frame in boxes.values() for i in frame.ids.tolist()})
    return {track_id: index for index, track_id in enumerate(ids)}


def _lengths(indices: Sequence[Indices], count: int) -> Values:
    together = np.concatenate([np.zeros(0, np.intp), *indices])
    return np.bincount(together, minlength=count).astype(np.float64)


def _hota(video: _Video) -> dict[str, float]:
    truth, found, iou = _hota_matches(video)
    truth_total, found_total = video.truth_lengths.sum(), video.found_lengths.sum()
    rows = []
    for least in HOTA_IOUS:
        kept = iou >= least - _EPSILON
        matches = np.zeros((len(video.truth_lengths), len(video.found_lengths)))
        np.add.at(matches, (truth[kept], found[kept]), 1)
        count = float(matches.sum())
        lengths = video.truth_lengths[:, None], video.found_lengths[None, :]
        # Every match is as good as what its two tracks share of all that they are.
        ass_a, ass_re, ass_pr = (
            float((matches * matches / np.maximum(of_both, 1)).sum()) / max(count, 1)
            for of_both in (lengths[0] + lengths[1] - matches, lengths[0], lengths[1])
        )
        det_a = count / max(truth_total + found_total - count, 1)
        rows.append(
            {
                "HOTA": float(np.sqrt(det_a * ass_a)),
                "DetA": det_a,
                "AssA": ass_a,
                "LocA": float(iou[kept].mean()) if count else 1.0,
                "DetRe": count / max(truth_total, 1),
                "DetPr": count / max(found_total, 1),
                "AssRe": ass_re,
                "AssPr": ass_pr,
            }
        )
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def _hota_matches(video: _Video) -> tuple[Indices, Indices, Values]:
    """Pairs of every frame, one to one: true objects, tracks, their IoU.

    Tracks that fit an object over the whole video are preferred to those that fit it better here.
    """
    together = np.zeros((len(video.truth_lengths), len(video.found_lengths)))
    for frame in video.frames:
        rivals = frame.iou.sum(axis=0)[None, :] + frame.iou.sum(axis=1)[:, None] - frame.iou
        share = np.divide(frame.iou, rivals, out=np.zeros_like(rivals), where=rivals > _EPSILON)
        together[np.ix_(frame.truth, frame.found)] += share
    either = video.truth_lengths[:, None] + video.found_lengths[None, :] - together
    alignment = together / either
    truths, founds, ious = [np.zeros(0, np.intp)], [np.zeros(0, np.intp)], [np.zeros(0)]
    for frame in video.frames:
        value = alignment[np.ix_(frame.truth, frame.found)] * frame.iou
        rows, columns = linear_sum_assignment(value, maximize=True)
        truths.append(frame.truth[rows])
        founds.append(frame.found[columns])
        ious.append(frame.iou[rows, columns])
    return np.concatenate(truths), np.concatenate(founds), np.concatenate(ious)


def _clear(video: _Video) -> dict[str, float]:
    counts = _ClearCounts(len(video.truth_lengths))
    for frame in video.frames:
        # As in TrackEval, a frame without any box on one side interrupts nothing.
        if len(frame.truth) and len(frame.found):
            counts.add(frame)
    shares = counts.matched / np.maximum(video.truth_lengths, 1)
    tracked = int(np.count_nonzero(shares > MOSTLY_TRACKED))
    lost = int(np.count_nonzero(shares < MOSTLY_LOST))
    matches = int(counts.matched.sum())
    truth_total, found_total = int(video.truth_lengths.sum()), int(video.found_lengths.sum())
    false_positives = found_total - matches
    return {
        "MOTA": (matches - false_positives - counts.switches) / max(truth_total, 1),
        "MOTP": counts.iou_sum / max(matches, 1),
        "Recall": matches / max(truth_total, 1),
        "Precision": matches / max(found_total, 1),
        "IDSW": counts.switches,
        "FP": false_positives,
        "FN": truth_total - matches,
        "TP": matches,
        "Frag": int(np.maximum(counts.begun - 1, 0).sum()),
        "MT": tracked,
        "PT": len(shares) - tracked - lost,
        "ML": lost,
    }


class _ClearCounts:
    """What CLEAR counts from frame to frame.

    Attributes:
        matched: (objects,) frames on which each is matched.
        begun: (objects,) how often a stretch of matched frames began.
        switches: Matches with another track than the object's last.
        iou_sum: Over all matches.
    """

    def __init__(self, object_count: int) -> None:
        self.matched = np.zeros(object_count)
        self.begun = np.zeros(object_count, np.int64)
        self.switches = 0
        self.iou_sum = 0.0
        # The track of each object on the frame before, and when it was last matched; -1 for none.
        self._before = np.full(object_count, -1)
        self._last = np.full(object_count, -1)

    def add(self, frame: _Frame) -> None:
        goes_on = frame.found[None, :] == self._before[frame.truth][:, None]
        # Keeping a match is worth more than any sum of IoUs.
        value = frame.iou + goes_on * (1.0 + min(frame.iou.shape))
        value[frame.iou < MATCH_IOU - _EPSILON] = 0
        rows, columns = linear_sum_assignment(value, maximize=True)
        kept = value[rows, columns] > 0
        rows, columns = rows[kept], columns[kept]
        truth, found = frame.truth[rows], frame.found[columns]
        last = self._last[truth]
        self.switches += int(np.count_nonzero((last >= 0) & (last != found)))
        self.iou_sum += float(frame.iou[rows, columns].sum())
        self.matched[truth] += 1
        self.begun[truth[self._before[truth] < 0]] += 1
        self._last[truth] = found
        self._before[:] = -1
        self._before[truth] = found


def _identity(video: _Video) -> dict[str, float]:
    """One track an object over the whole video, so that most boxes match."""
    together = np.zeros((len(video.truth_lengths), len(video.found_lengths)))
    for frame in video.frames:
        together[np.ix_(frame.truth, frame.found)] += frame.iou >= MATCH_IOU
    rows, columns = linear_sum_assignment(together, maximize=True)
    matches = int(together[rows, columns].sum())
    truth_total, found_total = int(video.truth_lengths.sum()), int(video.found_lengths.sum())
    return {
        "IDF1": 2 * matches / max(truth_total + found_total, 1),
        "IDP": matches / max(found_total, 1),
        "IDR": matches / max(truth_total, 1),
        "IDTP": matches,
        "IDFP": found_total - matches,
        "IDFN": truth_total - matches,
    }
