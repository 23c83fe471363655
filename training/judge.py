"""How good weights are on videos that no training has seen: `evaluate prompts` for any file.

    python -m training.export runs/short/last.pt -o runs/short.safetensors
    python -m training.judge runs/short.safetensors DAVIS [--log runs/short/log.jsonl]

Every tenth frame of a DAVIS-layout folder; with --log a row with the mean IoU by kind of prompt is
added to the log of the run.
"""

import argparse
import json
from pathlib import Path

from track_anything.evaluation.annotated_pictures import davis_pictures
from track_anything.evaluation.prompts import evaluate_prompts
from track_anything.segmenters.compact.segmenter import CompactSegmenter

EVERY = 10


def judge(weights: Path, root: Path) -> dict[str, float]:
    """Mean IoU by kind of prompt.

    Args:
        weights: As the package ships them.
        root: DAVIS-layout folder.

    Raises:
        WeightsError: If the weights cannot be used.
        DatasetError: If the folder has no such layout.
    """
    segmenter = CompactSegmenter(device="cpu", path=weights)
    scores = evaluate_prompts({"compact": segmenter}, davis_pictures(root, every=EVERY))
    kinds = scores["segmenters"]["compact"]["kinds"]
    return {kind: round(found["IoU"], 4) for kind, found in kinds.items()}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights", type=Path)
    parser.add_argument("root", type=Path)
    parser.add_argument("--log", type=Path, help="add a row to this log")
    given = parser.parse_args()
    row = json.dumps({"judged on": given.root.name, "IoU": judge(given.weights, given.root)})
    if given.log:
        with given.log.open("a") as file:
            file.write(row + "\n")
    print(row)


if __name__ == "__main__":
    main()
