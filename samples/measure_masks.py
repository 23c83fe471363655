"""Read the masks of a run back and measure: how large each object is, and how fast it moves.

python samples/measure_masks.py run
"""

import sys
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np

from track_anything import read_mask_png, read_tracks_csv


def main(run: str) -> None:
    """Measure every object of a run folder."""
    folder = Path(run)
    rows = read_tracks_csv(folder / "tracks.csv")
    names = {row.track_id: row.name or str(row.track_id) for row in rows}

    # From the masks: every pixel is the track_id of its object, 0 is background.
    areas: dict[int, list[int]] = defaultdict(list)
    for path in sorted((folder / "masks").glob("*.png")):
        labels, counts = np.unique(read_mask_png(path), return_counts=True)
        for track_id, count in zip(labels.tolist(), counts.tolist(), strict=True):
            areas[track_id].append(count)

    # From the table: where an object was, and exactly when.
    for track_id, name in names.items():
        seen = [row for row in rows if row.track_id == track_id and row.centroid is not None]
        speeds = [
            np.hypot(*np.subtract(after.centroid, before.centroid))
            / float(after.time - before.time)
            for before, after in pairwise(seen)
            if before.centroid is not None and after.centroid is not None
        ]
        area = np.mean(areas[track_id]) if areas[track_id] else 0
        speed = np.mean(speeds) if speeds else 0
        print(f"{name}: {len(seen)} frames, {area:.0f} pixels, {speed:.0f} pixels a second")


if __name__ == "__main__":
    main(*sys.argv[1:])
