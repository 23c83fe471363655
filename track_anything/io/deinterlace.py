"""Interlaced frames made whole."""

from collections import deque
from collections.abc import Iterator
from fractions import Fraction

import av
from av.filter import Graph
from av.video.frame import VideoFrame

from track_anything.io.decoding import TimedFrame


class Deinterlacer:
    """Frames with interlaced ones made whole, one for one, each at its own time.

    Progressive frames pass unchanged. The first interlaced frame switches the filter on; from
    then on it is one frame behind.
    """

    def __init__(self) -> None:
        """Start without a filter."""
        self._graph: Graph | None = None
        self._layout: tuple[int, int, str] | None = None
        self._waiting: deque[TimedFrame] = deque()

    def push(self, frame: TimedFrame) -> Iterator[TimedFrame]:
        """The frames that became ready."""
        picture = frame.picture
        layout = (picture.width, picture.height, picture.format.name)
        if self._graph is not None and layout != self._layout:
            yield from self.flush()
        if self._graph is None:
            if not picture.interlaced_frame:
                yield frame
                return
            self._graph = _bwdif(picture)
            self._layout = layout
        self._waiting.append(frame)
        self._graph.vpush(picture)
        yield from self._pull(self._graph)

    def flush(self) -> Iterator[TimedFrame]:
        """The frames still held back."""
        if self._graph is None:
            return
        graph, self._graph = self._graph, None
        graph.vpush(None)
        yield from self._pull(graph)
        self._waiting.clear()

    def _pull(self, graph: Graph) -> Iterator[TimedFrame]:
        while self._waiting:
            try:
                picture = graph.vpull()
            except (av.BlockingIOError, av.EOFError):
                return
            # The filter halves the time base; the time from before is the true one.
            yield self._waiting.popleft()._replace(picture=picture)


def _bwdif(frame: VideoFrame) -> Graph:
    graph = Graph()
    graph.threads = 1
    source = graph.add(
        "buffer",
        video_size=f"{frame.width}x{frame.height}",
        pix_fmt=frame.format.name,
        time_base=str(frame.time_base or Fraction(1, 90000)),
        pixel_aspect="1/1",
        colorspace=str(int(frame.colorspace)),
        range=str(int(frame.color_range)),
    )
    bwdif = graph.add("bwdif", "mode=send_frame:deint=interlaced")
    graph.link_nodes(source, bwdif, graph.add("buffersink")).configure()
    return graph
