from track_anything.tracking.features import Rect
from track_anything.tracking.hearing import Reach, heard_rivals, needs

SIZE = (60, 80)


def reach(rect: Rect | None, *, first: int = 0, is_placed: bool = True) -> Reach:
    return Reach(first, rect, SIZE, is_placed)


def test_objects_that_look_at_one_part_of_the_frame_meet_whatever_their_grids() -> None:
    """The left half of a grid, and columns 39 and 40 of 80 on one half as fine."""
    left = reach(Rect(0, 0, 40, 60))
    assert left.meets(Reach(0, Rect(19, 0, 30, 30), (30, 40), True))
    assert not left.meets(Reach(0, Rect(20, 0, 30, 30), (30, 40), True))
    assert not left.meets(reach(Rect(40, 0, 80, 60)))
    assert left.meets(reach(Rect(39, 59, 80, 60)))
    assert not reach(None).meets(left)


def test_an_object_hears_objects_no_younger_that_are_placed_where_it_looks() -> None:
    reaches = {
        5: reach(Rect(0, 0, 20, 20), first=0),
        2: reach(Rect(10, 0, 30, 20), first=0),
        7: reach(Rect(15, 5, 40, 25), first=3),
        8: reach(Rect(0, 0, 80, 60), first=3, is_placed=False),
        9: reach(None, first=0, is_placed=False),
    }
    assert heard_rivals(reaches) == {5: [2], 2: [5], 7: [2, 5], 8: [2, 5, 7], 9: []}


def test_groups_tell_one_another_what_is_heard_and_no_more() -> None:
    """1 and 2 are near one another, 3 is far; 4 is lost, and looked for where 3 is."""
    reaches = {
        1: reach(Rect(0, 0, 20, 20)),
        2: reach(Rect(10, 0, 30, 20)),
        3: reach(Rect(60, 40, 80, 60)),
        4: reach(Rect(50, 30, 80, 60), is_placed=False),
    }
    first, second = needs(reaches, [[1, 3], [2, 4]])
    assert first.heard == {1: [2], 3: []}
    assert second.heard == {2: [1], 4: [3]}
    assert (first.placed_others, first.others) == ([2], [2])
    assert (first.told_masks, first.told) == ([1], [1, 3])
    # The lost one does not ask where 3 was expected, only what is there.
    assert (second.placed_others, second.others) == ([1], [1, 3])
    assert (second.told_masks, second.told) == ([2], [2])
    (alone,) = needs(reaches, [[1, 2, 3, 4]])
    assert (alone.others, alone.told, alone.told_masks) == ([], [], [])
