"""Classes of a data set from the names of objects, numbered as they come."""

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

NO_NAME = "object"
"""Class of the objects that have no name."""

_OWN_NUMBER = re.compile(r"(.*\S)[ _#]+\d+")


class ClassNames:
    """The class of every object by its name, and the number of every class.

    Names are unique in a run and classes are not, so a number of its own at the end of a name
    ("cup 1", "cup 2") is not part of the class ("cup"). Patterns say otherwise.

    >>> classes = ClassNames({"red *": "player"})
    >>> [classes.name_of(name) for name in ("cup 2", "cup 11", "red 7", "R2D2", "")]
    ['cup', 'cup', 'player', 'R2D2', 'object']
    """

    def __init__(
        self, patterns: Mapping[str, str] | None = None, *, order: Sequence[str] = ()
    ) -> None:
        """Give the classes that are known their numbers.

        Args:
            patterns: Classes by names of objects, where `*` and `?` stand for anything; the first
                that fits is taken. {"*": "person"}: every object is a person.
            order: Classes with the first numbers.
        """
        self._patterns = dict(patterns or {})
        self._numbers = {name: number for number, name in enumerate(dict.fromkeys(order))}

    @property
    def names(self) -> Sequence[str]:
        """The classes that have a number, by number."""
        return list(self._numbers)

    def name_of(self, label: str) -> str:
        """The class of an object's name."""
        for pattern, name in self._patterns.items():
            if fnmatchcase(label, pattern):
                return name
        match = _OWN_NUMBER.fullmatch(label)
        return (match[1] if match else label) or NO_NAME

    def number_of(self, label: str) -> int:
        """The class of an object's name as a number, from 0 in the order of first asking."""
        return self._numbers.setdefault(self.name_of(label), len(self._numbers))
