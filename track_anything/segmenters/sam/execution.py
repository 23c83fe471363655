"""What an execution of SAM takes and gives: the seam between the segmenter and the network."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from track_anything.segmenters.sam.architecture import SamConfig
from track_anything.structures import Floats, Image, Labels

PADDING_LABEL = -1
"""Marks the point that stands for "no box"; where it lies does not matter."""


@dataclass(frozen=True, eq=False)
class SamPrompt:
    """One object's prompt in pixels of the network's input.

    Attributes:
        points: (N, 2) float32; the half pixel to a pixel's centre is added by the network.
        labels: (N,) 1 object, 0 background, -1 padding.
        box: Standard form, or None.
        mask: (mask_size, mask_size) float32 logits over the padded input, or None.
    """

    points: Floats
    labels: Labels
    box: Floats | None = None
    mask: Floats | None = None


@dataclass(frozen=True, eq=False)
class SamAnswer:
    """All candidates for one prompt.

    Attributes:
        logits: (4, mask_size, mask_size) float32 over the padded input. Index 0 is meant for
            prompts without ambiguity; 1 to 3 are whole, part and sub-part of a lone click. None at
            all, (0, mask_size, mask_size), where they were not worth making.
        predicted_iou: (4,) float32, as the network says it; may leave [0, 1] a little.
    """

    logits: Floats
    predicted_iou: Floats


class SamExecution(Protocol):
    """One way to run the network."""

    config: SamConfig

    def encode(self, image: Image) -> Any:
        """What decode needs of an image whose longer side is the input's side."""
        ...

    def decode(
        self,
        embedding: Any,
        prompts: Sequence[SamPrompt],
        *,
        least_predicted_iou: float | None = None,
    ) -> list[SamAnswer]:
        """Candidates for every prompt, in order.

        Args:
            embedding: What encode returned.
            prompts: Of that image.
            least_predicted_iou: The logits of a prompt may be left out if none of the candidates
                1 to 3 is predicted above it.
        """
        ...
