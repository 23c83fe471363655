"""Classes of a data set from the names of objects."""

import pytest

from track_anything.io.class_names import ClassNames


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("", "object"),
        ("dog", "dog"),
        ("cup 2", "cup"),
        ("cup_12", "cup"),
        ("player #3", "player"),
        ("polar bear 1", "polar bear"),
        ("R2D2", "R2D2"),
        ("7", "7"),
    ],
)
def test_a_number_at_the_end_of_a_name_is_not_part_of_the_class(label: str, name: str) -> None:
    assert ClassNames().name_of(label) == name


def test_the_first_pattern_that_fits_is_the_class() -> None:
    classes = ClassNames({"red 1": "keeper", "red *": "player", "": "thing"})
    assert [classes.name_of(name) for name in ("red 1", "red 7", "blue 7", "")] == [
        "keeper",
        "player",
        "blue",
        "thing",
    ]


def test_numbers_count_in_the_order_of_first_asking() -> None:
    classes = ClassNames()
    assert [classes.number_of(name) for name in ("dog", "cup 1", "dog 2", "cup 3")] == [0, 1, 0, 1]
    assert classes.names == ["dog", "cup"]
