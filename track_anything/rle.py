"""Masks as run lengths, in the uncompressed form of COCO."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from track_anything.errors import DatasetError
from track_anything.structures import Mask


def mask_to_rle(mask: Mask) -> dict[str, list[int]]:
    """A mask as {"size": [height, width], "counts": [...]}.

    Counts go down the columns, left to right, and begin with background, of which there may be 0.
    `pycocotools.mask.frPyObjects` makes the compressed form of it.

    >>> mask_to_rle(np.array([[0, 1], [1, 1]], bool))
    {'size': [2, 2], 'counts': [1, 3]}
    """
    pixels = np.concatenate([[False], mask.ravel(order="F")])
    starts = np.flatnonzero(pixels[1:] != pixels[:-1])
    counts = np.diff(np.concatenate([[0], starts, [mask.size]]))
    return {"size": list(mask.shape), "counts": counts.tolist()}


def rle_to_mask(rle: Mapping[str, Any]) -> Mask:
    """The mask that uncompressed run lengths stand for.

    >>> rle_to_mask({"size": [2, 2], "counts": [1, 3]}).tolist()
    [[False, True], [True, True]]

    Raises:
        DatasetError: If they do not add up to the size.
    """
    height, width = rle["size"]
    counts: Sequence[int] = rle["counts"]
    if isinstance(counts, str | bytes):
        raise DatasetError("expected run lengths as a list of counts, got COCO's compressed text")
    if sum(counts) != height * width or any(count < 0 for count in counts):
        raise DatasetError(
            f"run lengths of a {width}x{height} mask add up to {height * width}, got {sum(counts)}"
        )
    values = np.arange(len(counts)) % 2 == 1
    return np.repeat(values, counts).reshape(height, width, order="F")
