"""Segment a picture with points and boxes: the examples of the KerasCV guide to SAM.

    python samples/segment_image.py truck.jpg
    python samples/segment_image.py truck.jpg sam-base truck-masks.png

The guide asks about a picture of a truck with a point, a box, and a box with a point that does not
belong to the object, in a frame whose longer side has 1024 pixels; here they are scaled to the
picture's own size, so any picture does. The second word is any segmenter: grabcut, the name of
weights that are cached (`track-anything weights list`), or the path of a checkpoint.

With Meta's package the same is said as

    predictor = SamPredictor(sam_model_registry["vit_b"](checkpoint="sam_vit_b_01ec64.pth"))
    predictor.set_image(image)
    masks, scores, logits = predictor.predict(point_coords=points, point_labels=labels)
"""

import sys
from typing import Any

import numpy as np
from PIL import Image

from track_anything import Predictor, overlay

GUIDE_SIDE = 1024
POINT = np.array([[284, 213]])
BOX = np.array([240, 340, 400, 500])
NOT_THERE = np.array([[325, 425]])


def main(picture: str, segmenter: str = "auto", output: str = "") -> None:
    """Ask the three questions of the guide; write the best answers side by side."""
    with Image.open(picture) as opened:
        image = np.asarray(opened.convert("RGB"))
    scale = max(image.shape[:2]) / GUIDE_SIDE

    predictor = Predictor(segmenter)
    embedding = predictor.embed(image)  # the slow part; all questions share it
    questions: dict[str, dict[str, Any]] = {
        "a point": {"point_coords": POINT * scale, "point_labels": [1]},
        "a box": {"box": BOX * scale, "multimask_output": False},
        "a box without a part": {
            "box": BOX * scale,
            "point_coords": NOT_THERE * scale,
            "point_labels": [0],
            "multimask_output": False,
        },
    }
    painted = []
    for name, question in questions.items():
        masks, scores, logits = predictor.predict(embedding, **question)
        best = int(np.argmax(scores))
        pixels = np.count_nonzero(masks[best])
        print(f"{name}: {len(masks)} masks, best {scores[best]:.2f}, {pixels} pixels")
        painted.append(overlay(image, {1: masks[best]}))

    # An answer can be improved by asking again with its logits.
    masks, scores, _ = predictor.predict(
        embedding, box=BOX * scale, mask_input=logits[best], multimask_output=False
    )
    print(f"asked again: {scores[0]:.2f}, {np.count_nonzero(masks[0])} pixels")
    if output:
        Image.fromarray(np.concatenate(painted, axis=1)).save(output)


if __name__ == "__main__":
    main(*sys.argv[1:])
