"""Precision and recall of scene cuts on joined clips, and false cuts inside them.

    python benchmarks/scene_cuts.py VIDEOS [--davis ROOT] [--rolls 60] [-o RESULT.json]

VIDEOS is a folder of clips of one shot each. Parts of clips, picked at random, are joined: where is
known. The same pictures go to PySceneDetect (`pip install scenedetect`) for comparison. Flashes of
one to three frames are drawn onto the clips: none of them is a cut. The weights of
track_anything.tracking.scene_cut are fitted and printed; their worth is also told with the clips
that are judged left out of the fit.
"""

import argparse
import json
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from track_anything.evaluation.datasets import DavisSequences
from track_anything.evaluation.report import machine
from track_anything.io.video import VideoSource
from track_anything.tracking.scene_cut import COLORS_CAP, CutSignals, Look, SceneCutDetector

SIZE = (320, 180)
RIDGE = 3.0
Clips = dict[str, list[np.ndarray]]


def read(videos: Path, davis: Path | None) -> tuple[Clips, dict[str, list[int]], dict]:
    """Small pictures of every clip, the frames taken for cuts in them, milliseconds a frame."""
    clips: Clips = {}
    false: dict[str, list[int]] = {}
    seconds: dict[str, list[float]] = {}
    for name, frames in streams(videos, davis):
        detector = SceneCutDetector()
        clips[name], false[name] = [], []
        for frame in frames:
            started = time.perf_counter()
            is_cut = detector.is_cut(frame.image)
            height = frame.image.shape[0]
            seconds.setdefault(f"{height}p", []).append(time.perf_counter() - started)
            if is_cut:
                false[name].append(frame.index)
            clips[name].append(cv2.resize(frame.image, SIZE, interpolation=cv2.INTER_AREA))
    times = {size: round(1000 * float(np.median(s)), 3) for size, s in seconds.items()}
    return clips, false, times


def streams(videos: Path, davis: Path | None) -> Iterator[tuple]:
    """Name and frames of every clip."""
    for path in sorted(videos.iterdir()):
        source = VideoSource(path)
        yield path.stem, source
        source.close()
    if davis:
        for sequence in DavisSequences(davis):
            yield sequence.name, sequence.frames()


def joined(clips: Clips, random: np.random.Generator) -> tuple[list[np.ndarray], set[int]]:
    """Eight parts of clips in a row, no two neighbours of one clip, and where they meet."""
    frames: list[np.ndarray] = []
    cuts: set[int] = set()
    last = None
    for _ in range(8):
        last = str(random.choice([name for name in clips if name != last]))
        length = min(int(random.integers(12, 40)), len(clips[last]))
        first = int(random.integers(len(clips[last]) - length + 1))
        if frames:
            cuts.add(len(frames))
        frames += clips[last][first : first + length]
    return frames, cuts


def ours(frames: list[np.ndarray]) -> set[int]:
    """Frames on which the detector sees a cut."""
    detector = SceneCutDetector()
    return {index for index, frame in enumerate(frames) if detector.is_cut(frame)}


def theirs(name: str, frames: list[np.ndarray]) -> set[int]:
    """Frames on which one of PySceneDetect's detectors sees a cut."""
    import scenedetect

    detector = getattr(scenedetect, name)(min_scene_len=1)
    cuts: list[int] = []
    rate = 25.0
    for index, frame in enumerate(frames):
        code = scenedetect.FrameTimecode(index, rate)
        found = detector.process_frame(code, np.ascontiguousarray(frame[..., ::-1]))
        cuts += [one.frame_num for one in found]
    code = scenedetect.FrameTimecode(len(frames) - 1, rate)
    return set(cuts) | {one.frame_num for one in detector.post_process(code)}


def flashed(image: np.ndarray, kind: int, random: np.random.Generator) -> np.ndarray:
    """A picture lit by a flash: overexposed, fogged, or lit from one place."""
    light = image.astype(np.float32)
    if kind == 0:
        light *= random.uniform(1.3, 4)
    elif kind == 1:
        light += random.uniform(30, 140)
    else:
        height, width = image.shape[:2]
        y, x = np.mgrid[:height, :width] / height
        far = np.hypot(y - random.uniform(0, 1), x - random.uniform(0, width / height))
        near = np.exp(-((far / random.uniform(0.4, 1.1)) ** 2))
        light *= (1 + random.uniform(0.5, 3) * near)[..., None]
    return np.clip(light, 0, 255).astype(np.uint8)


def flash_cuts(clips: Clips, count: int, random: np.random.Generator) -> dict[str, float]:
    """Share of clips with a flash in which a cut is seen, by the flash's length in frames."""
    shares = {}
    for length in (1, 2, 3):
        seen = 0
        for _ in range(count):
            frames = clips[str(random.choice(list(clips)))]
            first = int(random.integers(28, len(frames) - 8))
            part = frames[first - 28 : first + 8]
            kind, seed = int(random.integers(3)), int(random.integers(1 << 30))
            for index in range(28, 28 + length):
                part[index] = flashed(part[index], kind, np.random.default_rng(seed))
            seen += bool(ours(part))
        shares[str(length)] = seen / count
    return shares


