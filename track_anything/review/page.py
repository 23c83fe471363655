"""One self-contained HTML page of a survey: it asks the network for nothing and needs no script.

Everything that comes from outside (labels, paths, details) goes through `escape`; besides, the
page's own policy lets the browser run and style only what is written here, by its hash.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files

from track_anything._version import __version__
from track_anything.review.moments import Moment
from track_anything.review.page_moments import moment_cards
from track_anything.review.page_tables import (
    events_table,
    objects_table,
    prompts_table,
    settings_table,
    timings_table,
)
from track_anything.review.plots import Plotter
from track_anything.review.series import Series
from track_anything.review.survey import Survey
from track_anything.review.swatch import swatch
from track_anything.review.thumbnails import Triple
from track_anything.review.words import counted, share, timecode


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a page is made of.

    Attributes:
        title: Names the run.
        survey: What was found in it.
        thumbnails: Pictures of the first moments, as many as the page shows.
        manifest: Of the run.
        notes: What a reader has to know, one line each.
        fail_under: The limit asked for; None without.
        table_name: The file beside it with all moments.
    """

    title: str
    survey: Survey
    thumbnails: Sequence[Triple]
    manifest: "dict[str, object]"
    notes: Sequence[str] = ()
    fail_under: float | None = None
    table_name: str = ""

    @property
    def shown(self) -> list[tuple[int, Moment, Triple]]:
        """Rank, moment and pictures of what the page shows."""
        pairs = zip(self.survey.moments, self.thumbnails, strict=False)
        return [(rank, moment, three) for rank, (moment, three) in enumerate(pairs, start=1)]


def render_page(content: Content) -> str:
    """The page as HTML text."""
    style, script = (_resource(name) for name in ("page.css", "page.js"))
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; "
        f"script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'"
    )
    title = escape(f"Review of {content.title}")
    body = "\n".join(
        (
            _head(content, title),
            _objects(content),
            _plots(content),
            _section("Doubtful moments", "moments", _moments(content)),
            _section("Events", "events", events_table(content.survey)),
            _section("Prompts", "prompts", prompts_table(content.manifest)),
            _section("Timings", "timings", timings_table(content.manifest)),
            _section("Settings", "settings", settings_table(content.manifest), is_folded=True),
            _section("How moments are ranked", "ranking", _RANKING, is_folded=True),
        )
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="generator" content="track-anything {escape(__version__)}">\n'
        f"<title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        f"{body}\n<script>{script}</script>\n</body>\n</html>\n"
    )


def verdict(survey: Survey, fail_under: float | None = None) -> str:
    """One line about the object with the lowest mean confidence, and whether that is enough."""
    worst = survey.worst_track
    if worst is None:
        return "There are no objects in this run."
    mean = worst.mean_confidence
    said = (
        f"The lowest mean confidence is that of {worst.name}: {share(mean or 0.0, 3)} over "
        f"{counted(worst.visible_count, 'frame')} on which it is visible"
    )
    if fail_under is None:
        return f"{said}."
    return f"{said}, {'under' if (mean or 0.0) < fail_under else 'not under'} {fail_under:g}."


def _head(content: Content, title: str) -> str:
    survey = content.survey
    is_failed = fails(survey, content.fail_under)
    span = ""
    if len(survey.seconds):
        span = f", {timecode(survey.seconds[0])} to {timecode(survey.seconds[-1])}"
    facts = ", ".join(
        (
            counted(len(survey.frames), "frame") + span,
            counted(len(survey.tracks), "object"),
            counted(len(survey.moments), "doubtful moment"),
        )
    )
    mark = "failed" if is_failed else ""
    lines = [
        '<a class="skip" href="#moments">Go to the doubtful moments</a>',
        f"<header><h1>{title}</h1>",
        f'<p class="soft">{escape(facts)}.</p>',
        f'<p class="verdict note {mark}">{escape(verdict(survey, content.fail_under))}</p>',
        *(f'<p class="note">{escape(note)}</p>' for note in content.notes),
        "</header>",
    ]
    return "\n".join(lines)


