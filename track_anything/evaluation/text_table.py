"""Tables as text."""

from collections.abc import Sequence


def aligned_lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """One line a row, the first column to the left, the others to the right.

    >>> aligned_lines([["a", "bb"], ["ccc", "d"]])
    ['a    bb', 'ccc   d']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [_line(row, widths) for row in rows]


def ruled_table(rows: Sequence[Sequence[str]]) -> str:
    """Lines of text, with a rule below the first."""
    head, *body = aligned_lines(rows)
    return "\n".join([head, "-" * max(map(len, [head, *body])), *body])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = cells
    aligned = (cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))
    return "  ".join([first.ljust(widths[0]), *aligned]).rstrip()
