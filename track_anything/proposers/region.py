"""What a proposer finds: masks as run lengths, made dense one at a time when they are asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, overload

import numpy as np

from track_anything.masks import mask_box
from track_anything.rle import Counts, compress_counts, counts_mask, mask_counts
from track_anything.structures import Floats, Mask, Proposal


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Region:
    """Something that may be an object: 300 on a 1080p frame are 3 MB, as dense masks 600.

    Attributes:
        counts: Run lengths of the mask, as in COCO.
        size: (height, width) of the frame.
        box: Tight around the mask.
        area: Pixels of the mask.
        score: What it is ranked by, higher is better.
        predicted_iou: The segmenter's own estimate; may leave [0, 1] a little.
        stability_score: How little the mask depends on the threshold, 0 to 1; None if not known.
        point: (2,) the click it came from; None if it came from none.
        crop: Standard form box of the part of the frame that was looked at.
        on_drive: As of a Proposal.
    """

    counts: Counts
    size: tuple[int, int]
    box: Floats
    area: int
    score: float
    predicted_iou: float
    stability_score: float | None = None
    point: Floats | None = None
    crop: Floats
    on_drive: bool = False

    @classmethod
    def of(
        cls,
        mask: Mask,
        *,
        predicted_iou: float,
        score: float | None = None,
        stability_score: float | None = None,
        point: Floats | None = None,
        crop: Floats | None = None,
    ) -> "Region":
        """The region of a mask of the whole frame; score defaults to predicted_iou."""
        height, width = mask.shape
        return cls(
            counts=mask_counts(mask),
            size=(height, width),
            box=mask_box(mask),
            area=int(np.count_nonzero(mask)),
            score=predicted_iou if score is None else score,
            predicted_iou=predicted_iou,
            stability_score=stability_score,
            point=point,
            crop=np.array([0, 0, width, height], np.float32) if crop is None else crop,
        )

    @property
    def mask(self) -> Mask:
        """The dense mask, made anew."""
        return counts_mask(self.counts, self.size)

    @property
    def rle(self) -> dict[str, Any]:
        """The mask as compressed run lengths of COCO."""
        return {"size": list(self.size), "counts": compress_counts(self.counts).decode("ascii")}

    def with_mask(self, mask: Mask) -> "Region":
        """The same with another mask."""
        counts, area = mask_counts(mask), int(np.count_nonzero(mask))
        return replace(self, counts=counts, box=mask_box(mask), area=area)

    def to_proposal(self) -> Proposal:
        """With the dense mask; score and predicted IoU are brought into [0, 1]."""
        score, predicted_iou = np.clip([self.score, self.predicted_iou], 0, 1).tolist()
        return Proposal(
            self.box, score, self.mask, predicted_iou=predicted_iou, on_drive=self.on_drive
        )

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON; the mask is compressed run lengths of COCO."""
        stability = self.stability_score
        return {
            "box": self.box.tolist(),
            "area": self.area,
            "score": round(self.score, 4),
            "predicted_iou": round(self.predicted_iou, 4),
            "stability_score": None if stability is None else round(stability, 4),
            "point": None if self.point is None else [round(float(x), 2) for x in self.point],
            "crop_box": self.crop.tolist(),
            "segmentation": self.rle,
        }


class RegionProposals(Sequence[Proposal]):
    """Regions as proposals whose dense masks are made when each is asked for."""

    def __init__(self, regions: Sequence[Region]) -> None:
        """Take regions, best first."""
        self.regions = regions

    def __len__(self) -> int:
        """How many there are."""
        return len(self.regions)

    @overload
    def __getitem__(self, index: int) -> Proposal: ...

    @overload
    def __getitem__(self, index: slice) -> "RegionProposals": ...

    def __getitem__(self, index: int | slice) -> "Proposal | RegionProposals":
        """One with its mask, or some of them without."""
        if isinstance(index, slice):
            return RegionProposals(self.regions[index])
        return self.regions[index].to_proposal()
