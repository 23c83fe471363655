"""Scores of mask files, worked out by hand and by vos-benchmark."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from vos_benchmark.benchmark import VideoEvaluator

from track_anything.errors import DatasetError
from track_anything.evaluation.mask_folders import evaluate_masks
from track_anything.evaluation.metrics import score_decay
from track_anything.evaluation.report import score_table
from track_anything.label_png import write_palette_png

Labels = NDArray[np.uint8]
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes label maps as 00000.png and on; None leaves a file out."""

    def files(folder: str, maps: Sequence[Labels | None]) -> Path:
        path = tmp_path / folder
        path.mkdir(parents=True)
        for index, labels in enumerate(maps):
            if labels is not None:
                write_palette_png(path / f"{index:05d}.png", labels)
        return path

    return files


def blobs(seed: int, ids: Sequence[int], *, noise: float, late: int | None = None) -> list[Labels]:
    """Seven maps of round objects that move; the noise moves them elsewhere."""
    fixed, random = np.random.default_rng(seed), np.random.default_rng(int(1000 * noise))
    starts = {i: fixed.uniform(20, 60, 2) for i in ids}
    maps = []
    for index in range(7):
        labels = np.zeros((90, 120), np.uint8)
        for i, start in starts.items():
            if i == late and index < 3:
                continue
            x, y = start + index * 4 + random.normal(0, 1, 2) * noise
            cv2.circle(labels, (int(x), int(y)), 10 + i % 5, i, -1)
        maps.append(labels)
    return maps


# vos-benchmark leaves its files open.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("ids", [(255,), (1, 2), (3, 8, 9)])
@pytest.mark.parametrize("all_frames", [False, True])
@pytest.mark.parametrize("is_late", [False, True])
def test_j_and_f_are_those_of_vos_benchmark(
    write: Write, tmp_path: Path, ids: Sequence[int], all_frames: bool, is_late: bool
) -> None:
    late = ids[-1] if is_late else None
    truth: list[Labels | None] = [*blobs(1, ids, noise=0, late=late)]
    truth[4] = None
    write("truth/480p/seq", truth)
    write("results/seq", blobs(1, ids, noise=5, late=late))
    scores = evaluate_masks(tmp_path / "results", tmp_path / "truth", all_frames=all_frames)
    _, j, f = VideoEvaluator(
        str(tmp_path / "truth" / "480p"),
        str(tmp_path / "results"),
        skip_first_and_last=not all_frames,
    )("seq")
    objects = scores["sequences"]["seq"]["objects"]
    names = {"1": 255} if ids == (255,) else {str(i): i for i in ids}
    assert objects.keys() == names.keys()
    assert set(j) == set(names.values())
    for name, label in names.items():
        assert objects[name]["J"] * 100 == pytest.approx(j[label], abs=1e-9)
        assert objects[name]["F"] * 100 == pytest.approx(f[label], abs=1e-9)
        assert 0 < objects[name]["J"] < 1


def test_recall_decay_and_means_by_hand(write: Write, square) -> None:
    # Shifted by 0, 2, 5, 8 and 10 of 10 columns on the scored frames: J 1, 80/120, 50/150, 20/180,
    # 0. The other sequence is exact.
    truth = [square(40, 7)] * 7
    found = [square(40 + shift, 7) for shift in (9, 0, 2, 5, 8, 10, 9)]
    write("truth/a", truth)
    write("results/a", found)
    truth_root = write("truth/b", truth).parent
    results = write("results/b", truth).parent
    told: list[str] = []
    scores = evaluate_masks(results, truth_root, on_score=lambda name, _: told.append(name))
    j = np.array([1, 2 / 3, 1 / 3, 1 / 9, 0])
    a = scores["sequences"]["a"]
    assert a["objects"]["7"]["J"] == a["J"] == pytest.approx(j.mean())
    assert a["J_recall"] == 2 / 5
    assert a["J_decay"] == pytest.approx(score_decay(j))
    assert scores["sequences"]["b"]["J&F"] == 1
    assert scores["mean"]["J"] == pytest.approx((j.mean() + 1) / 2)
    assert told == ["a", "b"]
    assert json.loads(json.dumps(scores, allow_nan=False)) == scores
    assert [line.split()[0] for line in score_table(scores).splitlines() if line[0] != "-"] == [
        "sequence",
        "a",
        "b",
        "mean",
    ]


def test_the_files_of_one_video_need_no_folders(write: Write, square) -> None:
    truth = write("dog", [square(x) for x in (10, 20, 30)])
    results = write("run/masks", [square(x, 1) for x in (10, 20, 30)])
    (results / "note.txt").write_text("not a mask")
    scores = evaluate_masks(results, truth)
    assert list(scores["sequences"]) == ["dog"]
    assert scores["mean"]["J&F"] == 1


def test_a_davis_folder_is_a_truth(write: Write, add_sequence, square, tmp_path: Path) -> None:
    root = add_sequence("bear", [square(x) for x in (10, 20, 30)])
    write("results/bear", [square(x) for x in (0, 20, 0)])
    assert evaluate_masks(tmp_path / "results", root)["mean"]["J"] == 1


def test_void_is_no_object_and_labels_nobody_asked_for_are_left_out(write: Write, square) -> None:
    truth = write("truth", [square(10, 1) + square(50, 255)] * 3)
    results = write("results", [square(10, 1) + square(30, 4)] * 3)
    scores = evaluate_masks(results, truth)
    assert list(scores["sequences"]["truth"]["objects"]) == ["1"]
    assert scores["mean"]["J"] == 1


def test_swapped_objects_are_counted(write: Write, square) -> None:
    right, wrong = square(10, 1) + square(50, 2), square(10, 2) + square(50, 1)
    truth = write("truth", [right] * 5)
    results = write("results", [right, right, wrong, right, right])
    mean = evaluate_masks(results, truth)["mean"]
    assert (mean["frames_on_another"], mean["id_switches"]) == (2, 4)
    assert mean["J"] == pytest.approx(2 / 3)


def test_what_is_missing_or_wrong_is_named(write: Write, square, tmp_path: Path) -> None:
    maps: list[Labels | None] = [square(10, 1)] * 4
    truth = write("truth/a", maps).parent
    results = write("results/a", [maps[0], None, *maps[2:]]).parent
    with pytest.raises(DatasetError, match=r"a: expected 00001\.png"):
        evaluate_masks(results, truth)
    with pytest.raises(DatasetError, match="there is no sequence 'b'; there are a"):
        evaluate_masks(results, truth, sequences=["b"])
    with pytest.raises(DatasetError, match="has masks of one video"):
        evaluate_masks(results / "a", truth)
    with pytest.raises(DatasetError, match="there is no such folder"):
        evaluate_masks(tmp_path / "nowhere", truth)
    small = write("small", [np.zeros((5, 9), np.uint8)] * 4)
    with pytest.raises(DatasetError, match="expected 100x100 pixels, got 9x5"):
        evaluate_masks(small, truth / "a")
    with pytest.raises(DatasetError, match="no object in the 2 masks"):
        evaluate_masks(truth / "a", small)
    short = write("short", maps[:2])
    with pytest.raises(DatasetError, match="expected 3 masks or more, got 2"):
        evaluate_masks(short, short)
