import zipfile

import numpy as np
import pytest

from track_anything.tracking.state_archive import pack_state, unpack_state


def test_what_is_packed_comes_back_without_what_the_text_is_kept_in() -> None:
    arrays = {"mask": np.eye(3, dtype=bool), "1/soft": np.full((2, 4), 0.25, np.float32)}
    said, found = unpack_state(pack_state({"count": np.float32(2), "names": ["a"]}, arrays))
    assert said == {"count": 2.0, "names": ["a"]}
    assert list(found) == list(arrays)
    assert all(np.array_equal(found[name], one) for name, one in arrays.items())
    assert all(found[name].dtype == one.dtype for name, one in arrays.items())


def test_the_same_state_is_packed_into_the_same_bytes() -> None:
    arrays = {"a": np.arange(5)}
    assert pack_state([1, "x"], arrays) == pack_state([1, "x"], arrays)


@pytest.mark.parametrize("data", [b"", b"PK", b"no archive"])
def test_other_bytes_are_told_from_a_state(data: bytes) -> None:
    with pytest.raises((OSError, EOFError, ValueError, zipfile.BadZipFile)):
        unpack_state(data)
