"""Single frames of the video a run was made from, looked up by their exact times."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from track_anything.config import ReadConfig
from track_anything.errors import VideoError
from track_anything.io.container import STDIN
from track_anything.io.run_folder import hash_file
from track_anything.io.run_store import RunStore
from track_anything.io.sources import open_source
from track_anything.review.moments import Instant
from track_anything.structures import Image, VideoInfo

_SEEK_SECONDS = 5
"""Gaps longer than this are jumped over: opening anew costs about as much as decoding them."""


@dataclass(frozen=True)
class Pictures:
    """The source of a run, if there is one still.

    Attributes:
        path: Where the pictures come from; None if there are none.
        notes: What a reader has to know of them, one line each.
        info: Of the frames that were tracked.
        max_side: As the frames were scaled for tracking.
        begin: Time of the run's first frame, if it does not begin with the source; else None.
    """

    path: str | None
    notes: tuple[str, ...]
    info: VideoInfo
    max_side: int = 0
    begin: Fraction | None = None

    def at(self, wanted: Sequence[Instant]) -> Iterator[tuple[Instant, Image]]:
        """The picture of every instant that is found, in the order of time.

        Args:
            wanted: Instants by rising time, each once.

        Raises:
            VideoError: If the source cannot be read.
        """
        waiting = list(wanted)
        while waiting and self.path is not None:
            first = waiting[0]
            yield from self._from(first, waiting)
            if waiting and waiting[0] is first:
                # Not there: a source with another clock has none of its frames.
                waiting.pop(0)

    def _from(self, first: Instant, waiting: list[Instant]) -> Iterator[tuple[Instant, Image]]:
        """Pictures from one on, taken off what is waited for, up to the next long gap."""
        # A deinterlacer pairs fields from where it begins: only the run's own beginning gives its
        # pictures again.
        seeks = not self.info.is_interlaced
        source = open_source(
            self.path or "",
            config=ReadConfig(max_side=self.max_side, prefetch_frames=0),
            start=first.time if seeks else self.begin,
            frame_rate=self.info.frame_rate,
        )
        # A copy in another container may round times, to a millisecond in Matroska.
        tolerance = min(Fraction(1, 1000), 1 / (10 * self.info.frame_rate))
        with closing(source):
            if source.info.size != self.info.size:
                (height, width), (tracked_height, tracked_width) = source.info.size, self.info.size
                raise VideoError(
                    f"{self.path}: its frames are {width}x{height}, "
                    f"those tracked were {tracked_width}x{tracked_height}"
                )
            for frame in source:
                while waiting and waiting[0].time < frame.time - tolerance:
                    waiting.pop(0)
                if not waiting or (seeks and waiting[0].time - frame.time > _SEEK_SECONDS):
                    return
                if waiting[0].time <= frame.time + tolerance:
                    yield waiting.pop(0), frame.image


def find_pictures(store: RunStore, *, given: str | Path | None = None) -> Pictures:
    """The pictures behind a run: of the source in its manifest, or of another place.

    A source that is gone is a note, one that was named and cannot be read an error.

    Args:
        store: The run.
        given: Where the source is now.

    Raises:
        VideoError: If the source given cannot be read.
    """
    info, manifest = store.info, store.manifest
    path = str(given) if given is not None else _known_path(store)
    max_side = int(_part(_part(manifest, "options"), "read").get("max_side") or 0)
    if path in ("", STDIN):
        note = "The video came from standard input or memory: the pictures show masks alone."
        return Pictures(None, (note,), info)
    notes = []
    try:
        with closing(open_source(path, config=ReadConfig(prefetch_frames=0))):
            pass
        expected = _part(manifest, "input").get("sha256")
        if expected and Path(path).is_file() and hash_file(Path(path)) != expected:
            notes.append(f"{path} is not the file that was tracked: its contents differ.")
    except VideoError as error:
        if given is not None:
            raise
        note = f"The video is not where it was ({error}): the pictures show masks alone."
        return Pictures(None, (note,), info)
    begins_late = _part(manifest, "range").get("start") is not None and store.frame_count
    begin = store.result(0).frame.time if begins_late else None
    return Pictures(path, tuple(notes), info, max_side, begin)


def _known_path(store: RunStore) -> str:
    """Where the run found its video, also from another folder; "" if it was never a file."""
    path = store.info.path
    folder = str(_part(store.meta, "job").get("folder", ""))
    return path if path in ("", STDIN) else os.path.join(folder, path)


def _part(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A part of a manifest; of a foreign one it may be missing."""
    found = values.get(name)
    return found if isinstance(found, Mapping) else {}
