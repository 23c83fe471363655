"""How many annotated objects are among what is proposed on pictures nobody prompted.

    python -m benchmarks.proposals DAVIS --photos POOL
    python -m benchmarks.proposals DAVIS --motion

Stills: the first and the middle picture of every sequence of a DAVIS-layout folder, of which one
or two objects are annotated and the others are not; with --photos those pictures of the training
pool (training/README.md) that were held out from training, of which most are. An object is found
if a proposal overlaps it by more than a half. Motion: three pictures in a row at a
quarter and at the middle of every sequence; the last is proposed on.

Nothing was fitted on these pictures, but the clicks and the least score were chosen with those of
DAVIS in view. Time is that of the processor, so that a busy machine tells the same.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from track_anything.build import SEGMENTERS, build_segmenter
from track_anything.config import RegionConfig
from track_anything.evaluation.datasets import DavisSequences
from track_anything.evaluation.report import machine
from track_anything.masks import mask_iou
from track_anything.proposers.motion import MotionProposer
from track_anything.proposers.region import Region
from track_anything.proposers.regions import RegionProposer
from track_anything.structures import Frame, Mask
from training.pool import load_pool

RESULTS = Path(__file__).parent / "results"
FOUND = 0.5
RANKS = (5, 10, 20)
BOXES_ALONE = RegionConfig(clicks=0, least_score=0.0, max_regions=15)
"""What edges close and nothing else, the likeliest few."""
VARIANTS = {
    "compact": ("compact", RegionConfig()),
    "compact, boxes alone": ("compact", BOXES_ALONE),
    "grabcut, boxes alone": ("grabcut", BOXES_ALONE),
}


@dataclass(frozen=True, eq=False)
class Look:
    """Frames to be shown in order, and the objects that are annotated on the last."""

    name: str
    frames: Callable[[], Sequence[Frame]]
    objects: Callable[[], Sequence[Mask]]


@dataclass(frozen=True)
class Outcome:
    """One picture: for every object the IoU of every proposal, best proposal first."""

    name: str
    overlaps: Sequence[Sequence[float]]
    proposals: int
    seconds: float


def davis_looks(root: Path, shares: Sequence[float], *, before: int = 0) -> Iterator[Look]:
    """The pictures of all sequences at these shares of their length."""
    for sequence in DavisSequences(root):
        for share in shares:
            index = max(round(share * (len(sequence.images) - 1)), before)

            def frames(s: Any = sequence, last: int = index) -> list[Frame]:
                return [s.frame(each) for each in range(last - before, last + 1)]

            def objects(s: Any = sequence, last: int = index) -> list[Mask]:
                truth = s.truth(last)
                return [truth == one for one in s.object_ids if (truth == one).any()]

            yield Look(f"{sequence.name} {index}", frames, objects)


def photo_looks(pool: Path) -> Iterator[Look]:
    """The held-out photographs of everyday scenes."""
    by_image: dict[int, list[Any]] = {}
    for each in load_pool(pool).held_out["coco"]:
        by_image.setdefault(id(each.picture.image), []).append(each)
    for number, instances in enumerate(by_image.values()):

        def frames(image: Any = instances[0].picture.image) -> list[Frame]:
            return [Frame(0, Fraction(0), image)]

        def objects(given: Any = instances) -> list[Mask]:
            return [each.picture.ids == each.label for each in given]

        yield Look(f"photo {number}", frames, objects)


def still(frames: Sequence[Frame], segmenter: Any, config: RegionConfig) -> list[Region]:
    """Proposals on the last frame alone."""
    return RegionProposer(segmenter, config=config).regions(frames[-1])


def moving(frames: Sequence[Frame], segmenter: Any, config: RegionConfig) -> list[Region]:
    """Proposals on the last frame of what moved since the ones before."""
    proposer = MotionProposer(segmenter, config=config)
    for frame in frames[:-1]:
        proposer.look(frame)
    return proposer.regions(frames[-1])


def measure(
    look: Look,
    propose: Callable[[Sequence[Frame], Any, RegionConfig], list[Region]],
    segmenter: Any,
    config: RegionConfig,
) -> Outcome:
    """What is proposed, against the truth."""
    frames = look.frames()
    start = time.process_time()
    regions = propose(frames, segmenter, config)
    seconds = time.process_time() - start
    masks = [region.mask for region in regions]
    overlaps = [[mask_iou(truth, mask) for mask in masks] for truth in look.objects()]
    return Outcome(look.name, overlaps, len(regions), seconds)


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Recall by rank, mean best IoU, how many proposals and how long."""
    rows = [row for outcome in outcomes for row in outcome.overlaps]

    def recall(most: int | None) -> float:
        return round(float(np.mean([max(row[:most], default=0.0) > FOUND for row in rows])), 3)

    return {
        "pictures": len(outcomes),
        "objects": len(rows),
        "recall": {**{f"best {n}": recall(n) for n in RANKS}, "all": recall(None)},
        "mean best IoU": round(float(np.mean([max(row, default=0.0) for row in rows])), 3),
        "proposals a picture": round(statistics.mean(each.proposals for each in outcomes), 1),
        "processor seconds a picture": round(
            statistics.median(each.seconds for each in outcomes), 2
        ),
        "best IoU": {
            outcome.name: [round(max(row, default=0.0), 2) for row in outcome.overlaps]
            for outcome in outcomes
        },
    }


def main() -> None:
    """Measure, print, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("davis", type=Path)
    parser.add_argument("--photos", type=Path, help="training pool with a manifest.jsonl")
    parser.add_argument("--variant", action="append", choices=VARIANTS, help="default: all")
    parser.add_argument("--motion", action="store_true", help="only what moves")
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    if options.motion:
        propose, sets = (
            moving,
            {"davis": list(davis_looks(options.davis, (1 / 4, 1 / 2), before=2))},
        )
    else:
        propose, sets = still, {"davis": list(davis_looks(options.davis, (0, 1 / 2)))}
        if options.photos:
            sets["held-out photos"] = list(photo_looks(options.photos))
    name = "proposals-motion.json" if options.motion else "proposals.json"
    output = options.output or RESULTS / name
    result: dict[str, Any] = {"machine": {}, "found above IoU": FOUND}
    for variant in options.variant or VARIANTS:
        segmenter_name, config = VARIANTS[variant]
        segmenter = build_segmenter(SEGMENTERS[segmenter_name], seed=0, device="cpu")
        result[variant] = {}
        for name, looks in sets.items():
            outcomes = [measure(look, propose, segmenter, config) for look in looks]
            result[variant][name] = summary(outcomes)
            shown = {k: v for k, v in result[variant][name].items() if k != "best IoU"}
            print(variant, name, shown, flush=True)
    result["machine"] = machine()
    output.parent.mkdir(exist_ok=True)
    output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"written: {output}")


if __name__ == "__main__":
    main()
