"""track-anything info: what there is to know of a video."""

from collections.abc import Mapping
from typing import Any

import click

from .formats import json_text
from .talk import Talk, verbose_option, warn_on_stderr


@click.command("info", short_help="Tell what a video is like.")
@click.argument("video")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option(
    "--count",
    "count_frames",
    is_flag=True,
    help="Decode every frame: exact count, time steps and damage. Takes a while.",
)
@verbose_option
@click.pass_obj
def command(talk: Talk, video: str, as_json: bool, count_frames: bool) -> None:
    """Tell what a VIDEO (or folder of pictures, or - for standard input) is like.

    \b
        track-anything info clip.mp4
        track-anything info clip.mp4 --count --json
    """
    from track_anything.io.describe import describe

    with talk.log_lines(warn_on_stderr):
        facts = describe(video, count_frames=count_frames)
    click.echo(json_text(facts) if as_json else "\n".join(_lines(facts)))


def _lines(facts: Mapping[str, Any]) -> list[str]:
    duration = facts["duration"]
    rows = {
        "size": f"{facts['width']}x{facts['height']}"
        + (f", turned by {facts['rotation']} degrees" if facts["rotation"] else ""),
        "frame rate": f"{facts['frames_per_second']:g} frames/s",
        "length": "unknown" if duration is None else f"{duration:.3f} s",
        "frames": _frames(facts),
        "codec": " ".join(filter(None, (facts["codec"], facts["pixel_format"]))) or "pictures",
        "container": facts["container"],
        "sound": ", ".join(_sound(one) for one in facts.get("audio", ())) or "none",
    }
    if facts["start_time"]:
        rows["starts at"] = f"{facts['start_time']:.3f} s"
    lines = [str(facts["path"]), *(f"  {name:<11}{value}" for name, value in rows.items())]
    return [*lines, *(f"  note       {text}" for text in facts["warnings"])]


def _frames(facts: Mapping[str, Any]) -> str:
    counted = facts.get("frames")
    if counted is not None:
        kind = "constant" if counted["is_constant_rate"] else "variable"
        return f"{counted['count']}, counted; {kind} frame rate"
    claimed = facts["claimed_frame_count"]
    return "unknown; --count counts them" if claimed is None else f"about {claimed}"


def _sound(one: Mapping[str, Any]) -> str:
    plural = "s" * (one["channels"] != 1)
    return f"{one['codec']} {one['sample_rate']} Hz, {one['channels']} channel{plural}"
