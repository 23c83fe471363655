import os
import sys
from fractions import Fraction

import numpy as np
import pytest

from track_anything.structures import Frame
from track_anything.tracking.shared_arrays import SharedMemory, SharedMemoryReader

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pipes are used elsewhere")

Ends = tuple[SharedMemory, SharedMemoryReader]


@pytest.fixture
def ends() -> Ends:
    """10,000 bytes, and who reads them by a descriptor of its own."""
    memory = SharedMemory.of_size(10_000)
    assert memory is not None
    return memory, SharedMemoryReader(os.dup(memory.descriptor))


def test_several_arrays_are_read_as_they_were_put(ends: Ends) -> None:
    memory, reader = ends
    arrays = [
        np.arange(35, dtype=np.uint8).reshape(5, 7),
        np.arange(48.0).reshape(2, 4, 6),
        np.arange(40, dtype=np.float32).reshape(5, 8)[1:, ::2],
        np.zeros((0, 3), np.int16),
    ]
    told = [memory.put(array) for array in arrays]
    for array, one in zip(arrays, told, strict=True):
        found = reader.read(one)
        assert (found.shape, found.dtype) == (array.shape, array.dtype)
        assert np.array_equal(found, array)


def test_what_was_read_stays_when_others_are_put_in_its_place(ends: Ends) -> None:
    memory, reader = ends
    first = reader.read(memory.put(np.full(100, 7, np.uint8)))
    memory.clear()
    second = reader.read(memory.put(np.full(100, 9, np.uint8)))
    assert (set(first), set(second)) == ({7}, {9})


def test_what_does_not_fit_is_not_put_and_harms_nothing(ends: Ends) -> None:
    memory, reader = ends
    told = memory.put(np.full(6_000, 7, np.uint8))
    assert memory.put(np.zeros(5_000, np.uint8)) is None
    assert memory.put(np.zeros(10_001, np.uint8)) is None
    assert set(reader.read(told)) == {7}
    memory.clear()
    assert memory.put(np.zeros(10_000, np.uint8)) is not None


def test_a_frame_comes_with_all_that_is_known_of_it(ends: Ends) -> None:
    memory, reader = ends
    image = np.random.default_rng(0).integers(0, 255, (20, 30, 3)).astype(np.uint8)
    frame = Frame(5, Fraction(1, 3), image, is_corrupt=True)
    told = memory.put_frame(frame)
    assert told is not None
    assert not told.frame.image.size
    found = reader.read(told)
    assert (found.index, found.time, found.is_corrupt) == (5, Fraction(1, 3), True)
    assert np.array_equal(found.image, image)
    assert memory.put_frame(Frame(6, Fraction(1), np.zeros((100, 100, 3), np.uint8))) is None


def test_what_is_not_shared_is_read_as_it_is(ends: Ends) -> None:
    assert ends[1].read("place") == "place"
    assert ends[1].read(None) is None


def test_where_there_is_no_such_memory_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no room")

    monkeypatch.setattr("track_anything.tracking.shared_arrays.mmap.mmap", refuse)
    assert SharedMemory.of_size(100) is None
    monkeypatch.undo()
    monkeypatch.setattr(sys, "platform", "win32")
    assert SharedMemory.of_size(100) is None
