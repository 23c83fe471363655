"""The second look: the network's own answer comes back, with a click on what is wrong in it."""

import cv2
import numpy as np

from track_anything.segmenters.compact.channels import CropPrompt, stack_channels
from track_anything.structures import Floats
from training.loader import Batch
from training.prompts import error_click

Generator = np.random.Generator


def corrected(batch: Batch, chosen: np.ndarray, logits: Floats, random: Generator) -> np.ndarray:
    """(K, 9, 128, 128) float16: chosen samples with the network's own answer as earlier mask.

    Args:
        batch: As the loader made it.
        chosen: (K,) which samples.
        logits: (K, 128, 128): the answers.
        random: Source of chance.
    """
    return np.stack(
        [
            _second_look(
                batch.channels[place].astype(np.float32),
                batch.target[place] > 127,
                None if np.isnan(batch.box[place, 0]) else batch.box[place],
                answer,
                random,
            )
            for place, answer in zip(chosen.tolist(), logits, strict=True)
        ]
    ).astype(np.float16)


def _second_look(
    channels: Floats, target: np.ndarray, box: Floats | None, logits: Floats, random: Generator
) -> Floats:
    image = np.clip((channels[:3] * 0.25 + 0.45) * 255, 0, 255).astype(np.uint8)
    points = [_centres(channels[4]), _centres(channels[5])]
    guess = logits > 0
    for _ in range(int(random.choice([0, 1, 1, 2]))):
        click = error_click(target, guess)
        if click is None:
            break
        where, is_missing = click
        points[0 if is_missing else 1] = np.concatenate([points[0 if is_missing else 1], where])
        # A second click goes to another error.
        x, y = where[0].astype(int)
        guess = guess.copy()
        guess[max(y - 12, 0) : y + 13, max(x - 12, 0) : x + 13] = target[
            max(y - 12, 0) : y + 13, max(x - 12, 0) : x + 13
        ]
    kept_box = box if random.random() < 0.6 else None
    previous = 1 / (1 + np.exp(-np.clip(logits, -20, 20)))
    prompt = CropPrompt(kept_box, points[0], points[1], previous.astype(np.float32))
    return stack_channels(np.ascontiguousarray(image.transpose(1, 2, 0)), channels[8], prompt)


def _centres(disc_map: Floats) -> Floats:
    """(N, 2): the middles of the discs of a click channel."""
    found = cv2.connectedComponentsWithStats((disc_map > 0.5).astype(np.uint8))
    return np.asarray(found[3][1:] + 0.5, np.float32).reshape(-1, 2)
