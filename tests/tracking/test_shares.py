import pytest

from track_anything.tracking.shares import MOST_PROCESSES, Shares, process_count


@pytest.mark.parametrize(
    ("objects", "cores", "processes"),
    [(0, 4, 1), (1, 4, 1), (3, 4, 1), (4, 4, 2), (6, 4, 3), (10, 4, 4), (10, 2, 2), (10, 1, 1)],
)
def test_processes_are_for_pairs_of_objects_and_no_more_than_cores(
    objects: int, cores: int, processes: int
) -> None:
    assert process_count(0, objects, cores) == processes


def test_a_machine_of_many_cores_gets_a_bounded_number_of_processes() -> None:
    assert process_count(0, 100, 64) == MOST_PROCESSES


@pytest.mark.parametrize(
    ("asked", "objects", "processes"), [(1, 10, 1), (4, 10, 4), (4, 3, 3), (4, 0, 1), (4, 1, 1)]
)
def test_as_many_as_asked_for_but_none_without_an_object(
    asked: int, objects: int, processes: int
) -> None:
    assert process_count(asked, objects, 2) == processes


def shares(groups: dict[int, int], costs: dict[int, float]) -> Shares:
    found = Shares()
    for track_id, group in groups.items():
        found.put(track_id, group)
    found.measure(costs)
    return found


def test_a_new_object_goes_to_the_group_that_has_least_to_do() -> None:
    found = shares({1: 0, 2: 1, 3: 1}, {1: 3.0, 2: 1.0, 3: 1.0})
    assert found.idlest(2) == 1
    assert found.idlest(3) == 2


def test_objects_are_moved_so_that_all_groups_have_as_much_to_do() -> None:
    """4 against 3 + 2 + 1 is 4 against 6: one that costs 1 moves, and it is 5 against 5."""
    found = shares({1: 0, 2: 1, 3: 1, 4: 1}, {1: 4.0, 2: 3.0, 3: 2.0, 4: 1.0})
    assert found.moves(2, worth=0.92) == {4: 0}
    assert found.members(1) == [2, 3, 4]


def test_nothing_is_moved_for_a_small_gain() -> None:
    """5 against 4 is as good as it gets with one object each; 5.2 against 5 as well."""
    assert shares({1: 0, 2: 1}, {1: 5.0, 2: 4.0}).moves(2, worth=0.92) == {}
    nearly = shares({1: 0, 2: 0, 3: 1}, {1: 5.0, 2: 0.2, 3: 5.0})
    assert nearly.moves(2, worth=0.92) == {}


def test_objects_are_shared_out_to_groups_that_have_none() -> None:
    found = shares(dict.fromkeys(range(1, 7), 0), {})
    moves = found.moves(3, worth=1.0)
    for track_id, group in moves.items():
        found.put(track_id, group)
    assert [len(found.members(group)) for group in range(3)] == [2, 2, 2]


def test_the_process_that_waits_for_the_others_gets_fewer_objects() -> None:
    """Ten that cost 1: three groups of 3 take no longer than two of 3 beside two of 2.

    While they learn, the first has one to learn, not two.
    """
    found = shares(dict.fromkeys(range(10), 0), dict.fromkeys(range(10), 1.0))
    for _ in range(50):
        found.measure_besides(30.0)
    for track_id, group in found.moves(4, worth=1.0).items():
        found.put(track_id, group)
    assert [len(found.members(group)) for group in range(4)] == [1, 3, 3, 3]
    assert found.idlest(4) == 0


def test_groups_that_have_no_time_to_learn_meanwhile_count_in_full() -> None:
    """Two and three of five: 2.25 and .75 after it, or the other way round 2.25 and .75 as well.

    With time to learn meanwhile it is .5 after it, of the first group's two.
    """
    found = shares({1: 0, 2: 0, 3: 0, 4: 1, 5: 1}, dict.fromkeys(range(1, 6), 1.0))
    assert found.moves(2, worth=0.99) == {}
    for _ in range(50):
        found.measure_besides(1.0)
    for track_id, group in found.moves(2, worth=0.99).items():
        found.put(track_id, group)
    assert [len(found.members(group)) for group in (0, 1)] == [2, 3]


def test_what_an_object_costs_is_the_mean_of_its_last_frames() -> None:
    """One slow frame in ten does not make a slow object: 1, and 0.2 of the way to 6, is 2."""
    found = shares({1: 0, 2: 1}, {1: 1.0, 2: 2.5})
    found.measure({1: 6.0})
    assert found.idlest(2) == 0
    for _ in range(3):
        found.measure({1: 6.0})
    assert found.idlest(2) == 1


def test_an_object_that_is_gone_costs_nothing() -> None:
    found = shares({1: 0, 2: 1}, {1: 9.0, 2: 1.0})
    found.remove(1)
    found.remove(7)
    assert (len(found), found.group_of(1), found.idlest(2)) == (1, None, 0)
    found.clear()
    assert len(found) == 0
