import itertools
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from track_anything.annotate import Annotator
from track_anything.config import STYLE_PARTS, StyleConfig
from track_anything.errors import OutputError
from track_anything.masks import mask_box
from track_anything.painting import track_color
from track_anything.structures import Frame, FrameResult, ObjectMask, State

SIZE = (240, 320)
GREY = 100


def plain(size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    return np.full((*size, 3), GREY, np.uint8)


def seen(
    track_id: int,
    box: tuple[int, int, int, int],
    *,
    state: State = State.CONFIRMED,
    label: str = "",
    confidence: float = 0.9,
    size: tuple[int, int] = SIZE,
) -> ObjectMask:
    mask = np.zeros(size, bool)
    mask[box[1] : box[3], box[0] : box[2]] = True
    return ObjectMask(track_id, mask, mask_box(mask), confidence, state, label=label)


def unseen(track_id: int, state: State) -> ObjectMask:
    return seen(track_id, (0, 0, 0, 0), state=state, label="ball")


def result(*objects: ObjectMask, index: int = 0, size: tuple[int, int] = SIZE) -> FrameResult:
    return FrameResult(Frame(index, Fraction(index, 25), plain(size)), objects)


def painter(*parts: str, opacity: float = 0.5) -> Annotator:
    return Annotator(StyleConfig(parts=parts, mask_opacity=opacity), SIZE)


def changed(image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return (image != GREY).any(axis=2)


ALL_PARTS = [
    parts
    for count in range(len(STYLE_PARTS) + 1)
    for parts in itertools.combinations(STYLE_PARTS, count)
]


@pytest.mark.parametrize("parts", ALL_PARTS, ids="+".join)
def test_any_parts_go_together_and_the_frame_is_never_written_to(parts: tuple[str, ...]) -> None:
    shown = result(seen(1, (20, 60, 80, 150)), seen(2, (60, 80, 140, 160)), unseen(3, State.LOST))
    shown.frame.image.setflags(write=False)
    annotator = painter(*parts)
    annotator.paint(shown)
    image = annotator.paint(shown)
    assert image.shape == (*SIZE, 3)
    assert image.dtype == np.uint8
    assert changed(image).any() == bool(parts)
    assert not np.shares_memory(image, shown.frame.image)


@pytest.mark.parametrize("parts", [(), STYLE_PARTS], ids=["nothing", "everything"])
def test_a_frame_without_objects_stays_as_it_is(parts: tuple[str, ...]) -> None:
    assert not changed(painter(*parts).paint(result())).any()


def test_a_mask_mixes_its_colour_with_exactly_its_own_pixels() -> None:
    each = seen(1, (20, 60, 80, 150))
    image = painter("mask", opacity=0.25).paint(result(each))
    assert np.array_equal(changed(image), each.mask)
    # Amber is (255, 196, 0): three quarters of 100 and a quarter of each.
    assert image[100, 50].tolist() == pytest.approx([138.75, 124, 75], abs=1)


def test_where_masks_overlap_only_the_later_one_is_seen() -> None:
    lower, upper = seen(1, (20, 60, 80, 150)), seen(2, (60, 100, 120, 190))
    mask_before = lower.mask.copy()
    both = painter("mask").paint(result(lower, upper))
    alone = painter("mask").paint(result(upper))
    assert np.array_equal(both[upper.mask], alone[upper.mask])
    assert np.array_equal(lower.mask, mask_before)


def test_a_contour_runs_along_the_edge_only() -> None:
    each = seen(1, (100, 60, 200, 180))
    drawn = changed(painter("contour").paint(result(each)))
    near_edge = np.zeros(SIZE, bool)
    near_edge[57:183, 97:203] = True
    near_edge[64:176, 104:196] = False
    assert drawn[60:180, 100].mean() > 0.9
    assert drawn[60, 100:200].mean() > 0.9
    assert not drawn[~near_edge].any()


def test_a_hole_has_a_contour_too() -> None:
    each = seen(1, (100, 60, 200, 180))
    each.mask[100:140, 130:170] = False
    drawn = changed(painter("contour").paint(result(each)))
    assert drawn[98:101, 140:160].any(axis=0).all()


def test_the_contour_of_a_weak_object_has_gaps() -> None:
    box = (100, 60, 200, 180)
    sure = changed(painter("contour").paint(result(seen(1, box))))
    weak = changed(painter("contour").paint(result(seen(1, box, state=State.WEAK))))
    assert sure[62:178, 99:102].any(axis=1).all()
    assert 0.3 < weak[62:178, 99:102].any(axis=1).mean() < 0.85


def test_a_box_is_drawn_on_the_pixels_just_inside_it() -> None:
    each = seen(2, (100, 60, 200, 180))
    image = Annotator(StyleConfig(parts=("box",), box_width=1), SIZE).paint(result(each))
    ys, xs = np.nonzero(changed(image))
    assert (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1) == (100, 60, 200, 180)
    assert image[60, 150].tolist() == list(track_color(2))


@pytest.mark.parametrize(
    "box",
    [(0, 0, 12, 9), (310, 0, 320, 20), (0, 230, 10, 240), (300, 225, 320, 240), (0, 0, 320, 240)],
)
def test_a_label_is_whole_wherever_its_object_is(box: tuple[int, int, int, int]) -> None:
    free = changed(painter("label").paint(result(seen(1, (150, 100, 170, 140), label="red 10"))))
    drawn = changed(painter("label").paint(result(seen(1, box, label="red 10"))))
    assert np.count_nonzero(drawn) == np.count_nonzero(free)


def test_labels_of_neighbours_do_not_cover_one_another() -> None:
    one, other = (
        seen(1, (100, 100, 130, 160), label="red 7"),
        seen(2, (105, 100, 135, 160), label="red 4"),
    )
    areas = [
        np.count_nonzero(changed(painter("label").paint(result(*objects))))
        for objects in ((one,), (other,), (one, other))
    ]
    assert areas[2] == areas[0] + areas[1]


def test_a_name_makes_a_longer_label_than_a_number_and_doubt_a_longer_one_still() -> None:
    box = (100, 100, 130, 160)
    widths = []
    for each in (
        seen(1, box),
        seen(1, box, label="red 7"),
        seen(1, box, label="red 7", state=State.WEAK, confidence=0.43),
    ):
        _, xs = np.nonzero(changed(painter("label").paint(result(each))))
        widths.append(int(np.ptp(xs)))
    assert widths == sorted(set(widths))


@pytest.mark.parametrize("state", [State.LOST, State.OCCLUDED, State.CONFIRMED])
def test_an_object_out_of_sight_is_named_in_the_corner(state: State) -> None:
    drawn = changed(painter(*STYLE_PARTS).paint(result(unseen(1, state))))
    ys, xs = np.nonzero(drawn)
    assert ys.max() < 30
    assert xs.max() < 130


def test_an_object_that_has_ended_is_not_named() -> None:
    assert not changed(painter(*STYLE_PARTS).paint(result(unseen(1, State.ENDED)))).any()


def test_a_trace_follows_the_centre_of_the_box() -> None:
    annotator = painter("trace")
    for index in range(5):
        left = 20 + 40 * index
        image = annotator.paint(result(seen(1, (left, 100, left + 20, 120)), index=index))
    drawn = changed(image)
    assert drawn[107:112, 32:188].any(axis=0).all()
    assert not drawn[:104].any()
    assert not drawn[116:].any()


def test_a_trace_begins_anew_after_an_object_was_out_of_sight() -> None:
    annotator = painter("trace")
    for index, left in enumerate((20, 30)):
        annotator.paint(result(seen(1, (left, 100, left + 20, 120)), index=index))
    annotator.paint(result(unseen(1, State.LOST), index=2))
    for index, left in enumerate((260, 280), 3):
        image = annotator.paint(result(seen(1, (left, 100, left + 20, 120)), index=index))
    drawn = changed(image)
    assert drawn[:, 266:].any()
    assert not drawn[:, :266].any()


def test_a_trace_forgets_what_is_older_than_it_is_long() -> None:
    annotator = Annotator(StyleConfig(parts=("trace",), trace_frames=3), SIZE)
    for index in range(6):
        left = 20 + 40 * index
        image = annotator.paint(result(seen(1, (left, 100, left + 20, 120)), index=index))
    assert not changed(image)[:, :145].any()


def test_a_frame_of_another_size_is_refused() -> None:
    with pytest.raises(OutputError, match=r"frame 3 is 64 x 48, expected 320 x 240"):
        painter("mask").paint(result(index=3, size=(48, 64)))
