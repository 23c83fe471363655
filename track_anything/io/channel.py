"""A bounded queue between two threads that either side can end."""

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Channel(Generic[T]):
    """Items from one thread to another, in order; neither side can be left waiting for ever.

    queue.Queue cannot wake a producer that waits for room when the consumer goes away.
    """

    def __init__(self, capacity: int) -> None:
        """Make a channel that holds so many items."""
        self._capacity = capacity
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._is_finished = False
        self._is_abandoned = False

    def put(self, item: T) -> bool:
        """Wait for room and add an item; False if nobody will take it any more."""
        with self._changed:
            while len(self._items) >= self._capacity and not self._is_abandoned:
                self._changed.wait()
            if self._is_abandoned:
                return False
            self._items.append(item)
            self._changed.notify_all()
            return True

    def get(self) -> T:
        """Wait for the next item.

        Raises:
            EOFError: If there is none and there will be none.
        """
        with self._changed:
            while not self._items and not self._is_finished and not self._is_abandoned:
                self._changed.wait()
            if not self._items:
                raise EOFError
            item = self._items.popleft()
            self._changed.notify_all()
            return item

    def finish(self) -> None:
        """Say that no more items will be put; those that wait can still be taken."""
        with self._changed:
            self._is_finished = True
            self._changed.notify_all()

    def abandon(self) -> None:
        """Drop what waits and refuse whatever comes."""
        with self._changed:
            self._is_abandoned = True
            self._items.clear()
            self._changed.notify_all()
