"""Where the training photographs come from and under which licences, as a page.

    python -m training.attribution --data DATA -o docs/compact-training-photos.md

Written from the manifest alone: what it does not say is said to be missing, not filled in.
"""

import argparse
import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from track_anything.files import write_whole

Row = Mapping[str, Any]

# The names under which COCO lists the licences of its photographs.
LICENCES = {
    "Attribution License": ("CC BY 2.0", "https://creativecommons.org/licenses/by/2.0/"),
    "Attribution-ShareAlike License": (
        "CC BY-SA 2.0",
        "https://creativecommons.org/licenses/by-sa/2.0/",
    ),
    "No known copyright restrictions": (
        "No known copyright restrictions",
        "https://www.flickr.com/commons/usage/",
    ),
    "United States Government Work": (
        "United States Government Work",
        "https://www.usa.gov/government-works",
    ),
}
_FLICKR = re.compile(r"staticflickr\.com/\d+/(\d+)_")


def read_manifest(data: Path) -> list[Row]:
    """The rows of a data folder's manifest.jsonl."""
    lines = (data / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def page(rows: Sequence[Row]) -> str:
    """The page in Markdown.

    Raises:
        ValueError: If a licence is none that the training may use.
    """
    return "\n".join(_lines(rows)) + "\n"


def _lines(rows: Sequence[Row]) -> Iterator[str]:
    yield "# Photographs the compact network was trained on"
    yield ""
    yield "Written by `python -m training.attribution` from the manifest of the training data. No"
    yield "photograph is in this repository; masks drawn on them are COCO's, CC BY 4.0"
    yield "(https://cocodataset.org/#termsofuse)."
    yield ""
    yield "| set | pictures |"
    yield "|---|---|"
    for name, count in sorted(Counter(str(row["set"]) for row in rows).items()):
        yield f"| {name} | {count} |"
    listed = [row for row in rows if row.get("source")]
    by_licence: dict[str | None, list[Row]] = {}
    for row in listed:
        by_licence.setdefault(row.get("licence"), []).append(row)
    for licence in sorted(by_licence, key=lambda name: (name is None, name or "")):
        yield ""
        yield from _section(licence, by_licence[licence])
    if len(listed) < len(rows):
        yield ""
        yield f"Not listed one by one: {len(rows) - len(listed)} pictures with one licence for"
        yield "their whole set, see [the model card](compact-model-card.md)."


def _section(licence: str | None, rows: Sequence[Row]) -> Iterator[str]:
    if licence is None:
        yield f"## The manifest names no licence ({len(rows)})"
    elif licence in LICENCES:
        name, address = LICENCES[licence]
        yield f"## {name} ({len(rows)})"
        yield ""
        yield f"Licence: {address}"
    else:
        raise ValueError(f"{licence!r} is none of {', '.join(LICENCES)}")
    yield ""
    yield "| picture | photograph and author | file |"
    yield "|---|---|---|"
    for row in sorted(rows, key=lambda row: str(row["image"])):
        source = str(row["source"])
        found = _FLICKR.search(source)
        # This address leads to the photograph's own page, which names its author.
        of_author = f"https://www.flickr.com/photo.gne?id={found[1]}" if found else "not known"
        yield f"| {Path(str(row['image'])).stem} | {of_author} | {source} |"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=os.environ.get("TRAIN_DATA"))
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    if given.data is None:
        parser.error("no data: set TRAIN_DATA or give --data FOLDER with a manifest.jsonl")
    write_whole(given.output, page(read_manifest(Path(given.data))).encode())


if __name__ == "__main__":
    main()
