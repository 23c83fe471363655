"""The tables of the review page: objects, events, prompts, timings, settings."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from track_anything.review.survey import Survey
from track_anything.review.swatch import swatch
from track_anything.review.words import MISSING, share, timecode

_SHOWN_ELSEWHERE = frozenset(
    {"prompts", "timings", "objects", "events", "event_counts", "events_left_out", "problems"}
)
_LONGEST_VALUE = 500


def objects_table(survey: Survey) -> str:
    """What sums up every object."""
    rows = []
    counts = {track_id: 0 for track_id in survey.tracks}
    for moment in survey.moments:
        counts[moment.track_id] = counts.get(moment.track_id, 0) + 1
    for track_id, one in survey.tracks.items():
        lost = f"{one.lost_count}, {one.lost_seconds:.2f} s" if one.lost_count else MISSING
        rows.append(
            (
                _Html(swatch(track_id) + escape(one.name)),
                track_id,
                f"{one.visible_count} of {len(survey.frames)}",
                share(one.mean_confidence, 3),
                share(one.minimum_confidence, 3),
                lost,
                counts[track_id],
            )
        )
    if not rows:
        return "<p>There are no objects.</p>"
    heads = ("Object", "Id", "Visible frames", "Mean confidence", "Lowest", "Lost", "Moments")
    return _table(heads, rows, numbers=range(1, len(heads)))


def events_table(survey: Survey) -> str:
    """The events in order, folded where there are many."""
    if not survey.events:
        return "<p>There are none.</p>"
    rows = [
        (
            timecode(when.time),
            when.frame,
            survey.name_of(event.track_id),
            event.kind.value,
            event.detail,
        )
        for when, event in survey.events
    ]
    total = sum(survey.event_counts.values())
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(survey.event_counts.items()))
    words = f"{total} in all: {kinds}."
    if total > len(rows):
        words += f" The first {len(rows)} are listed."
    table = _table(("Time", "Frame", "Object", "Event", "Detail"), rows, numbers=(1,))
    is_open = " open" if len(rows) <= 20 else ""
    return f"<details{is_open}><summary>{escape(words)}</summary>{table}</details>"


def prompts_table(manifest: Mapping[str, Any]) -> str:
    """What the user said of the objects, as the manifest keeps it."""
    rows: list[Sequence[object]] = []
    for one in _objects(manifest):
        name = str(one.get("name") or f"#{one.get('id')}")
        for said in one.get("prompts") or ():
            hints = {key: value for key, value in dict(said).items() if key != "at"}
            text = "; ".join(f"{key} {_plain(value)}" for key, value in hints.items())
            rows.append((name, one.get("id"), said.get("at"), text))
        for span in one.get("absent") or ():
            rows.append((name, one.get("id"), span[0], f"absent until {span[1]}"))
    if not rows:
        return "<p>The manifest says nothing of them.</p>"
    return _table(("Object", "Id", "At", "Prompt"), rows, numbers=(1,))


def timings_table(manifest: Mapping[str, Any]) -> str:
    """Where the time of the run went."""
    timings = manifest.get("timings")
    if not isinstance(timings, Mapping):
        return "<p>The manifest says nothing of them.</p>"
    rows: list[Sequence[object]] = []
    for name, stage in timings.items():
        if isinstance(stage, Mapping):
            seconds, count = float(stage.get("seconds", 0)), int(stage.get("count", 0))
            each = f"{1000 * seconds / count:.1f} ms" if count else MISSING
            rows.append((name, f"{seconds:.2f} s", count, each))
        else:
            rows.append((name, f"{float(stage):.2f} s", MISSING, MISSING))
    table = _table(("Stage", "Busy", "Count", "Each"), rows, numbers=(1, 2, 3))
    return f'{table}<p class="soft">Stages on several threads overlap.</p>'


def settings_table(manifest: Mapping[str, Any]) -> str:
    """Everything else that the manifest says."""
    rows = [
        (key, _plain(value))
        for name, part in manifest.items()
        if name not in _SHOWN_ELSEWHERE
        for key, value in _flat(name, part)
    ]
    if not rows:
        return "<p>There is no manifest.</p>"
    return _table(("Setting", "Value"), rows)


def _objects(manifest: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    prompts = manifest.get("prompts")
    found = prompts.get("objects") if isinstance(prompts, Mapping) else None
    return [one for one in found or () if isinstance(one, Mapping)]


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}", inner)
    else:
        yield name, value


def _plain(value: Any) -> str:
    if value is None:
        return MISSING
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        text = ", ".join(
            f"[{_plain(v)}]" if isinstance(v, list | tuple) else _plain(v) for v in value
        )
    else:
        text = str(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]} ..."


class _Html(str):
    """Text that is HTML already."""


def _table(
    heads: Sequence[str], rows: Sequence[Sequence[object]], *, numbers: Sequence[int] = ()
) -> str:
    """A table that scrolls by itself where it is too wide; cells are escaped."""

    def cell(tag: str, place: int, value: object) -> str:
        text = value if isinstance(value, _Html) else escape(str(value))
        scope = ' scope="col"' if tag == "th" else ""
        style = ' class="number"' if place in numbers else ""
        return f"<{tag}{scope}{style}>{text}</{tag}>"

    head = "".join(cell("th", place, name) for place, name in enumerate(heads))
    body = "".join(
        "<tr>" + "".join(cell("td", place, value) for place, value in enumerate(row)) + "</tr>"
        for row in rows
    )
    return (
        '<div class="scroll" tabindex="0"><table><thead><tr>'
        f"{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
