"""Masks as run lengths, in both forms of COCO: counts, and the text they are compressed to."""

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from track_anything.errors import DatasetError
from track_anything.structures import Mask

Counts = NDArray[np.int64]
"""Lengths of runs down the columns, left to right; the first is background and may be 0."""

_BITS = 5
_MORE = 0x20
_SIGN = 0x10
_FIRST_LETTER = 48
# Signed numbers of 35 bits: frames of up to 131071 x 131071 pixels.
_MOST_LETTERS = 7


def mask_to_rle(mask: Mask) -> dict[str, list[int]]:
    """A mask as {"size": [height, width], "counts": [...]}.

    >>> mask_to_rle(np.array([[0, 1], [1, 1]], bool))
    {'size': [2, 2], 'counts': [1, 3]}
    """
    return {"size": list(mask.shape), "counts": mask_counts(mask).tolist()}


def mask_to_compressed_rle(mask: Mask) -> dict[str, Any]:
    """A mask as {"size": [height, width], "counts": "..."}, as pycocotools compresses it.

    >>> mask_to_compressed_rle(np.array([[0, 1], [1, 1]], bool))
    {'size': [2, 2], 'counts': '13'}
    """
    counts = compress_counts(mask_counts(mask)).decode("ascii")
    return {"size": list(mask.shape), "counts": counts}


def rle_to_mask(rle: Mapping[str, Any]) -> Mask:
    """The mask that run lengths stand for, compressed or not.

    >>> rle_to_mask({"size": [2, 2], "counts": [1, 3]}).tolist()
    [[False, True], [True, True]]

    Raises:
        DatasetError: If they are no run lengths, or do not add up to the size.
    """
    height, width = rle["size"]
    counts = rle["counts"]
    if isinstance(counts, str):
        # What is not ASCII becomes letters above those that are known.
        counts = counts.encode()
    if isinstance(counts, bytes):
        return counts_mask(decompress_counts(counts), (height, width))
    return counts_mask(np.asarray(counts, np.int64), (height, width))


def mask_counts(mask: Mask) -> Counts:
    """(R,) run lengths of a mask.

    >>> mask_counts(np.array([[1, 0], [1, 0]], bool)).tolist()
    [0, 2, 2]
    """
    height = mask.shape[0]
    x, y, columns, rows = cv2.boundingRect(mask.view(np.uint8))
    if not columns:
        return np.array([mask.size], np.int64)
    # Only the box is looked at, each column between two background pixels of its own.
    part = np.zeros((columns, rows + 2), np.bool_)
    part[:, 1:-1] = mask[y : y + rows, x : x + columns].T
    pixels = part.reshape(-1)
    steps = np.flatnonzero(pixels[1:] != pixels[:-1])
    column, row = np.divmod(steps, rows + 2)
    edges = (column + x) * height + row + y
    if rows == height:
        # A run down to the last row goes on at the top of the next column.
        is_joined = edges[1:-1:2] == edges[2::2]
        edges = np.concatenate([edges[:1], edges[1:-1][~np.repeat(is_joined, 2)], edges[-1:]])
    ends = np.concatenate([edges, [mask.size]])
    counts = np.diff(ends, prepend=0)
    return counts if counts[-1] else counts[:-1]


def counts_mask(counts: Counts, size: tuple[int, int]) -> Mask:
    """The mask of (height, width) that run lengths stand for.

    Raises:
        DatasetError: If they do not add up to the size.
    """
    height, width = size
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    if total != height * width or (counts < 0).any():
        raise DatasetError(
            f"run lengths of a {width}x{height} mask add up to {height * width}, got {total}"
            f"{' with negative ones' * bool((counts < 0).any())}"
        )
    mask = np.zeros(size, np.bool_)
    if len(counts) < 2:
        return mask
    first, last = int(ends[0]) // height, (int(ends[len(ends) // 2 * 2 - 1]) - 1) // height + 1
    if last <= first:
        return mask
    # Only the columns from the first run to the last are made.
    clipped = np.clip(ends, first * height, last * height)
    runs = np.diff(clipped, prepend=first * height)
    part = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    mask[:, first:last] = part.reshape(last - first, height).T
    return mask


def compress_counts(counts: Counts) -> bytes:
    """Run lengths as COCO's ASCII text, equal to what pycocotools writes.

    Each is the difference to the one two before it, from the fourth on; a number is letters of
    five bits each, the lowest first, with a sixth bit that says whether more follow.

    >>> compress_counts(np.array([1, 3]))
    b'13'
    """
    values = counts.astype(np.int64)
    values[3:] -= counts[1:-2]
    shifts = _BITS * np.arange(_MOST_LETTERS)
    letters = (values[:, None] >> shifts) & (2**_BITS - 1)
    rest = values[:, None] >> (shifts + _BITS)
    is_last = rest == np.where(letters & _SIGN, -1, 0)
    lengths = 1 + np.argmax(is_last, axis=1)
    place = np.arange(_MOST_LETTERS)
    letters |= np.where(place < lengths[:, None] - 1, _MORE, 0)
    text: bytes = (letters[place < lengths[:, None]] + _FIRST_LETTER).astype(np.uint8).tobytes()
    return text


def decompress_counts(text: bytes) -> Counts:
    """(R,) run lengths from COCO's ASCII text.

    >>> decompress_counts(b"13").tolist()
    [1, 3]

    Raises:
        DatasetError: If it is no such text.
    """
    letters = np.frombuffer(text, np.uint8).astype(np.int64) - _FIRST_LETTER
    is_last = (letters & _MORE) == 0
    if not len(letters) or not is_last[-1] or (letters < 0).any() or (letters >= 2 * _MORE).any():
        raise DatasetError("not the compressed run lengths of COCO")
    ends = np.flatnonzero(is_last) + 1
    lengths = np.diff(ends, prepend=0)
    if lengths.max() > _MOST_LETTERS:
        raise DatasetError("compressed run lengths hold a number too large for any frame")
    starts = ends - lengths
    place = np.arange(len(letters)) - np.repeat(starts, lengths)
    values = np.add.reduceat((letters & (_MORE - 1)) << (_BITS * place), starts)
    values -= np.where(letters[ends - 1] & _SIGN, 1 << (_BITS * lengths), 0)
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values
