"""The page and the table of a run."""

import base64
import csv
import hashlib
import io
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from track_anything.errors import ConfigError, DatasetError, OutputError, VideoError
from track_anything.review import review_run
from track_anything.structures import Event, EventKind, FrameResult, ObjectMask, State

Seen = Callable[..., ObjectMask]
Film = Callable[..., list[FrameResult]]
Keep = Callable[..., Path]

SQUARE = (10, 40, 30, 60)
NASTY = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&"


class Page(HTMLParser):
    """Tags with their attributes, and the text outside of style and script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self._raw = ""
        self.raw: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._raw = tag if tag in ("style", "script") else ""

    def handle_endtag(self, tag: str) -> None:
        self._raw = ""

    def handle_data(self, data: str) -> None:
        if self._raw:
            self.raw[self._raw] = data
        else:
            self.words += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def run(seen: Seen, film: Film, keep: Keep) -> Path:
    """Ten frames: a dog that is lost on frames 4 and 5, and a sure one beside it."""
    gone = seen(1, None, confidence=0.0, state=State.LOST, label="dog")
    frames = [
        [
            gone if n in (4, 5) else seen(1, SQUARE, confidence=0.5, label="dog"),
            seen(2, (60, 40, 80, 60), confidence=0.95, label="cat"),
        ]
        for n in range(10)
    ]
    return keep(film(frames, {4: [Event(EventKind.LOST, 1, "confidence 0.10")]}))


def page_of(folder: Path) -> Page:
    return Page((folder / "review.html").read_text(encoding="utf-8"))


def test_page_and_table_are_written_into_the_run(run: Path) -> None:
    summary = review_run(run)
    assert (summary.page, summary.table) == (run / "review.html", run / "review.csv")
    rows = list(csv.DictReader(io.StringIO(summary.table.read_text(encoding="utf-8"))))
    assert [row["rank"] for row in rows] == [str(n + 1) for n in range(len(rows))]
    assert rows[0]["name"] == "dog"
    assert (rows[0]["frame"], rows[0]["time"], rows[0]["timecode"]) == (
        "4",
        "0.160000",
        "0:00:00.160",
    )
    assert (rows[0]["from_frame"], rows[0]["to_frame"]) == ("4", "5")
    assert "lost, for 2 frames" in rows[0]["reason"]
    scores = [float(row["score"]) for row in rows]
    assert scores == sorted(scores, reverse=True)


def test_the_page_asks_the_network_for_nothing(run: Path) -> None:
    review_run(run)
    page = page_of(run)
    links = [
        value
        for _, attributes in page.tags
        for name, value in attributes.items()
        if name in ("src", "href", "xlink:href", "srcset", "action", "data", "poster") and value
    ]
    assert links
    assert all(link.startswith(("data:image/webp;base64,", "#")) for link in links)
    assert not page.all("link")
    assert not re.search(r"@import|url\(|https?:|//[a-z]", page.raw["style"] + page.raw["script"])


def test_the_policy_allows_what_is_written_and_nothing_else(run: Path) -> None:
    review_run(run)
    page = page_of(run)
    (policy,) = [
        one["content"] or ""
        for one in page.all("meta")
        if one.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none'; img-src data:;")
    for kind in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(page.raw[kind].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    # An inline style would be refused by it.
    assert not [tag for tag, attributes in page.tags if "style" in attributes]


def test_links_inside_the_page_lead_somewhere(run: Path) -> None:
    review_run(run)
    page = page_of(run)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = [one["href"] for one in page.all("a")]
    assert "#moment-1" in targets
    assert all(target and target[1:] in ids for target in targets)
    labels = [a["aria-labelledby"] for _, a in page.tags if "aria-labelledby" in a]
    assert set(labels) <= set(ids)


def test_every_picture_has_words_for_those_who_do_not_see_it(run: Path) -> None:
    review_run(run)
    words = [one["alt"] or "" for one in page_of(run).all("img")]
    assert "dog at the moment, 0:00:00.160, frame 4: not visible" in words[1]
    assert "dog before the moment, 0:00:00.120, frame 3: mask of 400 pixels" in words[0]
    assert all("the mask alone" in text for text in words)


def test_what_users_name_is_text_and_never_markup(seen: Seen, film: Film, keep: Keep) -> None:
    # One doubted for itself, one for what an event says, touching.
    frames = [
        [
            seen(1, SQUARE, confidence=0.3, label=NASTY),
            seen(2, (31, 40, 51, 60), label=f"{NASTY}2"),
        ]
    ] * 3
    said = {
        "problems": [NASTY],
        "prompts": {"objects": [{"id": 1, "name": NASTY, "prompts": [{"at": "0f"}]}]},
        "options": {NASTY: NASTY},
        "timings": {NASTY: {"seconds": 1.0, "count": 1}},
    }
    results = film(frames, {1: [Event(EventKind.REJECTED, 2, NASTY)]})
    folder = keep(results, manifest=said, path=f"{NASTY}.mp4")
    review_run(folder)
    page = page_of(folder)
    assert len(page.all("script")) == 1
    assert all((one["src"] or "").startswith("data:") for one in page.all("img"))
    assert not [a for _, attributes in page.tags for a in attributes if a.startswith("on")]
    assert page.words.count("<script>alert(1)</script>") >= 8


def test_thumbnails_show_the_video_where_it_is(
    seen: Seen, film: Film, keep: Keep, pictures: Path
) -> None:
    frames = [[seen(1, (8, 12, 32, 36), confidence=0.3)]] * 6
    folder = keep(film(frames), path=str(pictures))
    summary = review_run(folder)
    assert summary.notes == ()
    figures = page_of(folder).all("img")
    assert all("the mask alone" not in (one["alt"] or "") for one in figures)
    image = Image.open(io.BytesIO(base64.b64decode((figures[0]["src"] or "").split(",")[1])))
    pixels = np.asarray(image.convert("RGB"), int)
    assert image.size == (int(figures[0]["width"] or 0), int(figures[0]["height"] or 0))
    # The square is drawn from 160 to 250 grey and tinted with amber: red stays, blue falls.
    inside = pixels[image.height // 3, image.width // 3]
    assert inside[0] > 170
    assert inside[0] - inside[2] > 40


def test_without_the_video_the_page_says_so_and_shows_masks(run: Path) -> None:
    summary = review_run(run)
    (note,) = summary.notes
    assert "gone.mp4: no such file" in note
    assert note in page_of(run).words


def test_a_video_elsewhere_can_be_named(
    seen: Seen, film: Film, keep: Keep, pictures: Path, tmp_path: Path
) -> None:
    folder = keep(film([[seen(1, SQUARE, confidence=0.3)]] * 6))
    assert review_run(folder, video=pictures).notes == ()
    with pytest.raises(VideoError, match="nowhere"):
        review_run(folder, video=tmp_path / "nowhere.mp4", overwrite=True)


def test_a_video_that_ends_too_early_leaves_masks_alone(
    seen: Seen, film: Film, keep: Keep, pictures: Path
) -> None:
    frames = [[seen(1, SQUARE, confidence=0.9 if n != 8 else 0.3)] for n in range(10)]
    folder = keep(film(frames), path=str(pictures))
    summary = review_run(folder)
    assert any("masks alone" in note for note in summary.notes)
    assert len(page_of(folder).all("img")) == 3


def test_the_page_shows_the_top_and_the_table_all(seen: Seen, film: Film, keep: Keep) -> None:
    low = {0, 30, 60, 90}
    frames = [[seen(1, SQUARE, confidence=0.3 if n in low else 0.9)] for n in range(100)]
    folder = keep(film(frames))
    summary = review_run(folder, top=3)
    assert len(summary.survey.moments) == 4
    assert len(page_of(folder).all("img")) == 9
    assert "1 more moment in review.csv." in page_of(folder).words
    assert len(summary.table.read_text(encoding="utf-8").splitlines()) == 5


def test_the_lowest_mean_confidence_decides(run: Path) -> None:
    summary = review_run(run, fail_under=0.6)
    assert summary.is_failed
    assert "dog: 0.500 over 8 frames" in summary.verdict
    assert "under 0.6" in summary.verdict
    assert not review_run(run, fail_under=0.5, overwrite=True).is_failed
    assert not review_run(run, overwrite=True).is_failed


def test_nothing_is_overwritten_unasked(run: Path) -> None:
    review_run(run)
    with pytest.raises(OutputError, match="exists already"):
        review_run(run)
    (run / "review.html").unlink()
    with pytest.raises(OutputError, match=r"review\.csv: exists already"):
        review_run(run)


def test_a_run_in_which_nothing_is_doubtful_has_a_page(seen: Seen, film: Film, keep: Keep) -> None:
    folder = keep(film([[seen(1, SQUARE)]] * 3))
    assert review_run(folder).survey.moments == []
    assert "Nothing is in doubt." in page_of(folder).words


def test_a_run_without_objects_has_a_page(film: Film, keep: Keep) -> None:
    folder = keep(film([[], []]))
    assert review_run(folder, fail_under=0.9).is_failed is False
    assert "There are no objects" in page_of(folder).words


def test_a_plot_of_a_long_run_is_bounded(seen: Seen, film: Film, keep: Keep) -> None:
    def size(count: int) -> int:
        square = seen(1, SQUARE)
        folder = keep(film([[square]] * count))
        page = review_run(folder).page.stat().st_size
        folder.rename(folder.with_name(f"run{count}"))
        return page

    assert size(4000) - size(1000) < 1000


@pytest.mark.parametrize("wrong", [{"top": -1}, {"fail_under": 1.5}, {"low_confidence": -0.1}])
def test_numbers_out_of_range_are_refused(run: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        review_run(run, **wrong)


def test_a_folder_without_a_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"tracks\.db"):
        review_run(tmp_path)
