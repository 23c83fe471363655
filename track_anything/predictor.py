"""SAM's predictor with the words its users know, and an embedding that is a value."""

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from track_anything.build import build_segmenter, choose_segmenter
from track_anything.errors import ConfigError, PromptError, SegmenterError
from track_anything.interfaces import Segmenter
from track_anything.structures import (
    Floats,
    Frame,
    Image,
    ImageEmbedding,
    Mask,
    MaskPrediction,
    Prompt,
)

IMAGE_FORMATS = ("RGB", "BGR")


class Predictor:
    """Masks from points, boxes and earlier masks on pictures.

    What was written for Meta's predictor::

        predictor = SamPredictor(sam)
        predictor.set_image(image)
        masks, scores, logits = predictor.predict(point_coords=points, point_labels=labels)

    is here::

        predictor = Predictor("sam-base")
        embedding = predictor.embed(image)
        masks, scores, logits = predictor.predict(
            embedding, point_coords=points, point_labels=labels
        )

    Several pictures can be embedded at once and asked in any order. Any segmenter does; only SAM
    tells a whole, a part and a sub-part apart.
    """

    def __init__(self, segmenter: Segmenter | str = "auto", *, device: str = "auto") -> None:
        """Load a segmenter.

        Args:
            segmenter: A name as on the command line, the path of a checkpoint, or a segmenter.
                For the answers of Meta's code to the fifth decimal, also for objects that are
                small against the picture, give `SamSegmenter(weights, zoom="off")`.
            device: Where it runs: auto, cpu, cuda, mps. For a name or a path only.

        Raises:
            ConfigError: If there is no such segmenter or device, or it is none.
            WeightsError: If its weights are not here, or cannot be used.
        """
        if not isinstance(segmenter, str):
            self.segmenter = segmenter
            return
        spec, _ = choose_segmenter(segmenter)
        made = build_segmenter(spec, device=device)
        if made is None:
            raise ConfigError(f"to predict masks a segmenter is needed, got {segmenter!r}")
        self.segmenter = made

    def embed(self, image: Image, *, image_format: str = "RGB") -> ImageEmbedding:
        """What all predictions on a picture share; it stays valid whatever is embedded next.

        Args:
            image: (H, W, 3) uint8. It is copied.
            image_format: Order of the channels: RGB, or BGR as OpenCV reads them.

        Raises:
            PromptError: If it is not such an array.
            ConfigError: If the format is unknown.
        """
        if image_format not in IMAGE_FORMATS:
            raise ConfigError(f"image_format is RGB or BGR, got {image_format!r}")
        given = np.asarray(image)
        if given.ndim != 3 or given.shape[2] != 3 or given.dtype != np.uint8 or not given.size:
            raise PromptError(f"an image is (H, W, 3) uint8, got {given.shape} {given.dtype}")
        # Encoding may wait for the first prompt: until then the picture must stay as it is.
        pixels = np.array(given[..., ::-1] if image_format == "BGR" else given, order="C")
        return self.segmenter.embed(Frame(0, Fraction(0), pixels))

    def predict(
        self,
        embedding: ImageEmbedding,
        *,
        point_coords: ArrayLike | None = None,
        point_labels: ArrayLike | None = None,
        box: ArrayLike | None = None,
        mask_input: ArrayLike | None = None,
        multimask_output: bool = True,
    ) -> tuple[NDArray[np.bool_], Floats, Floats]:
        """Masks of one object.

        Args:
            embedding: From embed.
            point_coords: (N, 2): x, y in pixels of the picture.
            point_labels: (N,): 1 on the object, 0 not on it.
            box: (4,): x_min, y_min, x_max, y_max in pixels of the picture.
            mask_input: (h, w) or (1, h, w): logits that an earlier call returned. They lie over
                the picture alone: Meta's, which have the padding too, do not fit.
            multimask_output: All answers to a prompt that may mean several things, for SAM its
                three; without it one, for prompts that are clear.

        Returns:
            Masks (C, H, W) bool, their predicted IoU (C,), their logits (C, h, w). Of SAM in the
            network's order, of others best first.

        Raises:
            PromptError: If the prompt is malformed.
            SegmenterError: If the embedding is another segmenter's.
        """
        prompt = _prompt(point_coords, point_labels, box, mask_input)
        (found,) = self.segmenter.decode(embedding, [prompt])
        chosen = _chosen(found, multimask_output=multimask_output)
        if not chosen:
            raise SegmenterError(
                f"{self.segmenter.name} keeps {len(found)} of its masks: make it with all of them"
            )
        masks: list[Mask] = [each.mask for each in chosen]
        scores = np.array([each.predicted_iou for each in chosen], np.float32)
        return np.stack(masks), scores, np.stack([each.logits for each in chosen])


def _prompt(
    point_coords: ArrayLike | None,
    point_labels: ArrayLike | None,
    box: ArrayLike | None,
    mask_input: ArrayLike | None,
) -> Prompt:
    said: dict[str, Any] = {}
    if point_coords is not None:
        points = np.asarray(point_coords, np.float32)
        if points.ndim != 2 or points.shape[1] != 2:
            raise PromptError(f"point_coords is (N, 2), got {points.shape}")
        said["points"] = points
    if point_labels is not None:
        said["labels"] = np.asarray(point_labels)
    if box is not None:
        said["box"] = np.asarray(box, np.float32)
    if mask_input is not None:
        logits = np.asarray(mask_input, np.float32)
        if logits.ndim == 3 and len(logits) == 1:
            logits = logits[0]
        if logits.ndim != 2:
            raise PromptError(f"mask_input is (h, w) or (1, h, w), got {logits.shape}")
        said["logits"] = logits
    return Prompt(**said)


def _chosen(found: Any, *, multimask_output: bool) -> list[MaskPrediction]:
    """Of SAM's masks 1 to 3, or the one for clear prompts; of others all, or the best."""
    if not all(hasattr(each, "index") for each in found):
        return list(found) if multimask_output else list(found[:1])
    ordered = sorted(found, key=lambda each: each.index)
    return [each for each in ordered if (each.index > 0) is multimask_output]
