"""What ten objects cost against one in the same video, and five.

    python benchmarks/many_objects.py [--frames 30] [--repeats 3] [--cores 0,1] [-o RESULT.json]
    python benchmarks/many_objects.py --video FILE --boxes X0,Y0,X1,Y1 X0,Y0,X1,Y1 ... [-o ...]
    python benchmarks/many_objects.py --command 125 ...

Ten players of a drawn futsal match at 1280x720, from their exact masks; and objects of a video,
from masks that the embedded segmenter draws in the boxes. Every object alone, the first half of
them and all of them are tracked side by side, frame by frame in changing order, so that whatever
else the machine does falls on all of them. All is done several times over (--repeats) with the same
masks, and of each frame the quickest time counts: that with least other work on the machine. A
figure is the median over the frames; "1" is the mean of the objects alone. The first frame, with
learning the objects, is told apart. Many objects are shared out among as many processes as the
settings choose for the cores there are (--cores), and in one process beside that: "in one process".
"In a row" every tracker does its frames one after the other with nothing in between: what other
processes put off until a frame is answered, which between frames costs nobody any time, counts too.
CPU time is that of all threads and processes; the load average at the end says how much of the
machine others had: where no core is free, ten objects take as many times as long as they take in
CPU time. Whole steps of the tracker without re-prompts, and of the propagator.

With --command the whole command `track` besides, with all its defaults, on so many frames of the
match written as a video: for three of the objects alone and for all of them.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np

from track_anything.build import choose_segmenter, resolved_config
from track_anything.config import PropagatorConfig, RunConfig
from track_anything.evaluation.report import machine
from track_anything.io.sources import open_source
from track_anything.masks import label_map
from track_anything.segmenters.grabcut import GrabCutSegmenter
from track_anything.structures import Frame, Mask, Prompt, VideoInfo
from track_anything.tracking.flow_tracker import FlowTracker
from track_anything.tracking.propagator import FlowAppearancePropagator

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "samples"))

from futsal.play import BLUE, PLAYERS, RED, Player, fold_time
from make_clip import ClipWriter, Scene, save_label_map
from whole_command import run

SIZE = (720, 1280)
FRAME_RATE = Fraction(25)
START = 2.88
"""Time of the play from which on all players are in the picture."""
MORE_PLAYERS = (
    Player("red 1", RED, 1, ((0, 9.0, 9.6), (3, 8.6, 9.8), (4, 9.4, 9.9), (5, 10.2, 9.6))),
    Player("blue 4", BLUE, 4, ((0, 12.2, 10.4), (3, 12.4, 10.6), (4, 13.2, 10.4), (5, 14.2, 10.6))),
    Player("red 5", RED, 5, ((0, 14.2, 4.6), (3, 14.4, 4.8), (4, 15.2, 4.6), (5, 16.0, 4.4))),
)
WARM_UP = 10
"""Frames after the first that are not counted: recent memory fills, processes start."""


@dataclass(frozen=True)
class Steps:
    """What is measured.

    Attributes:
        step: Does one frame.
        propagator: The one behind it.
    """

    step: Callable[[Frame], None]
    propagator: FlowAppearancePropagator


Make = Callable[["Clip", Sequence[int], int], Steps]


@dataclass(frozen=True)
class Clip:
    """Frames, and the mask of every object on the first."""

    info: VideoInfo
    frames: Sequence[Frame]
    masks: Sequence[Mask]


def drawn_clip(count: int) -> Clip:
    """A match of ten players."""
    players = (*PLAYERS, *MORE_PLAYERS)
    scene = Scene(SIZE, 0, players=players)
    frames, masks = [], []
    for index in range(count):
        when = Fraction(index) / FRAME_RATE
        image, labels = scene.draw(fold_time(START + float(when)), index)
        frames.append(Frame(index, when, image))
        if not index:
            masks = [labels == track_id for track_id in range(2, 2 + len(players))]
    info = VideoInfo(width=SIZE[1], height=SIZE[0], frame_rate=FRAME_RATE)
    return Clip(info, frames, masks)


def filmed_clip(video: Path, boxes: Iterable[str], count: int) -> Clip:
    """Objects of a video."""
    with closing(open_source(video, end_frame=count)) as source:
        frames, info = list(source), source.info
    segmenter = GrabCutSegmenter()
    embedding = segmenter.embed(frames[0])
    prompts = [Prompt(box=np.array(box.split(","), np.float32)) for box in boxes]
    masks = [found[0].mask for found in segmenter.decode(embedding, prompts)]
    return Clip(info, frames, masks)


def tracker_steps(clip: Clip, objects: Sequence[int], processes: int) -> Steps:
    """Whole steps of a tracker of these objects."""
    spec, _ = choose_segmenter("none")
    config = resolved_config(RunConfig(), spec)
    settings = replace(config.propagator, processes=processes)
    copy = partial(FlowAppearancePropagator, config=settings)
    propagator = copy()
    tracker = FlowTracker(propagator, None, config=config.tracker, copy=copy)
    tracker.start(clip.info)
    prompts = [Prompt(mask=clip.masks[i], track_id=i + 1) for i in objects]

    def step(frame: Frame) -> None:
        tracker.step(frame, () if frame.index else prompts)

    return Steps(step, propagator)


def propagator_steps(clip: Clip, objects: Sequence[int], processes: int) -> Steps:
    """Steps of a propagator of these objects."""
    propagator = FlowAppearancePropagator(config=PropagatorConfig(processes=processes))
    propagator.start(clip.info)

    def step(frame: Frame) -> None:
        if frame.index:
            propagator.propagate(frame)
            return
        for i in objects:
            propagator.learn(frame, i + 1, clip.masks[i])

    return Steps(step, propagator)


def whole_command(count: int) -> dict[str, object]:
    """Milliseconds a frame of `track`, for three objects alone and for all."""
    clip = drawn_clip(count)
    chosen = {"all": range(len(clip.masks))}
    chosen |= {str(i + 1): [i] for i in (0, len(clip.masks) // 2, len(clip.masks) - 1)}
    spent: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        writer = ClipWriter(folder / "match.mp4", SIZE, FRAME_RATE, audio=False)
        for frame in clip.frames:
            writer.write(frame.index, frame.image)
        writer.close(np.zeros(0, np.int16))
        for who, objects in chosen.items():
            labels = label_map({i + 1: clip.masks[i] for i in objects}, SIZE)
            save_label_map(folder / "labels.png", labels.astype(np.uint8))
            options = ["--mask", str(folder / "labels.png")]
            found = run(folder / "match.mp4", options, os.sched_getaffinity(0), folder / who)
            spent[who] = 1e3 * found["wall_seconds"] / found["frames"]
    one = float(np.mean([spent[who] for who in chosen if who != "all"]))
    return {
        "frames": count,
        "milliseconds": {who: round(value, 1) for who, value in spent.items()},
        "times_one": round(spent["all"] / one, 2),
    }


def measure(clip: Clip, make: Make, repeats: int) -> dict[str, object]:
    """Milliseconds a frame of one, half and all of the objects."""
    runs = [_run(clip, make, random) for random in np.random.default_rng(0).spawn(repeats)]
    seconds, processes = np.min([run[0] for run in runs], axis=0), runs[0][1]
    count = len(clip.masks)
    later = np.median(seconds[1 + WARM_UP :], axis=0)
    # The second step learns the masks of the first before it carries them.
    first = seconds[0] + seconds[1] - later
    alone, shared, together = slice(count), [count, count + 1], [count + 2, count + 3]
    found: dict[str, object] = {"processes": processes}
    for name, taken in (("first frame", first), ("each further frame", later)):
        one = taken[alone].mean(axis=0)
        found[name] = {
            **_figures(one, taken[shared], count),
            "in one process": _figures(one, taken[together], count),
        }
    found["in a row"] = _in_a_row(clip, make, repeats)
    return found


def _in_a_row(clip: Clip, make: Make, repeats: int) -> dict[str, object]:
    """Milliseconds a frame after the first ones of each object alone and of all, by themselves."""
    count = len(clip.masks)
    groups: list[tuple[Sequence[int], int]] = [([i], 1) for i in range(count)]
    groups += [(range(count // 2), 0), (range(count), 0)]
    seconds = np.full((len(clip.frames), len(groups)), np.inf)
    for random in np.random.default_rng(1).spawn(repeats):
        for at in random.permutation(len(groups)):
            steps = make(clip, *groups[at])
            for row, frame in zip(seconds, clip.frames, strict=True):
                own = replace(frame)
                begun = time.perf_counter()
                steps.step(own)
                row[at] = min(row[at], time.perf_counter() - begun)
    later = seconds[1 + WARM_UP :]
    found = {"median": np.median(later, axis=0), "mean": np.mean(later, axis=0)}
    return {
        kind: _row(np.array([spent[:count].mean(), *spent[count:]]), count)
        for kind, spent in found.items()
    }


def _run(clip: Clip, make: Make, random: np.random.Generator) -> tuple[np.ndarray, int]:
    """(frames, groups, 2) wall and CPU seconds; how many processes carried all objects.

    The groups: every object alone, half of them and all, the same two in one process.
    """
    count = len(clip.masks)
    some, every = range(count // 2), range(count)
    groups: list[tuple[Sequence[int], int]] = [([i], 1) for i in range(count)]
    groups += [(some, 0), (every, 0), (some, 1), (every, 1)]
    steps = [make(clip, *group) for group in groups]
    seconds = np.zeros((len(clip.frames), len(groups), 2))
    for row, frame in zip(seconds, clip.frames, strict=True):
        for at in random.permutation(len(groups)):
            # Each tracker is given a frame of its own: nothing is computed for another.
            own = replace(frame)
            helpers = steps[at].propagator.process_ids
            begun = time.perf_counter(), cpu_seconds(helpers)
            steps[at].step(own)
            row[at] = time.perf_counter() - begun[0], cpu_seconds(helpers) - begun[1]
    return seconds, len(steps[count + 1].propagator.process_ids) + 1


def cpu_seconds(helpers: Iterable[int]) -> float:
    """CPU time so far of this process and, on Linux, of others."""
    ticks = 0
    for process_id in helpers:
        status = Path(f"/proc/{process_id}/stat")
        if status.exists():
            # User and system time, the 14th and 15th field; a name in brackets is the second.
            fields = status.read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def _figures(one: np.ndarray, more: np.ndarray, count: int) -> dict[str, object]:
    wall = _row(np.array([one[0], *more[:, 0]]), count)
    cpu = _row(np.array([one[1], *more[:, 1]]), count)
    return {**wall, **{f"cpu_{name}": values for name, values in cpu.items()}}


def _row(seconds: np.ndarray, count: int) -> dict[str, dict[str, float]]:
    """Of one object, half and all of them, and how many times the first of these."""
    spent = dict(zip(("1", str(count // 2), str(count)), seconds, strict=True))
    return {
        "milliseconds": {name: round(1e3 * float(one), 2) for name, one in spent.items()},
        "times_one": {
            name: round(float(one / seconds[0]), 2) for name, one in spent.items() if name != "1"
        },
    }


def main() -> None:
    """Measure, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cores", help="pin the process to these, such as 0,1")
    parser.add_argument("--video", type=Path)
    parser.add_argument("--boxes", nargs="+", default=[])
    parser.add_argument("--command", type=int, default=0, metavar="FRAMES")
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    if options.cores:
        os.sched_setaffinity(0, {int(core) for core in options.cores.split(",")})
    clips = {"drawn match": partial(drawn_clip, options.frames)}
    if options.video:
        film = partial(filmed_clip, options.video, options.boxes, options.frames)
        clips[options.video.name] = film
    scenes = {}
    for name, make_clip in clips.items():
        clip = make_clip()
        scenes[name] = {
            "size": list(clip.info.size),
            "frames": len(clip.frames),
            "object_pixels": [int(np.count_nonzero(mask)) for mask in clip.masks],
            "tracker": measure(clip, tracker_steps, options.repeats),
            "propagator": measure(clip, propagator_steps, options.repeats),
        }
    result = {"machine": machine(), "load_average": os.getloadavg(), "scenes": scenes}
    if options.command:
        result["whole command"] = whole_command(options.command)
    text = json.dumps(result, indent=2)
    print(text)
    if options.output:
        options.output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
