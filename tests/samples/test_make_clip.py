import importlib.util
import json
import sys
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from types import ModuleType

import av
import numpy as np
import pytest
import yaml
from numpy.typing import NDArray
from PIL import Image

from track_anything.boxes import box_area
from track_anything.masks import label_colors, mask_box

SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "make_clip.py"
SMALL = (180, 320)
RATE = Fraction(10)


@pytest.fixture(scope="module")
def make_clip() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_clip", SAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_clip"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def frames(make_clip: ModuleType) -> list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    return list(make_clip.draw_clip(size=SMALL, frame_rate=RATE))


@pytest.fixture(scope="module")
def folder(make_clip: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    make_clip.main(["-o", str(folder), "--size", "320x180", "--fps", "10"])
    return folder


def digests(frames: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]) -> list[int]:
    return [hash(image.tobytes() + labels.tobytes()) for image, labels in frames]


def test_the_same_seed_draws_the_same_frames_and_another_seed_does_not(
    make_clip: ModuleType,
) -> None:
    def draw(seed: int) -> list[int]:
        return digests(list(make_clip.draw_clip(size=(90, 160), seconds=0.12, seed=seed)))

    assert draw(4) == draw(4)
    assert draw(4)[0] != draw(5)[0]


def test_a_frame_does_not_depend_on_how_long_the_clip_is(
    make_clip: ModuleType, frames: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]
) -> None:
    short = list(make_clip.draw_clip(size=SMALL, seconds=0.2, frame_rate=RATE))
    assert len(short) == 2
    assert digests(short) == digests(frames[:2])


def test_the_labels_are_the_ids_of_the_named_objects(
    make_clip: ModuleType, frames: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]
) -> None:
    names = make_clip.object_names()
    assert list(names) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert names[1] == "ball"
    seen = set().union(*(np.unique(labels).tolist() for _, labels in frames))
    assert seen == {0, *names}
    for image, labels in frames:
        assert image.shape == (*SMALL, 3)
        assert labels.shape == SMALL
        assert image.dtype == labels.dtype == np.uint8


def test_one_player_comes_in_after_two_and_a_half_seconds_and_the_others_are_there_at_once(
    make_clip: ModuleType, frames: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]
) -> None:
    late = next(key for key, name in make_clip.object_names().items() if name == "blue 11")
    first = {
        track_id: next(i for i, (_, labels) in enumerate(frames) if (labels == track_id).any())
        for track_id in make_clip.object_names()
    }
    assert 24 <= first.pop(late) <= 27
    assert set(first.values()) == {0}


@pytest.mark.parametrize("kit", ["red", "blue"])
def test_players_of_the_same_kit_cross(
    make_clip: ModuleType,
    frames: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]],
    kit: str,
) -> None:
    team = [key for key, name in make_clip.object_names().items() if name.startswith(kit)]
    assert len(team) == 3
    shares = []
    for _, labels in frames:
        boxes = [mask_box(labels == track_id) for track_id in team]
        for one, other in combinations(boxes, 2):
            low, high = np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])
            shared = float(np.prod(np.maximum(high - low, 0)))
            shares.append(shared / max(1.0, min(box_area(one), box_area(other))))
    assert max(shares) > 0.25


def test_the_ball_is_small_and_at_times_moves_by_more_than_its_size(make_clip: ModuleType) -> None:
    play, size = make_clip.Play(), (360, 640)
    places = [
        make_clip.camera_at(time, size).project(play.ball(time)[None])[0][0]
        for time in np.arange(125) / 25
    ]
    steps = np.hypot(*np.diff(places, axis=0).T)
    _, labels = next(make_clip.draw_clip(seconds=0.04))
    width = np.ptp(mask_box(labels == 1)[[0, 2]])
    assert 10 <= width <= 14
    assert steps.max() > width


def test_what_lies_between_the_masks_is_floor_in_light_or_shadow(
    make_clip: ModuleType, frames: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]
) -> None:
    """A shadow is darker than the empty hall, never a mask: no red shirt is left out of them."""
    image, labels = frames[0]
    red = (image[..., 0] > 150) & (image[..., 1] < 60) & (image[..., 2] < 70)
    red[:60] = False  # boards and spectators
    assert np.count_nonzero(red) > 100
    assert (labels[red] > 0).mean() > 0.97


