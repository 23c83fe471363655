"""The colour of an object on the review page."""

from track_anything.painting import track_color


def swatch(track_id: int) -> str:
    """A spot in the colour of an object; nothing for the whole picture."""
    if not track_id:
        return ""
    color = "#{:02x}{:02x}{:02x}".format(*track_color(track_id))
    return (
        f'<svg class="swatch" viewBox="0 0 8 8" aria-hidden="true">'
        f'<circle cx="4" cy="4" r="4" fill="{color}"/></svg>'
    )
