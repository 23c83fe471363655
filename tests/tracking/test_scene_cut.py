"""Scene cuts on drawn shots, with PySceneDetect beside it, and on real clips joined."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import scenedetect

from track_anything.errors import TrackingError
from track_anything.evaluation.datasets import DavisSequences
from track_anything.io.video import VideoSource
from track_anything.structures import Image
from track_anything.tracking.scene_cut import Look, SceneCutDetector

HEIGHT, WIDTH = 180, 320


def scene(seed: int, *, width: int = WIDTH, height: int = HEIGHT) -> Image:
    """A ground of coarse colours with boxes and discs on it."""
    random = np.random.default_rng(seed)
    coarse = random.integers(30, 200, (5, max(width // 40, 2), 3), np.uint8)
    picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(width // 20):
        x, y = int(random.integers(width)), int(random.integers(height))
        color = tuple(int(value) for value in random.integers(0, 256, 3))
        cv2.rectangle(picture, (x, y), (x + 30, y + 22), color, cv2.FILLED)
        cv2.circle(picture, (y, x % height), 12, color[::-1], cv2.FILLED)
    return np.asarray(picture, np.uint8)


def shot(seed: int, count: int, *, step: int = 2) -> list[Image]:
    """A scene seen by a camera that moves by so many pixels a frame, with noise."""
    random = np.random.default_rng(seed + 1000)
    wide = scene(seed, width=WIDTH + abs(step) * count)
    frames = []
    for index in range(count):
        left = index * step if step >= 0 else (index - count) * step
        noisy = wide[:, left : left + WIDTH] + random.normal(0, 4, (HEIGHT, WIDTH, 3))
        frames.append(np.clip(noisy, 0, 255).astype(np.uint8))
    return frames


def cuts(frames: list[Image]) -> list[int]:
    detector = SceneCutDetector()
    return [index for index, frame in enumerate(frames) if detector.is_cut(frame)]


def reference(frames: list[Image]) -> list[int]:
    """Where PySceneDetect sees cuts."""
    detector = scenedetect.ContentDetector(min_scene_len=1)
    found = []
    for index, frame in enumerate(frames):
        bgr = np.ascontiguousarray(frame[..., ::-1])
        found += detector.process_frame(scenedetect.FrameTimecode(index, 25.0), bgr)
    return [one.frame_num for one in found]


def lit(frame: Image, gain: float, offset: float = 0.0) -> Image:
    return np.clip(frame * gain + offset, 0, 255).astype(np.uint8)


def test_hard_cuts_are_told_on_the_first_frame_of_the_new_shot() -> None:
    lengths = [12, 1, 30, 2, 7, 20]
    frames = [frame for seed, n in enumerate(lengths) for frame in shot(seed, n)]
    assert cuts(frames) == np.cumsum(lengths)[:-1].tolist() == reference(frames)


@pytest.mark.parametrize("seed", range(5))
def test_a_cut_in_the_middle_of_a_pan_is_told(seed: int) -> None:
    frames = shot(seed, 20, step=15) + shot(seed + 50, 20, step=-15)
    assert cuts(frames) == [20]


@pytest.mark.parametrize("step", [0, 10, 25, 45])
def test_a_pan_is_no_cut(step: int) -> None:
    # 45 of 320 pixels a frame: the whole picture has gone by after seven frames.
    assert cuts(shot(3, 30, step=step)) == []


@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize(("gain", "offset"), [(1.8, 0), (1.0, 90), (3.0, 0), (0.0, 255)])
def test_a_flash_is_no_cut_neither_when_it_begins_nor_when_it_ends(
    length: int, gain: float, offset: float
) -> None:
    frames = shot(4, 40)
    for index in range(20, 20 + length):
        frames[index] = lit(frames[index], gain, offset)
    assert cuts(frames) == []


def test_a_cut_right_after_a_flash_is_told() -> None:
    frames = shot(4, 21) + shot(9, 10)
    frames[20] = lit(frames[20], 1.8)
    assert cuts(frames) == [21]


def test_one_foreign_frame_is_a_cut_and_the_way_back_none() -> None:
    # Both frames before it are asked: the second one is of the shot that goes on.
    frames = shot(5, 40)
    frames[20] = scene(77)
    assert cuts(frames) == [20, 21]


def test_a_fade_out_and_in_again_is_no_cut() -> None:
    frames = shot(6, 60)
    for index in range(20, 40):
        frames[index] = lit(frames[index], abs(index - 30) / 10)
    assert cuts(frames) == []


def test_another_scene_after_black_is_a_cut_and_black_is_none() -> None:
    black = [np.zeros((HEIGHT, WIDTH, 3), np.uint8)] * 10
    assert cuts(shot(6, 20) + black + shot(7, 20)) == [30]
    assert cuts(shot(6, 20) + black + shot(6, 20)) == []


def test_a_slow_cross_fade_is_no_cut() -> None:
    before, after = shot(8, 60), shot(13, 60)
    share = np.clip((np.arange(60) - 15) / 30, 0, 1)
    mixed = [
        (a * (1 - s) + b * s).astype(np.uint8) for a, b, s in zip(before, after, share, strict=True)
    ]
    assert cuts(mixed) == []


def test_a_figure_that_runs_past_close_to_the_camera_is_no_cut() -> None:
    frames = shot(10, 40, step=1)
    figure = scene(99, width=140)
    for index in range(10, 30):
        left = -140 + (index - 10) * 24
        visible = slice(max(left, 0), min(left + 140, WIDTH))
        if visible.stop > visible.start:
            frames[index] = frames[index].copy()
            frames[index][:, visible] = figure[:, visible.start - left : visible.stop - left]
    assert cuts(frames) == []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_camera_that_shakes_sets_its_own_measure(seed: int) -> None:
    # Jumps by up to a third of the picture look like cuts, but not for long.
    random = np.random.default_rng(seed)
    wide = scene(11, width=WIDTH + 400)
    places = [0] * 30 + random.integers(0, 100, 40).tolist()
    assert all(index < 40 for index in cuts([wide[:, x : x + WIDTH] for x in places]))


def test_a_still_is_never_cut_and_neither_is_the_first_frame() -> None:
    assert cuts([scene(1)] * 5) == []
    assert cuts([np.full((40, 60, 3), level, np.uint8) for level in (0, 255, 0, 120)]) == []


def test_standing_and_tiny_frames_are_looked_at_too() -> None:
    standing = [np.ascontiguousarray(f.transpose(1, 0, 2)) for f in shot(1, 10) + shot(2, 10)]
    assert cuts(standing) == [10]
    tiny = [cv2.resize(f, (40, 24)) for f in shot(1, 10) + shot(2, 10)]
    assert cuts(tiny) == [10]
    # From lying to standing nothing can be compared.
    assert cuts(shot(1, 5) + standing[:5]) == []


def test_a_restored_detector_answers_the_same() -> None:
    frames = shot(1, 15) + shot(2, 15) + shot(3, 2, step=40)
    unbroken = SceneCutDetector()
    whole = [index for index, frame in enumerate(frames) if unbroken.is_cut(frame)]
    for stop in (0, 1, 10, 15, 16, 31):
        first, second = SceneCutDetector(), SceneCutDetector()
        got = [index for index in range(stop) if first.is_cut(frames[index])]
        second.is_cut(scene(5))
        second.restore(json.loads(json.dumps(first.save())))
        got += [index for index in range(stop, len(frames)) if second.is_cut(frames[index])]
        assert got == whole
        assert second.save() == unbroken.save()
        assert len(second.save()["scores"]) == 25


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"shapes": [[36, 64]], "pictures": [[1, 2]], "scores": []},
        {"shapes": [[1, 1]], "pictures": [[1, 2, 3]], "scores": []},
        {"shapes": [], "pictures": [], "scores": ["x"]},
        {"shapes": [[36, 64]], "pictures": [], "scores": []},
        {"shapes": [[36, 64]], "pictures": [[300] * 6912], "scores": []},
    ],
)
def test_another_state_is_refused(state: dict[str, list[object]]) -> None:
    with pytest.raises(TrackingError, match="not the state of a scene cut detector"):
        SceneCutDetector().restore(state)


def test_equal_pictures_do_not_differ_and_brightness_alone_changes_no_relief() -> None:
    look = Look.at(scene(1))
    assert look.against(look) == pytest.approx((0, 0, 0, 0), abs=1e-5)
    darker = Look.at(lit(scene(1), 0.5)).against(look)
    assert darker.colors > 0.3
    assert max(darker.brightness, darker.edges, darker.lost) < 0.05


# --- real clips


def small_frames(path: Path, count: int | None = None) -> list[Image]:
    source = VideoSource(path, max_side=320, end_frame=count)
    frames = [frame.image for frame in source]
    source.close()
    return frames


@pytest.mark.shared
def test_no_frame_inside_the_real_clips_is_a_cut(shared_data: Path) -> None:
    for path in sorted((shared_data / "videos").glob("*.mp4")):
        assert cuts(small_frames(path)) == [], path.name
    for sequence in DavisSequences(shared_data / "davis16-dev"):
        assert cuts([frame.image for frame in sequence.frames()]) == [], sequence.name


@pytest.mark.shared
def test_every_joint_of_the_real_clips_is_a_cut(shared_data: Path) -> None:
    clips = [small_frames(path, 40) for path in sorted((shared_data / "videos").glob("*.mp4"))]
    frames = [frame for clip in clips for frame in clip]
    assert cuts(frames) == np.cumsum([len(clip) for clip in clips])[:-1].tolist()
