import numpy as np
import pytest

from track_anything.errors import DatasetError
from track_anything.rle import mask_to_rle, rle_to_mask


@pytest.mark.parametrize(
    ("rows", "counts"),
    [
        # Down the columns: 0 1 | 0 1 | 0 0.
        ([[0, 0, 0], [1, 1, 0]], [1, 1, 1, 1, 2]),
        ([[1, 0], [1, 0]], [0, 2, 2]),
        ([[0, 0], [0, 0]], [4]),
        ([[1, 1], [1, 1]], [0, 4]),
    ],
    ids=["a row", "the first column", "nothing", "everything"],
)
def test_counts_go_down_the_columns_and_begin_with_background(
    rows: list[list[int]], counts: list[int]
) -> None:
    mask = np.array(rows, bool)
    rle = mask_to_rle(mask)
    assert rle == {"size": list(mask.shape), "counts": counts}
    assert np.array_equal(rle_to_mask(rle), mask)


def test_any_mask_comes_back() -> None:
    mask = np.random.default_rng(0).random((37, 23)) < 0.4
    found = rle_to_mask(mask_to_rle(mask))
    assert found.dtype == np.bool_
    assert np.array_equal(found, mask)


@pytest.mark.parametrize(
    ("counts", "text"),
    [([1, 2], "add up to 4, got 3"), ([6, -2], "add up to 4"), ("21", "compressed")],
)
def test_what_is_no_mask_is_refused(counts: object, text: str) -> None:
    with pytest.raises(DatasetError, match=text):
        rle_to_mask({"size": [2, 2], "counts": counts})
