"""What counts as a DAVIS folder, and what is read from it."""

import numpy as np
import pytest
from PIL import Image

from track_anything.errors import DatasetError
from track_anything.evaluation.datasets import DavisSequences


@pytest.mark.parametrize("level", ["480p", "Full-Resolution", "", "1080p"])
def test_every_resolution_level_is_found(add_sequence, square, level: str) -> None:
    root = add_sequence("bear", [square(x) for x in (10, 12, 14)], level=level)
    (sequence,) = DavisSequences(root)
    assert sequence.name == "bear"
    assert len(sequence.images) == 3


def test_480p_is_taken_where_there_are_two_resolutions(add_sequence, square) -> None:
    add_sequence("bear", [square(10)] * 3, level="Full-Resolution")
    root = add_sequence("bear", [square(10)] * 3, level="480p")
    (sequence,) = DavisSequences(root)
    assert sequence.images[0].parent.parent.name == "480p"


def test_two_unknown_resolutions_are_an_error(add_sequence, square) -> None:
    add_sequence("bear", [square(10)] * 3, level="360p")
    root = add_sequence("bear", [square(10)] * 3, level="720p")
    with pytest.raises(DatasetError, match="one resolution, or 480p; got 360p, 720p"):
        DavisSequences(root)


def test_sequences_come_in_the_order_asked_for_and_once(add_sequence, square) -> None:
    for name in ("ant", "bear", "cat"):
        root = add_sequence(name, [square(10)] * 3)
    assert DavisSequences(root).names == ("ant", "bear", "cat")
    assert DavisSequences(root, sequences=["cat", "ant", "cat"]).names == ("cat", "ant")


def test_an_unknown_sequence_is_answered_with_those_there_are(add_sequence, square) -> None:
    root = add_sequence("bear", [square(10)] * 3)
    with pytest.raises(DatasetError, match="no sequence 'boar'; there are bear"):
        DavisSequences(root, sequences=["boar"])


@pytest.mark.parametrize("missing", ["JPEGImages", "Annotations"])
def test_a_folder_without_images_or_annotations_is_an_error(tmp_path, missing: str) -> None:
    (tmp_path / ("Annotations" if missing == "JPEGImages" else "JPEGImages") / "a").mkdir(
        parents=True
    )
    (tmp_path / "JPEGImages" / "a" / "0.jpg").parent.mkdir(parents=True, exist_ok=True)
    if missing == "JPEGImages":
        (tmp_path / "JPEGImages" / "a").rmdir()
        (tmp_path / "JPEGImages").rmdir()
    else:
        Image.new("RGB", (8, 8)).save(tmp_path / "JPEGImages" / "a" / "0.jpg")
    with pytest.raises(DatasetError, match=f"{missing}/"):
        DavisSequences(tmp_path)


def test_binary_annotations_are_object_1(add_sequence, square) -> None:
    root = add_sequence("bear", [square(10), square(12), square(14)])
    (sequence,) = DavisSequences(root)
    assert sequence.object_ids == (1,)
    assert np.array_equal(sequence.truth(1), square(12, 1))


def test_palette_annotations_keep_their_ids_and_255_is_void(add_sequence, square) -> None:
    first = square(10, 2) + square(40, 7) + square(70, 255)
    root = add_sequence("two", [first] * 3, palette=True)
    (sequence,) = DavisSequences(root)
    assert sequence.object_ids == (2, 7)
    assert np.array_equal(sequence.truth(0), square(10, 2) + square(40, 7))
    assert [p.track_id for p in sequence.prompts()] == [2, 7]


def test_gray_annotations_stored_as_colour_are_read(add_sequence, square) -> None:
    root = add_sequence("bear", [square(10)] * 3)
    path = root / "Annotations/480p/bear/00001.png"
    Image.fromarray(np.stack([square(12)] * 3, axis=-1)).save(path)
    (sequence,) = DavisSequences(root)
    assert np.array_equal(sequence.truth(1), square(12, 1))


def test_a_sequence_begins_at_its_first_annotation(add_sequence, square) -> None:
    truths = [None, square(10), None, square(14), square(16), None]
    (sequence,) = DavisSequences(add_sequence("late", truths))
    assert [path.stem for path in sequence.images] == ["00001", "00002", "00003", "00004", "00005"]
    assert sequence.scored_frames == (2,)
    frames = list(sequence.frames())
    assert [frame.index for frame in frames] == [0, 1, 2, 3, 4]
    assert frames[3].time * 24 == 3
    assert int(frames[0].image[0, 0, 0]) == 5


def test_fewer_than_three_annotations_are_an_error(add_sequence, square) -> None:
    root = add_sequence("bear", [square(10), square(12), None])
    with pytest.raises(DatasetError, match=r"needs 3 annotated frames or more .* got 2"):
        list(DavisSequences(root))


def test_an_annotation_without_its_image_is_an_error(add_sequence, square) -> None:
    root = add_sequence("bear", [square(10)] * 4)
    (root / "JPEGImages/480p/bear/00002.jpg").unlink()
    with pytest.raises(DatasetError, match=r"00002.png: there is no image of this name"):
        list(DavisSequences(root))


def test_a_first_annotation_without_an_object_is_an_error(add_sequence, square) -> None:
    root = add_sequence("bear", [square(10, 0), square(10), square(10)])
    with pytest.raises(DatasetError, match="shows no object"):
        list(DavisSequences(root))


def test_an_image_of_another_size_is_an_error(add_sequence, square) -> None:
    root = add_sequence("bear", [square(10)] * 3)
    Image.new("RGB", (50, 40)).save(root / "JPEGImages/480p/bear/00001.jpg")
    (sequence,) = DavisSequences(root)
    with pytest.raises(DatasetError, match="expected 100x100 pixels, got 50x40"):
        list(sequence.frames())


def test_a_damaged_image_is_an_error(add_sequence, square) -> None:
    root = add_sequence("bear", [square(10)] * 3)
    (root / "JPEGImages/480p/bear/00001.jpg").write_bytes(b"no picture")
    (sequence,) = DavisSequences(root)
    with pytest.raises(DatasetError, match=r"00001.jpg: cannot be read as a picture"):
        list(sequence.frames())


def test_a_damaged_annotation_is_an_error(add_sequence, square) -> None:
    root = add_sequence("bear", [square(10)] * 3)
    (root / "Annotations/480p/bear/00000.png").write_bytes(b"no picture")
    with pytest.raises(DatasetError, match=r"00000.png: cannot be read as a label PNG"):
        list(DavisSequences(root))


@pytest.mark.shared
def test_the_shared_davis_folder_is_understood(shared_data) -> None:
    sequences = {s.name: s for s in DavisSequences(shared_data / "davis16-dev")}
    assert len(sequences) == 10
    assert all(s.is_binary and s.size == (480, 854) for s in sequences.values())
    pair = next(iter(DavisSequences(shared_data / "davis-composites")))
    assert pair.object_ids == (1, 2)
