"""The verbs: six sockets. A new engine, prompt kind or export implements or wraps one of them."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

from track_anything.structures import (
    ClickMask,
    Floats,
    Frame,
    FrameResult,
    ImageEmbedding,
    Mask,
    MaskPrediction,
    Prompt,
    Propagation,
    Proposal,
    VideoInfo,
)


class FrameSource(Protocol):
    """Frames of one video in presentation order."""

    @property
    def info(self) -> VideoInfo:
        """What is known before decoding."""
        ...

    def __iter__(self) -> Iterator[Frame]:
        """Frames with index 0, 1, 2 ... and strictly rising time. May be called once.

        Raises:
            VideoError: If a frame cannot be read and the rest cannot either.
        """
        ...

    def close(self) -> None:
        """Let go of files and threads. May be called again."""
        ...


class Segmenter(Protocol):
    """Masks from prompts on one picture."""

    @property
    def name(self) -> str:
        """Short name as on the command line, for reports."""
        ...

    def embed(self, frame: Frame) -> ImageEmbedding:
        """What all prompts on this frame share. Asking again for the same Frame costs nothing."""
        ...

    def decode(
        self, embedding: ImageEmbedding, prompts: Sequence[Prompt]
    ) -> Sequence[Sequence[MaskPrediction]]:
        """Candidates for every prompt, best first, at least one each; masks may be empty.

        Raises:
            SegmenterError: If the embedding is not this segmenter's.
        """
        ...


@runtime_checkable
class ClickSegmenter(Segmenter, Protocol):
    """A segmenter that answers many lone clicks at once, and makes only masks worth having."""

    def decode_clicks(
        self, embedding: ImageEmbedding, points: Floats, *, least_predicted_iou: float = -math.inf
    ) -> Iterator[ClickMask]:
        """Candidates of (N, 2) clicks predicted above a limit, click by click, one at a time."""
        ...


class Propagator(Protocol):
    """Carries soft masks from frame to frame. Keeps its own state; frames come in order."""

    def start(self, info: VideoInfo) -> None:
        """Forget everything and get ready for frames of this size."""
        ...

    def learn(self, frame: Frame, track_id: int, mask: Mask) -> None:
        """Take this mask as the object's on this frame: from prompts and accepted re-prompts only.

        An empty mask says the object is not visible: what it looks like is kept, where it was is
        not, and propagate looks for it in the whole frame.
        """
        ...

    def expect(self, frame: Frame) -> None:
        """Take notice that this frame comes next, before anything else is asked about it.

        Changes nothing but how soon that is answered.
        """
        ...

    def propagate(self, frame: Frame) -> Mapping[int, Propagation]:
        """Every known object on this frame, by ascending track_id."""
        ...

    def support(self, frame: Frame, track_id: int, mask: Mask) -> float:
        """How well a mask fits what the object has looked like, in [-1, 1]; 0 if unknown.

        The frame is the one last propagated to. Rival masks of one object are compared by it.
        """
        ...

    def resemblance(self, frame: Frame, track_id: int, mask: Mask) -> float:
        """How much a mask is like what is certain of the object, 0 to 1; 0 if unknown.

        In colours, size and shape: whether an object that was lost can be there at all.
        """
        ...

    def believable(self, track_id: int, mask: Mask, *, place: Mask) -> Mask:
        """What of a mask can be the object by its shape, all of it if nothing speaks against it.

        Of parts that are alike, the one at its place is taken. Unknown ids: the mask as it is.
        """
        ...

    def cede(self, track_id: int, mask: Mask) -> None:
        """Take these pixels from where the object is: they turned out to be another's.

        Unknown ids are ignored.
        """
        ...

    def forget(self, track_id: int) -> None:
        """Drop an object. Unknown ids are ignored."""
        ...

    def save(self, track_ids: Collection[int] | None = None) -> bytes:
        """State from which restore goes on with the same masks, byte for byte.

        Of all objects, or of these alone; each must be known.
        """
        ...

    def restore(self, state: bytes) -> None:
        """Go on from what save returned.

        Raises:
            TrackingError: If the state is not this propagator's.
        """
        ...


class Proposer(Protocol):
    """Objects nobody prompted for."""

    def propose(self, frame: Frame, *, area: Mask | None = None) -> Sequence[Proposal]:
        """Proposals on this frame, best first; where an area is given, only what is there."""
        ...


class MotionProposer(Proposer, Protocol):
    """Objects that move by themselves: it must see the frame or two before one it is asked of."""

    def watch(self, frame: Frame) -> None:
        """Take notice of a frame that comes right before the next."""
        ...

    def reset(self) -> None:
        """Forget the frames seen: the next is not the one after them."""
        ...

    def save(self) -> bytes:
        """The frames seen, for restore."""
        ...

    def restore(self, state: bytes) -> None:
        """Go on from what save returned.

        Raises:
            TrackingError: If the state is not this proposer's.
        """
        ...


class Tracker(Protocol):
    """Frames and prompts in, results out; like an encoder it may hold frames back."""

    def start(self, info: VideoInfo) -> None:
        """Begin a video."""
        ...

    def step(self, frame: Frame, prompts: Sequence[Prompt]) -> Sequence[FrameResult]:
        """Results that became final, in frame order: none, one or several."""
        ...

    def finish(self) -> Sequence[FrameResult]:
        """The results still held back."""
        ...

    def save(self) -> bytes | None:
        """State from which restore goes on with the same results, byte for byte.

        Results that are held back are in it, but for their frames. None where it cannot be saved.
        """
        ...

    def restore(self, state: bytes, *, frames: Sequence[Frame] = ()) -> None:
        """Go on from what save returned, after start with the same info.

        Args:
            state: Of this tracker.
            frames: Those that were fed before, and whose results were held back; in order.

        Raises:
            TrackingError: If the state is not this tracker's, or not with these frames.
        """
        ...


class Sink(Protocol):
    """Receives every result once, in frame order."""

    def write(self, result: FrameResult) -> None:
        """Take one result.

        Raises:
            OutputError: If it cannot be written.
        """
        ...

    def close(self) -> None:
        """Complete the output under its final name. May be called again."""
        ...

    def abort(self) -> None:
        """Stop early: keep what is readable under a name that says it is partial."""
        ...