def fails(survey: Survey, fail_under: float | None) -> bool:
    """Whether the lowest of the objects' mean confidences is under a limit, if there is one."""
    worst = survey.worst_track
    if fail_under is None or worst is None:
        return False
    return (worst.mean_confidence or 0.0) < fail_under


def _objects(content: Content) -> str:
    return _section("Objects", "objects", objects_table(content.survey))


def _plots(content: Content) -> str:
    survey = content.survey
    plotter = Plotter(survey)
    if not survey.tracks:
        return ""
    shown = [(rank, moment) for rank, moment, _ in content.shown]
    cards = [
        _plot_card(
            series,
            plotter.draw(track_id, [pair for pair in shown if pair[1].track_id == track_id]),
            survey,
        )
        for track_id, series in survey.tracks.items()
    ]
    return (
        f'<section id="course" aria-labelledby="h-course" {plotter.axis()}>'
        '<h2 id="h-course">Confidence over time</h2>'
        f"{_LEGEND}{''.join(cards)}</section>"
    )


def _moments(content: Content) -> str:
    return moment_cards(content.survey, content.shown, content.table_name)


def _plot_card(series: Series, plot: str, survey: Survey) -> str:
    start, end = timecode(survey.seconds[0]), timecode(survey.seconds[-1])
    return (
        f'<div class="card"><div class="heading"><h3>{_title(series)}</h3>'
        f'<span class="soft">mean {share(series.mean_confidence)}, '
        f"lowest {share(series.minimum_confidence)}</span></div>"
        '<div class="plot"><div class="scale" aria-hidden="true"><span class="top">1</span>'
        '<span class="middle">0.5</span><span class="bottom">0</span></div>'
        f'{plot}<div class="ends"><span>{start}</span><span>{end}</span></div></div>'
        '<div class="readout number" aria-live="polite"></div></div>'
    )


def _section(heading: str, name: str, inside: str, *, is_folded: bool = False) -> str:
    if is_folded:
        inside = f"<details><summary>Show</summary>{inside}</details>"
    return (
        f'<section id="{name}" aria-labelledby="h-{name}"><h2 id="h-{name}">{heading}</h2>'
        f"{inside}</section>"
    )


def _title(series: Series) -> str:
    number = f' <span class="soft">#{series.track_id}</span>' if series.label else ""
    return f"{swatch(series.track_id)}{escape(series.name)}{number}"


def _resource(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


_LEGEND = (
    '<ul class="legend">'
    + "".join(
        f'<li><span class="key {name}"></span>{words}</li>'
        for name, words in (
            ("confirmed", "confirmed"),
            ("weak", "weak"),
            ("lost", "lost"),
            ("occluded", "occluded or absent"),
            ("tentative", "tentative"),
            ("ended", "ended"),
            ("moment", "doubtful moment: follow it"),
            ("tick prompted", "prompt (row 1)"),
            ("tick reprompted", "re-prompt accepted (row 2)"),
            ("tick rejected", "re-prompt rejected (row 3)"),
            ("tick changed", "lost, found, cut and the like (row 4)"),
        )
    )
    + '</ul><p class="soft">Point at a plot, or go to it with Tab and use the arrow keys, to read '
    "time and value. The dashed line is where a visible object is doubted.</p>"
)

_RANKING = (
    "<p>Every frame is judged object by object. Frames of one cause with no more than half a "
    "second between them are one stretch, scored by the weight of its cause times its severity: "
    "three quarters by its worst frame, a quarter by its length, full at one second. Stretches of "
    "one object whose worst frames lie within half a second are one moment; its score is 1 less "
    "the product of (1 less score) over its reasons. Confidence is the tracker's estimate of the "
    "overlap (IoU) of its mask with the truth; a mean is taken over the frames on which the object "
    "is visible.</p>"
)
