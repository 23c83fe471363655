"""Draw a clip, track it with the command line, and say how good the masks are.

    python samples/demo.py
    python samples/demo.py -o demo --seconds 2

`make demo` is this. Every object has one box in the prompt file, on the first frame that shows it
whole. Its score is the mean over all later frames: J and F of DAVIS, 1 on a frame where truth and
mask are both empty. The frame with the box is left out, and so is everything before it.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from track_anything import read_mask_png, read_prompt_file
from track_anything.evaluation.metrics import boundary_f, region_similarity

if str(Path(__file__).resolve().parent) not in sys.path:  # loaded by its path, not run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parent))

from make_clip import make_clip, object_names


def run_command(arguments: Sequence[str]) -> None:
    """Run track-anything as a user would; exit as it does if it fails."""
    print(f"$ track-anything {' '.join(arguments)}", flush=True)
    program = [sys.executable, "-c", "from track_anything_cli.main import main; main()"]
    done = subprocess.run([*program, *arguments], check=False)
    if done.returncode:
        sys.exit(done.returncode)


def prompted_frames(prompt_file: Path) -> dict[int, int]:
    """By track_id: index of the frame on which the object gets its first prompt."""
    numbers = {name: track_id for track_id, name in object_names().items()}
    return {
        numbers[item.name]: min(hints.at.frame_index or 0 for hints in item.hints)
        for item in read_prompt_file(prompt_file)
    }


def measure(masks: Path, truth: Path, starts: Mapping[int, int]) -> dict[int, tuple[float, float]]:
    """(J, F) of every object, by the track_id it was drawn with, over all frames after its start.

    Args:
        masks: Label maps by frame index, ids in the order of the prompt file.
        truth: Label maps by frame index, ids as drawn.
        starts: By id as drawn, in the order of the prompt file: the frame with the first prompt.
    """
    scores: dict[int, list[tuple[float, float]]] = {drawn: [] for drawn in starts}
    for path in sorted(masks.glob("*.png")):
        found, wanted = read_mask_png(path), read_mask_png(truth / path.name)
        for number, (drawn, start) in enumerate(starts.items(), 1):
            if int(path.stem) > start:
                pair = found == number, wanted == drawn
                scores[drawn].append((region_similarity(*pair), boundary_f(*pair)))
    means = {drawn: np.mean(values, axis=0) for drawn, values in scores.items() if values}
    return {drawn: (float(j), float(f)) for drawn, (j, f) in means.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw, track, measure, tell."""
    parser = argparse.ArgumentParser(description="Draw a clip, track it, measure the masks.")
    parser.add_argument("-o", "--output", type=Path, default=Path("demo"), help="folder [demo]")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of the clip [5]")
    given = parser.parse_args(arguments)
    clip, run = given.output / "clip", given.output / "run"
    started = time.perf_counter()
    print(f"Drawing {given.seconds:g} seconds of futsal into {clip} ...", flush=True)
    make_clip(clip, seconds=given.seconds)
    prompts = clip / "prompts.yaml"
    run_command(
        [
            "track",
            str(clip / "clip.mp4"),
            *("--prompts", str(prompts)),
            *("-o", str(run)),
            "--overwrite",
        ]
    )
    starts = prompted_frames(prompts)
    scores = measure(run / "masks", clip / "truth", starts)
    print(f"\nAgainst the drawn truth, from boxes alone:\n  {'object':<10}   J      F     J&F")
    for drawn, (j, f) in scores.items():
        print(f"  {object_names()[drawn]:<10} {j:.3f}  {f:.3f}  {(j + f) / 2:.3f}")
    j, f = np.mean(list(scores.values()), axis=0)
    print(f"  {'mean':<10} {j:.3f}  {f:.3f}  {(j + f) / 2:.3f}")
    print(f"\nWatch  {run / 'annotated.mp4'}\nMasks  {run / 'masks'}\nTables {run / 'tracks.csv'}")
    print(f"All of it in {time.perf_counter() - started:.0f} s.")


if __name__ == "__main__":
    main()
