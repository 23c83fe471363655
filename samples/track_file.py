"""Track a file through the Python API.

python samples/track_file.py clip.mp4 prompts.yaml run
"""

import sys
from pathlib import Path

import track_anything


def main(video: str, prompts: str, output: str) -> None:
    """Track what a prompt file names and say what came of it."""
    summary = track_anything.track(
        video,
        Path(prompts),
        output,
        config=track_anything.RunConfig(
            style=track_anything.StyleConfig(parts=("mask", "box", "label"))
        ),
        overwrite=True,
        progress=lambda done, expected: print(f"\r{done}/{expected or '?'}", end=""),
    )
    print(f"\r{summary.frames} frames, {summary.frames_per_second:.1f} a second")
    for track_id, each in summary.objects.items():
        print(f"{track_id} {each['name']}: seen on {each['visible_frames']} frames")

    # The same without files: results as they come, here of the first half second.
    for result in track_anything.follow(video, Path(prompts), end=0.5):
        areas = {each.label: int(each.mask.sum()) for each in result.objects}
        print(f"{float(result.frame.time):.2f} s: {areas}")


if __name__ == "__main__":
    main(*sys.argv[1:])
