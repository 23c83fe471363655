"""The doubtful moments of the review page: facts, reasons and pictures of each."""

import base64
from collections.abc import Iterable, Sequence
from html import escape
from itertools import zip_longest

from track_anything.review.moments import Moment
from track_anything.review.survey import Survey
from track_anything.review.swatch import swatch
from track_anything.review.thumbnails import Thumbnail, Triple
from track_anything.review.words import counted, timecode

_SLOTS = ("before", "at", "after")


def moment_cards(
    survey: Survey, shown: Sequence[tuple[int, Moment, Triple]], table_name: str
) -> str:
    """A card for every moment shown, and what chooses among them.

    Args:
        survey: All that was found.
        shown: Rank, moment and pictures.
        table_name: The file with all moments.
    """
    cards = [_card(survey, rank, moment, three) for rank, moment, three in shown]
    rest = len(survey.moments) - len(cards)
    said = f'<p class="soft">{counted(rest, "more moment")} in {escape(table_name)}.</p>'
    options = "".join(
        f'<option value="{track_id}">{escape(series.name)}</option>'
        for track_id, series in survey.tracks.items()
    )
    controls = (
        '<p class="controls" hidden><label>Object <select><option value="">all</option>'
        f'{options}</select></label> <span class="soft">Keys j and k go from one to the next.'
        "</span></p>"
    )
    nothing = "<p>Nothing is in doubt.</p>"
    return (controls + "".join(cards) + said * (rest > 0)) if cards else nothing


def _card(survey: Survey, rank: int, moment: Moment, three: Triple) -> str:
    main, name = moment.main, survey.name_of(moment.track_id)
    names = " and ".join([name, *(survey.name_of(other) for other in moment.other_ids)])
    span = ""
    if main.first != main.last:
        span = (
            f"from {timecode(main.first.time)} to {timecode(main.last.time)}, "
            f"frames {main.first.frame} to {main.last.frame}"
        )
    confidence = survey.confidence_at(moment.track_id, main.peak.frame)
    facts = [f"score {moment.score:.2f}", span]
    if confidence is not None:
        facts.insert(1, f"confidence {confidence:.2f}")
    causes = "".join(f"<li>{escape(cause)}</li>" for cause in _unique(moment))
    others = moment.reasons[1:]
    reasons = "".join(f"<li>{escape(_sentence(reason.text))}</li>" for reason in others)
    more = (
        f'<details class="more"><summary>{counted(len(others), "more reason")}</summary>'
        f'<ul class="reasons">{reasons}</ul></details>'
    )
    figures = "".join(
        _figure(slot, thumbnail, name) for slot, thumbnail in zip_longest(_SLOTS, three)
    )
    return (
        f'<article class="card moment-card" id="moment-{rank}" tabindex="-1" '
        f'data-track="{moment.track_id}" aria-labelledby="h-{rank}">'
        f'<div class="heading"><h3 id="h-{rank}"><span class="rank">{rank}</span> '
        f"{swatch(moment.track_id)}{escape(names)}</h3>"
        f'<span class="number">{timecode(main.peak.time)} &middot; frame {main.peak.frame}</span>'
        f'<span class="soft">{escape(", ".join(filter(None, facts)))}</span></div>'
        f'<p class="main">{escape(_sentence(main.text))}</p><ul class="causes">{causes}</ul>'
        f"{more if others else ''}"
        f'<div class="pictures">{figures}</div></article>'
    )


def _figure(slot: str, thumbnail: Thumbnail, name: str) -> str:
    height, width = thumbnail.size
    data = base64.b64encode(thumbnail.data).decode()
    when = f"{timecode(thumbnail.when.time)} · frame {thumbnail.when.frame}"
    seen = f"mask of {thumbnail.area} pixels" if thumbnail.area else "not visible"
    words = f"{name} {slot} the moment, {when.replace(' · ', ', ')}: {seen}"
    if not thumbnail.has_picture:
        words += "; the mask alone, without the picture"
    return (
        f'<figure class="{slot}"><img src="data:image/webp;base64,{data}" width="{width}" '
        f'height="{height}" alt="{escape(words)}" loading="lazy">'
        f'<figcaption><strong>{slot}</strong> <span class="number">{escape(when)}</span>'
        f"<br>{escape(seen)}</figcaption></figure>"
    )


def _unique(moment: Moment) -> Iterable[str]:
    return dict.fromkeys(reason.cause.value for reason in moment.reasons)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."
