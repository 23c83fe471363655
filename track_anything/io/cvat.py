"""Masks as CVAT for video 1.1, the XML that CVAT imports."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import ClassVar, Literal
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from track_anything.errors import ConfigError
from track_anything.io.class_names import ClassNames
from track_anything.io.spill import SpilledSink
from track_anything.painting import track_color
from track_anything.structures import FrameResult, Mask, ObjectMask, State, VideoInfo

Layout = Literal["masks", "tracks"]

_MASKS = 0
# CVAT wants a mask even where the object is not: one pixel, and that background.
_NOTHING = 'rle="1" left="0" top="0" width="1" height="1"'


class CvatSink(SpilledSink):
    """annotations.xml: `<mask>` elements with run lengths inside the box of the object.

    Run lengths go along the rows of the box, are separated by ", ", and begin with background, of
    which there may be 0. Frames count from 0 as in a CVAT task of the same video; `first_frame` is
    added where the run began later. occluded is 1 while the track is occluded.

    Layout "masks", which CVAT itself writes, has a `<track>` of one frame for every mask, with the
    track_id as its group_id: CVAT knows no tracks of masks and takes of each the first mask alone.
    Layout "tracks" has a `<track>` for every object, with outside="1" where it is not visible, for
    tools that read it as tracks; its id is the track_id.

    Lost: confidences, events.
    """

    needs_images: ClassVar[bool] = False

    def __init__(
        self,
        path: Path,
        info: VideoInfo,
        *,
        layout: Layout = "masks",
        first_frame: int = 0,
        classes: Mapping[str, str] | None = None,
    ) -> None:
        """Create the spill.

        Args:
            path: The final name; a file of that name is replaced on close.
            info: Of the frames that will come.
            layout: masks: a track for every mask; tracks: a track for every object.
            first_frame: Which frame of the CVAT task frame 0 is.
            classes: Class by name of object, as ClassNames takes it.

        Raises:
            ConfigError: If an option is out of range.
            OutputError: If something cannot be created.
        """
        if layout not in ("masks", "tracks"):
            raise ConfigError(f"layout is masks or tracks, got {layout!r}")
        if first_frame < 0:
            raise ConfigError(f"first_frame is 0 or more, got {first_frame}")
        super().__init__(path)
        self._info = info
        self._is_tracks = layout == "tracks"
        self._first_frame = first_frame
        self._classes = ClassNames(classes)
        self._labels: dict[int, str] = {}
        # Of the last frame, by track_id: where in the spill the end of the mask goes, and of when.
        self._ends: dict[int, tuple[int, int]] = {}
        self._frames: tuple[int, int] | None = None
        self._mask_count = 0

    def write(self, result: FrameResult) -> None:
        """Keep the frame's masks.

        Raises:
            OutputError: If they cannot be written.
        """
        frame = result.frame.index + self._first_frame
        visible = {one.track_id: one for one in result.objects if one.box[2] > one.box[0]}
        # A mask ends with the next frame that there is; after the last frame nothing needs an end.
        for track_id, (position, end) in self._ends.items():
            if not self._is_tracks or track_id not in visible:
                spilled = track_id if self._is_tracks else _MASKS
                self._keep(spilled, position, _element(end, 1, False, _NOTHING))
        self._ends = {
            track_id: (self._keep_mask(frame, one), frame + 1) for track_id, one in visible.items()
        }
        self._frames = (self._frames[0] if self._frames else frame, frame)

    def pieces(self) -> Iterable[str]:
        """The file."""
        yield '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n'
        yield from self._meta()
        yield from self._tracks() if self._is_tracks else self._single_masks()
        yield "</annotations>\n"

    def _keep_mask(self, frame: int, one: ObjectMask) -> int:
        """Keep a mask; the position in the spill for its end."""
        self._classes.number_of(one.label)
        label = self._labels.setdefault(one.track_id, self._classes.name_of(one.label))
        element = _element(frame, 0, one.state is State.OCCLUDED, _mask_text(one))
        if self._is_tracks:
            self._keep(one.track_id, 2 * frame, element)
            return 2 * frame + 1
        position = 2 * self._mask_count
        track = f'<track id="{self._mask_count}" label={quoteattr(label)} source="auto" '
        self._keep(_MASKS, position, f'{track}group_id="{one.track_id}">\n{element}')
        self._mask_count += 1
        return position + 1

    def _single_masks(self) -> Iterator[str]:
        for position, text in self._spill.read(_MASKS):
            if position and not position % 2:
                yield "</track>\n"
            yield text
        if self._mask_count:
            yield "</track>\n"

    def _tracks(self) -> Iterator[str]:
        for track_id, label in sorted(self._labels.items()):
            yield f'<track id="{track_id}" label={quoteattr(label)} source="auto">\n'
            yield from (text for _, text in self._spill.read(track_id))
            yield "</track>\n"

    def _meta(self) -> Iterator[str]:
        first, last = self._frames or (0, -1)
        name = Path(self._info.path).stem or "video"
        yield f"<meta>\n<task>\n<name>{escape(name)}</name>\n<size>{last + 1}</size>\n"
        yield "<mode>interpolation</mode>\n<overlap>0</overlap>\n<flipped>False</flipped>\n"
        yield f"<start_frame>{first}</start_frame>\n<stop_frame>{max(last, 0)}</stop_frame>\n"
        yield "<labels>\n"
        for number, label in enumerate(self._classes.names, start=1):
            red, green, blue = track_color(number)
            yield f"<label>\n<name>{escape(label)}</name>\n"
            yield f"<color>#{red:02x}{green:02x}{blue:02x}</color>\n"
            yield "<type>mask</type>\n<attributes></attributes>\n</label>\n"
        yield "</labels>\n<original_size>\n"
        yield f"<width>{self._info.width}</width>\n<height>{self._info.height}</height>\n"
        yield "</original_size>\n</task>\n</meta>\n"


def row_counts(mask: Mask) -> list[int]:
    """Run lengths of a mask along its rows, as CVAT has them: background first, of which may be 0.

    >>> row_counts(np.array([[1, 1, 0], [0, 1, 1]], bool))
    [0, 2, 2, 2]
    """
    pixels = np.concatenate([[False], mask.ravel()])
    starts = np.flatnonzero(pixels[1:] != pixels[:-1])
    counts: list[int] = np.diff(np.concatenate([[0], starts, [mask.size]])).tolist()
    return counts


def _mask_text(one: ObjectMask) -> str:
    left, top, right, bottom = (int(side) for side in one.box)
    counts = ", ".join(map(str, row_counts(one.mask[top:bottom, left:right])))
    return (
        f'rle="{counts}" left="{left}" top="{top}" width="{right - left}" height="{bottom - top}"'
    )


def _element(frame: int, outside: int, is_occluded: bool, mask: str) -> str:
    return (
        f'<mask frame="{frame}" keyframe="1" outside="{outside}" occluded="{int(is_occluded)}" '
        f'{mask} z_order="0"></mask>\n'
    )
