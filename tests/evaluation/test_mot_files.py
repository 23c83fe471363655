"""Text of MOTChallenge: what is taken, what is left out, what is refused."""

from pathlib import Path

import pytest

from track_anything.errors import DatasetError
from track_anything.evaluation.mot_files import read_mot


@pytest.fixture
def file(tmp_path: Path):
    """Writes a file."""

    def write(text: str) -> Path:
        path = tmp_path / "tracks.txt"
        path.write_text(text)
        return path

    return write


def test_lines_are_boxes_by_frame(file) -> None:
    found = read_mot(file("2,7,1.5,2,3,4,0.9,-1,-1,-1\n\n1,3,0,0,5,5,0,1,1\n2, 3, 9, 9, 1, 1\n"))
    assert list(found) == [1, 2]
    assert found[1].ids.tolist() == [3]
    assert found[2].ids.tolist() == [7, 3]
    assert found[2].boxes.tolist() == [[1.5, 2, 3, 4], [9, 9, 1, 1]]


def test_blanks_and_semicolons_separate_too(file) -> None:
    found = read_mot(file("1 3 0 0 5 5 1\n1;4;0;0;5;6;1;\n"))
    assert found[1].boxes.tolist() == [[0, 0, 5, 5], [0, 0, 5, 6]]


def test_lines_of_the_truth_that_are_not_to_be_considered_are_left_out(file) -> None:
    path = file("1,3,0,0,5,5,0,7,1\n1,4,0,0,5,5,1,1,1\n1,5,0,0,5,5\n")
    assert read_mot(path, is_truth=True)[1].ids.tolist() == [4, 5]
    assert read_mot(path)[1].ids.tolist() == [3, 4, 5]


def test_an_empty_file_has_no_boxes(file) -> None:
    assert read_mot(file("")) == {}


@pytest.mark.parametrize(
    "line", ["1,2,3,4,5", "frame,id,x,y,w,h", "1.5,2,0,0,5,5", "1,2,0,0,-5,5", "1,2,0,nan,5,5"]
)
def test_a_line_that_is_none_is_named(file, line: str) -> None:
    with pytest.raises(DatasetError, match=r"tracks\.txt, line 2: expected FRAME,ID"):
        read_mot(file(f"1,1,0,0,5,5\n{line}\n"))


def test_an_id_twice_on_a_frame_is_refused(file) -> None:
    with pytest.raises(DatasetError, match="line 2: id 3 is on frame 1 twice"):
        read_mot(file("1,3,0,0,5,5\n1,3,9,9,5,5\n"))


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no\.txt: cannot be read"):
        read_mot(tmp_path / "no.txt")
