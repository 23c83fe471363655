"""Polygons from options and files."""

from pathlib import Path

import pytest

from track_anything.errors import ConfigError
from track_anything.zones import parse_zone, read_zones


def test_corners_may_be_separated_by_commas_or_spaces() -> None:
    wanted = [[0, 0], [640, 0], [640, 200.5]]
    for text in ("0,0,640,0,640,200.5", " 0,0 640,0  640,200.5 ", "0 0;640 0;640 200.5"):
        assert parse_zone(text).tolist() == wanted


@pytest.mark.parametrize("text", ["", "1,2,3,4", "1,2,3,4,5", "1,2,3,4,5,x", "1,2,3,4,5,nan"])
def test_what_is_no_polygon_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="a zone is three corners or more"):
        parse_zone(text)


def test_a_file_has_a_polygon_a_line(tmp_path: Path) -> None:
    path = tmp_path / "zones.txt"
    path.write_text("# the pitch\n0,0 9,0 9,9\n\n1,1,5,1,5,5  # and the bench\n")
    assert read_zones(path) == ("0,0 9,0 9,9", "1,1,5,1,5,5")


@pytest.mark.parametrize(
    ("text", "said"), [("0,0 9,0 9,9\n1,2\n", "zones.txt, line 2: "), ("# none\n", "has no zone")]
)
def test_a_wrong_file_is_named_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "zones.txt"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        read_zones(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_zones(tmp_path / "none.txt")
