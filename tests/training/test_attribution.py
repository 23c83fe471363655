"""The list of photographs says what the manifest says and no more."""

from pathlib import Path

import pytest

from training.attribution import page, read_manifest

FLICKR = "http://farm3.staticflickr.com/2784/4119513504_1a9094f2a0_z.jpg"


def row(number: int, licence: str | None) -> dict[str, object]:
    return {"set": "coco", "image": f"images/coco_{number}.jpg", "source": FLICKR} | {
        "licence": licence
    }


def test_photographs_stand_under_their_licence_with_their_page_and_file() -> None:
    rows = [row(2, "Attribution License"), row(1, None), {"set": "ccp", "image": "images/a.jpg"}]
    text = page([*rows, row(3, "Attribution License")])
    assert "## CC BY 2.0 (2)\n\nLicence: https://creativecommons.org/licenses/by/2.0/\n" in text
    assert "## The manifest names no licence (1)\n" in text
    of_author = "https://www.flickr.com/photo.gne?id=4119513504"
    assert f"| coco_2 | {of_author} | {FLICKR} |\n| coco_3 | {of_author}" in text
    assert text.index("coco_3") < text.index("coco_1 ")
    assert "| ccp | 1 |\n| coco | 3 |\n" in text
    assert "Not listed one by one: 1 pictures" in text


def test_a_licence_that_forbids_the_use_is_an_error() -> None:
    with pytest.raises(ValueError, match="NonCommercial"):
        page([row(1, "Attribution-NonCommercial License")])


def test_a_source_elsewhere_is_listed_without_a_guess(data: Path) -> None:
    text = page(read_manifest(data))
    assert text.count("| not known | http://example.com/") == 3
