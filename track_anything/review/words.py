"""Times and numbers as people read them."""

from fractions import Fraction

MISSING = "\N{EN DASH}"


def timecode(time: Fraction | float) -> str:
    """H:MM:SS.mmm, to the nearest millisecond.

    >>> timecode(Fraction(29, 24)), timecode(3725.5)
    ('0:00:01.208', '1:02:05.500')
    """
    milliseconds = round(Fraction(time) * 1000)
    sign, rest = "-" * (milliseconds < 0), abs(milliseconds)
    seconds, rest = divmod(rest, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours}:{minutes:02d}:{seconds:02d}.{rest:03d}"


def share(value: float | None, digits: int = 2) -> str:
    """A number from 0 to 1, or a dash for none."""
    return MISSING if value is None else f"{value:.{digits}f}"


def counted(count: int, noun: str) -> str:
    """A count with its noun.

    >>> counted(1, "frame"), counted(1200, "frame")
    ('1 frame', '1200 frames')
    """
    return f"{count} {noun}{'s' * (count != 1)}"
