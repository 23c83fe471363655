"""The propagator: optical flow says where an object probably is, its appearance model decides."""

from collections.abc import Collection, Mapping

import numpy as np

from track_anything.config import PropagatorConfig
from track_anything.errors import TrackingError
from track_anything.structures import Frame, Mask, Propagation, VideoInfo
from track_anything.tracking.crew import Crew
from track_anything.tracking.optical_flow import FlowEstimator
from track_anything.tracking.snapshot import pack_objects, unpack_objects


class FlowAppearancePropagator:
    """Carries every object with its own appearance model on shared flow and features.

    An object's masks do not depend on which younger objects are tracked, nor on the number of
    processes that share the work: to the bit.
    """

    def __init__(self, *, config: PropagatorConfig | None = None, seed: int = 0) -> None:
        """Make a propagator; `seed` fixes every random choice."""
        self._config = config or PropagatorConfig()
        self._flow = FlowEstimator()
        self._crew = Crew(self._config, seed)
        self._size = (0, 0)

    def start(self, info: VideoInfo) -> None:
        """Forget everything and get ready for frames of this size."""
        self._flow.reset()
        self._crew.clear()
        self._size = info.size

    def forget(self, track_id: int) -> None:
        """Drop an object."""
        self._crew.forget(track_id)

    def learn(self, frame: Frame, track_id: int, mask: Mask) -> None:
        """Take a mask as certain; an empty one says that the object is not visible.

        Raises:
            TrackingError: If the frame is not of the size given to start, or the mask not of the
                frame's.
        """
        self._check(frame)
        if mask.shape != self._size:
            raise TrackingError(
                f"the mask of object {track_id} has shape {mask.shape}, expected {self._size}"
            )
        if self._flow.previous is None:
            self._flow.next(frame.image)
        self._crew.learn(frame, track_id, mask)

    def expect(self, frame: Frame) -> None:
        """Show a frame to the other processes already: they get ready.

        Raises:
            TrackingError: If the frame is not of the size given to start.
        """
        self._check(frame)
        self._crew.show(frame)

    def propagate(self, frame: Frame) -> Mapping[int, Propagation]:
        """Every object on this frame, by ascending track_id.

        Raises:
            TrackingError: If the frame is not of the size given to start.
        """
        self._check(frame)
        return self._crew.carry(frame, self._flow.next)

    def support(self, frame: Frame, track_id: int, mask: Mask) -> float:
        """How well a mask fits what the object has looked like, in [-1, 1]; 0 for unknown ids."""
        self._check(frame)
        return float(self._crew.about(track_id, "support", mask, frame=frame, unknown=0.0))

    def resemblance(self, frame: Frame, track_id: int, mask: Mask) -> float:
        """How much a mask is like the object in colours, size and shape, 0 to 1; 0 if unknown."""
        self._check(frame)
        return float(self._crew.about(track_id, "resemblance", mask, frame=frame, unknown=0.0))

    def believable(self, track_id: int, mask: Mask, *, place: Mask) -> Mask:
        """What of a mask can be the object; all of it for unknown ids."""
        found = self._crew.about(track_id, "believable", mask, place, unknown=mask)
        return np.asarray(found, bool)

    def cede(self, track_id: int, mask: Mask) -> None:
        """Take from an object's carried mask what turned out to be another's."""
        self._crew.about(track_id, "cede", mask, unknown=None)

    def save(self, track_ids: Collection[int] | None = None) -> bytes:
        """State from which restore goes on with the same masks; of these objects alone, or of all.

        Raises:
            TrackingError: If one of them is not known.
        """
        return pack_objects(self._crew.parts(track_ids), self._flow.previous, self._size)

    def restore(self, state: bytes) -> None:
        """Go on from what save returned, on a propagator of the same settings.

        Raises:
            TrackingError: If the state is not this propagator's.
        """
        objects, previous, size = unpack_objects(state, self._config)
        self._crew.restore(objects)
        self._flow.previous, self._size = previous, size

    @property
    def process_ids(self) -> list[int]:
        """Of the processes that carry objects besides this one, at the moment."""
        return self._crew.process_ids

    def _check(self, frame: Frame) -> None:
        if not any(self._size):
            raise TrackingError("start(info) comes before the first frame")
        if frame.image.shape[:2] != self._size:
            height, width = frame.image.shape[:2]
            raise TrackingError(
                f"frame {frame.index} is {width}x{height}, "
                f"expected {self._size[1]}x{self._size[0]} as the video began"
            )