def test_the_play_goes_back_and_forth_without_a_jump(make_clip: ModuleType) -> None:
    times = [make_clip.fold_time(time) for time in (0.0, 4.9, 5.0, 5.1, 9.9, 10.0, 12.0)]
    assert times == pytest.approx([0.0, 4.9, 5.0, 4.9, 0.1, 0.0, 2.0])


def test_the_written_truth_is_what_was_drawn(
    folder: Path, frames: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]
) -> None:
    names = sorted(path.name for path in (folder / "truth").iterdir())
    assert names == [f"{index:05d}.png" for index in range(50)]
    for index in (0, 30, 49):
        with Image.open(folder / "truth" / names[index]) as picture:
            assert picture.mode == "P"
            assert picture.getpalette() == label_colors().reshape(-1).tolist()
            assert np.array_equal(np.asarray(picture), frames[index][1])


def test_the_video_has_every_frame_in_the_colours_drawn(
    folder: Path, frames: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]
) -> None:
    with av.open(str(folder / "clip.mp4")) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        tags = (context.colorspace, context.color_primaries, context.color_trc, context.color_range)
        assert tuple(map(int, tags)) == (1, 1, 1, 1)
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        decoded = list(container.decode(stream))
        assert [frame.time for frame in decoded] == pytest.approx([n / 10 for n in range(50)])
        difference = decoded[0].to_ndarray(format="rgb24").astype(int) - frames[0][0]
    assert np.abs(difference.mean(axis=(0, 1))).max() < 2.5
    assert np.abs(difference).mean() < 6


def test_sound_is_as_long_as_the_picture_or_left_out(
    make_clip: ModuleType, folder: Path, tmp_path: Path
) -> None:
    with av.open(str(folder / "clip.mp4")) as container:
        audio = container.streams.audio[0]
        assert audio.codec_context.name == "aac"
        assert float(audio.duration * audio.time_base) == pytest.approx(5.0, abs=0.05)
    make_clip.main(["-o", str(tmp_path), "--size", "64x36", "--seconds", "0.2", "--no-audio"])
    with av.open(str(tmp_path / "clip.mp4")) as container:
        assert not container.streams.audio


def test_the_prompt_file_boxes_every_object_on_a_frame_that_shows_it_whole(
    make_clip: ModuleType,
    folder: Path,
    frames: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]],
) -> None:
    objects = yaml.safe_load((folder / "prompts.yaml").read_text())["objects"]
    assert [each["name"] for each in objects] == list(make_clip.object_names().values())
    for track_id, each in enumerate(objects, 1):
        (prompt,) = each["prompts"]
        labels = frames[int(prompt["at"].removesuffix("f"))][1]
        assert prompt["box"] == mask_box(labels == track_id).tolist()
        left, top, right, bottom = prompt["box"]
        assert left > 0
        assert top > 0
        assert right < 320
        assert bottom < 180


def test_the_facts_give_first_and_last_frame_and_a_box_wherever_an_object_is_seen(
    folder: Path, frames: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]
) -> None:
    facts = json.loads((folder / "truth.json").read_text())
    assert (facts["width"], facts["height"], facts["frame_count"]) == (320, 180, 50)
    late = next(each for each in facts["objects"] if each["name"] == "blue 11")
    assert late["kit"] == "blue"
    seen = [i for i, (_, labels) in enumerate(frames) if (labels == late["track_id"]).any()]
    assert [int(index) for index in late["boxes"]] == seen
    assert (late["first_frame"], late["last_frame"]) == (seen[0], seen[-1])
    assert late["boxes"]["40"] == mask_box(frames[40][1] == late["track_id"]).tolist()


@pytest.mark.parametrize("size", ["640", "641x360", "8x8", "axb"])
def test_a_size_that_cannot_be_is_refused(
    make_clip: ModuleType, tmp_path: Path, size: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        make_clip.main(["-o", str(tmp_path / "none"), "--size", size])
    assert "a size" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
