"""Memory that is kept for the next frame, not given back to the system and got again.

Of a picture's time that is the larger part: a mask of 720p takes 0.05 ms to make in memory that the
process has, and 0.9 ms in memory that the system has to find and clear first.
"""

import ctypes
import os
import sys
from functools import cache

KEPT = 1 << 28
"""Bytes that may lie unused at the end of the heap: about what a frame of 4K takes altogether."""
LARGEST = 1 << 25
"""Blocks from this many bytes on are given back at once: glibc takes no larger limit, and ignores
the ones that are."""
ENVIRONMENT = {
    "MALLOC_TRIM_THRESHOLD_": str(KEPT),
    "MALLOC_MMAP_THRESHOLD_": str(LARGEST),
}
"""Says the same to a process that is started with it."""

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3


@cache
def keep_memory() -> bool:
    """Have this process keep its memory; whether it does.

    Of the GNU C library alone: others keep it by themselves or cannot. What the environment says
    counts for more.
    """
    if sys.platform != "linux" or any(name in os.environ for name in ENVIRONMENT):
        return False
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is None:
        return False
    return all([set_option(_TRIM_THRESHOLD, KEPT), set_option(_MMAP_THRESHOLD, LARGEST)])
