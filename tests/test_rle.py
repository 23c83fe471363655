from collections.abc import Callable

import numpy as np
import pytest
from pycocotools import mask as coco

from track_anything.errors import DatasetError
from track_anything.rle import (
    compress_counts,
    decompress_counts,
    mask_to_compressed_rle,
    mask_to_rle,
    rle_to_mask,
)
from track_anything.structures import Mask


@pytest.mark.parametrize(
    ("rows", "counts"),
    [
        # Down the columns: 0 1 | 0 1 | 0 0.
        ([[0, 0, 0], [1, 1, 0]], [1, 1, 1, 1, 2]),
        ([[1, 0], [1, 0]], [0, 2, 2]),
        ([[0, 0], [0, 0]], [4]),
        ([[1, 1], [1, 1]], [0, 4]),
        # Down to the last row and on at the top of the next column is one run.
        ([[0, 1], [1, 0]], [1, 2, 1]),
        ([[0, 1], [1, 1]], [1, 3]),
        ([[0, 0, 1], [0, 1, 1]], [3, 3]),
    ],
    ids=["a row", "the first column", "nothing", "everything", "around", "corner", "end"],
)
def test_counts_go_down_the_columns_and_begin_with_background(
    rows: list[list[int]], counts: list[int]
) -> None:
    mask = np.array(rows, bool)
    rle = mask_to_rle(mask)
    assert rle == {"size": list(mask.shape), "counts": counts}
    assert np.array_equal(rle_to_mask(rle), mask)


def noise(share: float) -> Callable[[], Mask]:
    return lambda: np.random.default_rng(0).random((37, 23)) < share


def disc() -> Mask:
    y, x = np.mgrid[:360, :640]
    return np.asarray((x - 300) ** 2 + (y - 200) ** 2 < 150**2)


def stripes() -> Mask:
    """Full columns, so that runs are longer than a column and begin at the top."""
    mask = np.zeros((1080, 1920), bool)
    mask[:, 100:900] = mask[:, 1919:] = True
    mask[5:9, 300:400] = False
    return mask


def last_pixel() -> Mask:
    mask = np.zeros((2160, 3840), bool)
    mask[-1, -1] = True
    return mask


MASKS = {
    "sparse": noise(0.05),
    "half": noise(0.5),
    "dense": noise(0.97),
    "disc": disc,
    "stripes": stripes,
    "last pixel": last_pixel,
    "nothing": lambda: np.zeros((720, 1280), bool),
    "everything": lambda: np.ones((720, 1280), bool),
    "one pixel": lambda: np.ones((1, 1), bool),
    "a crop": lambda: disc()[50:300, 100:500],
    "column order": lambda: np.asfortranarray(disc()),
}


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools
@pytest.mark.parametrize("make", MASKS.values(), ids=MASKS.keys())
def test_compressed_text_is_that_of_pycocotools_and_comes_back(make: Callable[[], Mask]) -> None:
    mask = make()
    theirs = coco.encode(np.asfortranarray(mask.view(np.uint8)))
    ours = mask_to_compressed_rle(mask)
    assert ours["counts"].encode() == theirs["counts"]
    assert ours["size"] == list(theirs["size"])
    found = rle_to_mask(theirs)
    assert found.dtype == np.bool_
    assert found.flags.c_contiguous
    assert np.array_equal(found, mask)
    assert np.array_equal(rle_to_mask(mask_to_rle(mask)), mask)
    assert np.array_equal(coco.decode(ours), mask)


def test_counts_come_back_whatever_their_differences() -> None:
    # Lengths and differences at the edges of five, ten, fifteen ... bits, of both signs.
    edges = [2**bits + step for bits in (4, 5, 9, 14, 24, 31) for step in (-1, 0, 1)]
    counts = np.array([0, *edges, *edges[::-1]], np.int64)
    text = compress_counts(counts)
    assert np.array_equal(decompress_counts(text), counts)


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        ([1, 2], "add up to 4, got 3"),
        ([6, -2], "add up to 4"),
        ([], "add up to 4, got 0"),
        ("22", None),
        ("21", "add up to 4, got 3"),
        ("", "not the compressed"),
        ("2 2", "not the compressed"),
        ("22ü", "not the compressed"),
        # The last letter says that another follows.
        ("2R", "not the compressed"),
        ("oooooooo0", "too large"),
    ],
)
def test_what_is_no_mask_is_refused(counts: object, text: str | None) -> None:
    if text is None:
        assert rle_to_mask({"size": [2, 2], "counts": counts}).tolist() == [[0, 1], [0, 1]]
        return
    with pytest.raises(DatasetError, match=text):
        rle_to_mask({"size": [2, 2], "counts": counts})