def pairs(clips: Clips, random: np.random.Generator) -> list[tuple[str, bool, CutSignals]]:
    """Neighbours and every third frame within clips, flashes, and frames of different clips.

    Flashes that the detector tells by their exposure are left out, as it judges them apart. Among
    the cuts are harder ones: from a clip to a mirrored part of another of its frames.
    """
    looks = {name: [Look.at(frame) for frame in frames] for name, frames in clips.items()}
    rows = []
    names = list(clips)
    for name, own in looks.items():
        rows += [(name, False, b.against(a)) for a, b in pairwise(own)]
        rows += [(name, False, b.against(a)) for a, b in zip(own[::4], own[3::4], strict=False)]
        for _ in range(35):
            index = int(random.integers(1, len(own)))
            lit = Look.at(flashed(clips[name][index], int(random.integers(3)), random))
            if not lit.is_exposed_anew(own[index - 1]):
                rows.append((name, False, lit.against(own[index - 1])))
            other = looks[str(random.choice([n for n in names if n != name]))]
            pick = [looks_[int(random.integers(len(looks_)))] for looks_ in (own, other)]
            rows.append((name, True, pick[1].against(pick[0])))
            part = clips[name][index][30:150, 50:270][:, ::-1]
            rows.append((name, True, Look.at(part).against(pick[0])))
    return rows


def fit(rows: list[tuple[str, bool, CutSignals]]) -> tuple[np.ndarray, float]:
    """Weights and bias of a ridge-regularised logistic fit."""
    values, target = design(rows)
    mean, deviation = values.mean(axis=0), values.std(axis=0)
    scaled = np.hstack([(values - mean) / deviation, np.ones((len(values), 1))])
    weights = np.zeros(5)
    penalty = np.diag([RIDGE] * 4 + [0.0])
    for _ in range(40):
        guess = 1 / (1 + np.exp(-scaled @ weights))
        gradient = scaled.T @ (guess - target) + penalty @ weights
        curvature = (scaled * (guess * (1 - guess))[:, None]).T @ scaled + penalty
        weights -= np.linalg.solve(curvature, gradient)
    slopes = weights[:4] / deviation
    return slopes, float(weights[4] - slopes @ mean)


def design(rows: list[tuple[str, bool, CutSignals]]) -> tuple[np.ndarray, np.ndarray]:
    """Signals with the colours capped, and whether there is a cut."""
    values = np.array([signals for _, _, signals in rows])
    values[:, 0] = np.minimum(values[:, 0], COLORS_CAP)
    return values, np.array([float(is_cut) for _, is_cut, _ in rows])


def left_out(rows: list[tuple[str, bool, CutSignals]]) -> dict[str, float]:
    """Share of pairs on the wrong side of 0, with the clip they are from left out of the fit."""
    wrong: dict[bool, list[bool]] = {True: [], False: []}
    for name in {row[0] for row in rows}:
        weights, bias = fit([row for row in rows if row[0] != name])
        values, target = design([row for row in rows if row[0] == name])
        for score, is_cut in zip(values @ weights + bias, target > 0, strict=True):
            wrong[bool(is_cut)].append(bool((score > 0) != is_cut))
    return {
        "cuts_missed": float(np.mean(wrong[True])),
        "others_taken": float(np.mean(wrong[False])),
    }


def main() -> None:
    """Read, join, judge, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("videos", type=Path)
    parser.add_argument("--davis", type=Path)
    parser.add_argument("--rolls", type=int, default=60)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    clips, false, times = read(options.videos, options.davis)
    judges = {
        "ours": ours,
        "scenedetect AdaptiveDetector": lambda frames: theirs("AdaptiveDetector", frames),
        "scenedetect ContentDetector": lambda frames: theirs("ContentDetector", frames),
    }
    random = np.random.default_rng(0)
    rolls = [joined(clips, random) for _ in range(options.rolls)]
    scores = {}
    for name, judge in judges.items():
        found = [judge(frames) for frames, _ in rolls]
        hits = sum(len(one & cuts) for one, (_, cuts) in zip(found, rolls, strict=True))
        said, true = sum(map(len, found)), sum(len(cuts) for _, cuts in rolls)
        scores[name] = {"precision": hits / max(said, 1), "recall": hits / true, "cuts": true}
    rows = pairs(clips, random)
    weights, bias = fit(rows)
    result = {
        "machine": machine(),
        "frames": sum(map(len, clips.values())),
        "milliseconds": times,
        "false_cuts": {name: frames for name, frames in false.items() if frames},
        "joined": scores,
        "flashes_taken_for_cuts": flash_cuts(clips, 400, random),
        "fit": {
            "weights": dict(zip(CutSignals._fields, map(float, weights), strict=True)),
            "bias": bias,
            "left_out": left_out(rows),
        },
    }
    text = json.dumps(result, indent=2)
    print(text)
    if options.output:
        options.output.write_text(text + "\n")


if __name__ == "__main__":
    main()
