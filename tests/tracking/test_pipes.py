import io
import os
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from track_anything.tracking.pipes import MessagePipes


@pytest.fixture
def ends() -> Iterator[tuple[MessagePipes, MessagePipes]]:
    """Both ends of two pipes."""
    (first_in, first_out), (second_in, second_out) = os.pipe(), os.pipe()
    one = MessagePipes(io.FileIO(first_in, "rb"), io.FileIO(second_out, "wb"))
    other = MessagePipes(io.FileIO(second_in, "rb"), io.FileIO(first_out, "wb"))
    yield one, other
    one.close()
    other.close()


def test_messages_come_whole_and_in_order(ends: tuple[MessagePipes, MessagePipes]) -> None:
    one, other = ends
    for message in ("ready", ("place", (None, {3: [1, 2]})), None):
        one.send(message)
    assert [other.receive() for _ in range(3)] == ["ready", ("place", (None, {3: [1, 2]})), None]


def test_arrays_larger_than_a_pipe_come_as_they_were(
    ends: tuple[MessagePipes, MessagePipes],
) -> None:
    one, other = ends
    sent = {
        "large": np.arange(3_000_000, dtype=np.float32).reshape(1000, 3000),
        "a part": np.arange(100, dtype=np.uint8).reshape(10, 10)[2:5, ::2],
        "nothing": np.zeros((0, 4), np.float32),
        "in columns": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    }
    writer = threading.Thread(target=one.send, args=(sent,))
    writer.start()
    found = other.receive()
    writer.join()
    assert list(found) == list(sent)
    for name, array in sent.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array)


@pytest.mark.skipif(os.name != "posix", reason="elsewhere a message may always have come")
def test_it_is_known_whether_a_message_waits(ends: tuple[MessagePipes, MessagePipes]) -> None:
    one, other = ends
    assert not other.is_waiting()
    one.send("ready")
    assert other.is_waiting()
    other.receive()
    assert not other.is_waiting()


def test_a_closed_end_is_told(ends: tuple[MessagePipes, MessagePipes]) -> None:
    one, other = ends
    one.close()
    with pytest.raises(EOFError):
        other.receive()
    with pytest.raises(OSError, match="pipe"):
        other.send("is anybody there?")
