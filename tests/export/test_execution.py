"""Exports of a run, read back by libraries that know nothing of this one, or by our own readers."""

import csv
import json
import tracemalloc
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from track_anything.errors import ConfigError, OutputError, VideoError
from track_anything.export import ExportTarget, export
from track_anything.io.tables import read_events_jsonl, read_tracks_csv, read_tracks_jsonl
from track_anything.masks import label_colors
from track_anything.structures import FrameResult, State
from track_anything.testing import MovingSquare, RecordingSink

MakeRun = Callable[..., Path]
FRAMES = 12


def targets(*names: str) -> list[ExportTarget]:
    return [ExportTarget(name) for name in names]


class FailingSink(RecordingSink):
    """Fails on the last frame: by then the queues of the others have let some through."""

    def write(self, result: FrameResult) -> None:
        super().write(result)
        if len(self.results) == FRAMES:
            raise OutputError("the disk is full")


def draw(path: Path, source: MovingSquare, *, seconds_of_sound: int = 0) -> Path:
    """A clip of a source, with silence."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.height, stream.width = source.info.size
        stream.pix_fmt = "yuv420p"
        sound = output.add_stream("aac", rate=48000) if seconds_of_sound else None
        for frame in source:
            picture = av.VideoFrame.from_ndarray(frame.image, "rgb24")
            picture.pts = frame.index
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
        for number in range(seconds_of_sound * 48000 // 1024 if sound else 0):
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 2048), np.int16), "s16", "stereo")
            silence.sample_rate, silence.pts = 48000, number * 1024
            output.mux(sound.encode(silence))
        if sound:
            output.mux(sound.encode(None))
    return path


def test_davis_files_are_palette_pictures_of_ids_and_16_bit_above_254(
    run: Path, square: MovingSquare
) -> None:
    export(run, targets("davis"))
    folder = run / "exports" / "davis"
    assert sorted(f.name for f in folder.iterdir()) == [f"{i:05d}.png" for i in range(FRAMES)]
    with Image.open(folder / "00005.png") as picture:
        assert picture.mode == "P"
        assert picture.getpalette() == label_colors().ravel().tolist()
        labels = np.asarray(picture)
    expected = square.truth(5).astype(int)
    expected[20:40, 20:44] = 2
    assert (labels == expected).all()
    with Image.open(folder / "00006.png") as picture:
        assert picture.mode == "I;16"
        assert np.asarray(picture)[85, 110] == 300


def test_the_davis_benchmark_finds_an_export_equal_to_the_truth(
    run: Path, tmp_path: Path, square: MovingSquare
) -> None:
    benchmark = pytest.importorskip("vos_benchmark.benchmark").benchmark
    truth, ours = tmp_path / "truth", tmp_path / "ours"
    (truth / "clip").mkdir(parents=True)
    for index in range(FRAMES):
        Image.fromarray(square.truth(index).astype(np.uint8)).save(
            truth / "clip" / f"{index:05d}.png"
        )
    export(run, [ExportTarget("davis", ours / "clip")], objects=[1])
    scores = benchmark([str(truth)], [str(ours)], verbose=False, skip_first_and_last=False)
    assert np.allclose(scores[:3], 100)


def test_png16_files_hold_ids_in_16_bits(run: Path) -> None:
    export(run, targets("png16"))
    for index, expected in ((0, 0), (6, 300)):
        path = run / "exports" / "png16" / f"{index:05d}.png"
        labels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert labels.dtype == np.uint16
        assert labels[85, 110] == expected
        assert labels[30, 30] == 2


def test_object_pictures_keep_overlaps(run: Path, square: MovingSquare) -> None:
    export(run, targets("objects"))
    folder = run / "exports" / "objects"
    first, second = (cv2.imread(str(folder / name / "00003.png"), -1) for name in ("0001", "0002"))
    assert ((first == 255) == square.truth(3)).all()
    assert ((first > 0) & (second > 0)).any()
    assert sorted(f.name for f in (folder / "0300").iterdir())[0] == "00006.png"


def test_npz_files_hold_every_mask_of_their_frame(run: Path, square: MovingSquare) -> None:
    export(run, targets("npz"))
    with np.load(run / "exports" / "npz" / "00009.npz") as arrays:
        assert arrays["ids"].tolist() == [1, 2, 300]
        assert (arrays["masks"][0] == square.truth(9)).all()
        assert not arrays["masks"][2].any()
        assert arrays["states"].tolist() == ["confirmed", "weak", "lost"]


def test_tables_are_read_back_with_states_names_and_exact_times(run: Path) -> None:
    export(run, targets("csv", "jsonl"))
    folder = run / "exports"
    rows = read_tracks_jsonl(folder / "tracks.jsonl")
    assert [(row.frame, row.track_id) for row in rows] == [
        (index, track_id) for index in range(FRAMES) for track_id in (1, 2, 300)[: 2 + (index > 5)]
    ]
    assert rows[-1].time == Fraction(11, 25)
    assert rows[-1].box == (100, 80, 120, 90)
    (lost,) = (row for row in rows if row.state is State.LOST)
    assert (lost.frame, lost.track_id, lost.box) == (9, 300, None)
    assert [row.frame for row in read_tracks_csv(folder / "tracks.csv")] == [r.frame for r in rows]
    with (folder / "tracks.csv").open(newline="") as file:
        assert {row["name"] for row in csv.DictReader(file)} == {"square", "red 7", ""}
    events = read_events_jsonl(folder / "tracks.jsonl")
    said = [(index, str(event.kind), event.track_id) for index, event in events]
    assert said == [(0, "started", 1), (0, "cut", 0), (9, "lost", 300)]


def test_mot_and_mots_have_the_boxes_and_masks_of_the_run(run: Path, square: MovingSquare) -> None:
    export(run, targets("mot", "mots"))
    lines = (run / "exports" / "mot.txt").read_text().splitlines()
    # 12 frames of two objects, six of a third, lost on one of them.
    assert len(lines) == 12 * 2 + 5
    assert lines[2] == "2,1,12,15,24,24,0.900000,-1,-1,-1"
    fields = [line.split() for line in (run / "exports" / "mots.txt").read_text().splitlines()]
    assert len(fields) == 12 * 2 + 5
    assert {tuple(row[3:5]) for row in fields} == {("96", "128")}


def test_the_video_is_painted_anew_in_the_style_asked_for(
    run: Path, tmp_path: Path, square: MovingSquare
) -> None:
    full, plain = tmp_path / "full.mp4", tmp_path / "plain.mkv"
    export(
        run,
        [
            ExportTarget("video", full, {"style": ("mask",), "opacity": "1", "crf": 0}),
            ExportTarget("video", plain, {"style": ()}),
        ],
    )
    for path in (full, plain):
        with av.open(str(path)) as container:
            frames = list(container.decode(video=0))
        assert len(frames) == FRAMES
        assert frames[7].time == pytest.approx(7 / 25, abs=1e-3)
        corner = frames[3].to_ndarray(format="rgb24")[-10:, -60:].astype(int)
        assert abs(corner - square.frame(3).image[-10:, -60:]).mean() < 25
        inside = frames[11].to_ndarray(format="rgb24")[44:54, 48:60].reshape(-1, 3).mean(axis=0)
        # Amber is the colour of 1.
        is_amber = np.abs(inside - (255, 196, 0)).max() < 20
        assert is_amber == (path == full)


def test_a_part_of_the_run_begins_at_0_and_its_sound_ends_with_it(
    make_run: MakeRun, tmp_path: Path, square: MovingSquare
) -> None:
    clip = draw(tmp_path / "clip.mp4", square, seconds_of_sound=3)
    run = make_run(square, path=clip)
    ends = {}
    for name, end in (("whole.mp4", None), ("part.mp4", "9f")):
        start = None if end is None else "4f"
        export(run, [ExportTarget("video", tmp_path / name)], start=start, end=end)
        with av.open(str(tmp_path / name)) as container:
            times = [frame.time for frame in container.decode(video=0)]
        with av.open(str(tmp_path / name)) as container:
            packets = [one for one in container.demux(audio=0) if one.pts is not None]
            ends[name] = float(max(one.pts + one.duration for one in packets) / 48000)
        assert times == pytest.approx([index / 25 for index in range(len(times))])
        assert len(times) == (12 if end is None else 5)
    # The clip has sound for three seconds and pictures for half of one.
    assert ends["whole.mp4"] > 2.9
    assert ends["part.mp4"] < 0.3


def test_a_run_on_smaller_frames_has_its_pictures_made_smaller_alike(
    make_run: MakeRun, tmp_path: Path, square: MovingSquare
) -> None:
    large = tmp_path / "large"
    large.mkdir()
    for frame in square:
        image = frame.image.repeat(2, axis=0).repeat(2, axis=1)
        Image.fromarray(image).save(large / f"{frame.index:05d}.png")
    run = make_run(square, path=large, options={"read": {"max_side": 128}})
    recorded = RecordingSink()
    export(run, targets("video"), sinks=[recorded])
    assert (recorded.results[5].frame.image == square.frame(5).image).all()


def test_a_style_not_asked_for_is_the_runs_own_with_settings_above_it(
    run: Path, tmp_path: Path, square: MovingSquare
) -> None:
    painted = []
    for name, settings in (("a.mp4", {}), ("b.mp4", {"style": {"parts": ["mask"]}})):
        export(run, [ExportTarget("video", tmp_path / name, {"crf": 0})], settings=settings)
        with av.open(str(tmp_path / name)) as container:
            painted.append(next(container.decode(video=0)).to_ndarray(format="rgb24"))
    middle = (slice(26, 34), slice(36, 42))
    before = square.frame(0).image[middle].reshape(-1, 3).mean(axis=0)
    contour, mask = (one[middle].reshape(-1, 3).mean(axis=0) for one in painted)
    assert np.abs(contour - before).max() < 15
    # A quarter of pink: the opacity is the run's.
    assert np.abs(mask - (before * 0.85 + np.array([240, 60, 160]) * 0.15)).max() < 25


def test_only_the_objects_frames_and_events_asked_for_are_written(run: Path) -> None:
    recorded = RecordingSink()
    summary = export(
        run,
        targets("csv"),
        objects=["red 7", 300],
        start="0.08",
        end="10f",
        stride=3,
        sinks=[recorded],
    )
    assert [result.frame.index for result in recorded.results] == [2, 5, 8]
    assert [[one.track_id for one in result.objects] for result in recorded.results] == [
        [2],
        [2],
        [2, 300],
    ]
    assert (summary.frames, summary.track_ids) == (3, (2, 300))
    rows = read_tracks_csv(run / "exports" / "tracks.csv")
    assert [(row.frame, row.track_id) for row in rows] == [(2, 2), (5, 2), (8, 2), (8, 300)]


def test_pictures_are_those_of_the_run_and_read_only_where_a_format_shows_them(
    run: Path, tmp_path: Path, square: MovingSquare
) -> None:
    recorded = RecordingSink()
    export(run, targets("video"), start="4f", stride=2, sinks=[recorded])
    assert [result.frame.index for result in recorded.results] == [4, 6, 8, 10]
    for result in recorded.results:
        assert (result.frame.image == square.frame(result.frame.index).image).all()
    (tmp_path / "video").rename(tmp_path / "moved")
    recorded = RecordingSink()
    export(run, targets("davis"), sinks=[recorded])
    assert not recorded.results[0].frame.image.any()


def test_a_video_that_moved_is_asked_for_and_found_where_it_is_said_to_be(
    run: Path, tmp_path: Path
) -> None:
    (tmp_path / "video").rename(tmp_path / "moved")
    with pytest.raises(VideoError, match=r"video.*if the video has moved, say where it is"):
        export(run, targets("video", "davis"))
    assert not (run / "exports").exists()
    export(run, targets("video"), video=tmp_path / "moved")
    assert (run / "exports" / "video.mp4").is_file()


def test_a_run_on_standard_input_needs_to_be_told_its_video(
    make_run: MakeRun, square: MovingSquare, video: Path
) -> None:
    run = make_run(square, path="-")
    with pytest.raises(VideoError, match="standard input"):
        export(run, targets("video"))
    export(run, targets("video"), video=video)


def test_another_video_is_refused(
    run: Path, tmp_path: Path, make_run: MakeRun, square: MovingSquare, video: Path
) -> None:
    small, short = tmp_path / "small", tmp_path / "short"
    for folder, source in ((small, MovingSquare(size=(64, 96))), (short, square)):
        folder.mkdir()
        for frame in list(source)[:7]:
            Image.fromarray(frame.image).save(folder / f"{frame.index:05d}.png")
    with pytest.raises(VideoError, match="its frames are 96x64, those of the run 128x96"):
        export(run, targets("video"), video=small)
    with pytest.raises(VideoError, match=r"frame 7 of the run is at 0\.2800 s.*it has ended"):
        export(run, targets("video"), video=short)
    other = make_run(MovingSquare(frame_count=12, frame_rate=Fraction(30)), name="other")
    with pytest.raises(VideoError, match=r"frame 1 .* 0\.0333 s.*the next is at 0\.0400 s"):
        export(other, targets("video"), video=video)


def test_nothing_is_overwritten_unasked_and_nothing_written_when_one_target_is_refused(
    run: Path,
) -> None:
    export(run, targets("csv", "davis"))
    before = (run / "exports" / "tracks.csv").read_bytes()
    for names in (("mot", "csv"), ("mot", "davis")):
        with pytest.raises(OutputError, match=r"--overwrite to replace it"):
            export(run, targets(*names), objects=[1])
    assert (run / "exports" / "tracks.csv").read_bytes() == before
    assert not (run / "exports" / "mot.txt").exists()


def test_overwriting_removes_what_an_earlier_export_wrote_and_no_other_file(run: Path) -> None:
    export(run, targets("csv", "davis", "objects", "npz"))
    folder = run / "exports"
    others = [folder / "davis" / "notes.txt", folder / "objects" / "0002" / "best.png"]
    for path in others:
        path.write_text("mine")
    export(run, targets("csv", "davis", "objects", "npz"), objects=[1], end="3f", overwrite=True)
    assert sorted(f.name for f in (folder / "davis").iterdir()) == [
        "00000.png",
        "00001.png",
        "00002.png",
        "notes.txt",
    ]
    assert sorted(f.name for f in (folder / "objects").iterdir()) == ["0001", "0002"]
    assert [f.name for f in (folder / "objects" / "0002").iterdir()] == ["best.png"]
    assert len(list((folder / "npz").iterdir())) == 3
    assert {row.track_id for row in read_tracks_csv(folder / "tracks.csv")} == {1}


def test_an_export_that_fails_leaves_partial_names_only(run: Path) -> None:
    with pytest.raises(OutputError, match="the disk is full"):
        export(run, targets("csv", "mot", "video"), sinks=[FailingSink()])
    assert sorted(f.name for f in (run / "exports").iterdir()) == [
        "mot.partial.txt",
        "tracks.partial.csv",
        "video.partial.mp4",
    ]


def test_a_run_that_did_not_end_is_exported_as_far_as_it_came_with_a_warning(
    make_run: MakeRun, square: MovingSquare, caplog: pytest.LogCaptureFixture
) -> None:
    run = make_run(square, is_complete=False)
    assert export(run, targets("csv")).frames == FRAMES
    assert "the run did not come to its end; it has 12 frames" in caplog.text


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"targets": []}, "at least one format"),
        ({"targets": targets("cocoa")}, "a format is one of davis"),
        ({"targets": [ExportTarget("mot", options={"layot": "gt"})]}, "mot has no option 'layot'"),
        ({"targets": [ExportTarget("csv", "tracks.xml")]}, r"ending in \.csv; got tracks\.xml"),
        ({"objects": ["cat"]}, "no object 'cat'; it has 1 square, 2 red 7, 300"),
        ({"stride": 0}, "stride is 1 or more"),
        ({"start": "12f"}, r"frames 0 to 11, from 0\.000 to 0\.440 s"),
        ({"settings": {"style": {"colour": 1}}}, r"unknown setting style\.colour"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_written(
    run: Path, given: dict[str, object], message: str
) -> None:
    before = sorted(run.rglob("*"))
    arguments: dict[str, object] = {"targets": targets("csv"), **given}
    with pytest.raises(ConfigError, match=message):
        export(run, **arguments)  # type: ignore[arg-type]
    assert sorted(run.rglob("*")) == before


def test_the_summary_is_ready_for_json(run: Path) -> None:
    summary = export(run, [ExportTarget("csv"), ExportTarget("mot")], objects=["1"])
    said = json.loads(json.dumps(summary.to_dict()))
    assert said["outputs"] == [
        {"format": "csv", "path": str(run / "exports" / "tracks.csv")},
        {"format": "mot", "path": str(run / "exports" / "mot.txt")},
    ]
    assert (said["frames"], said["objects"]) == (12, [1])


def test_memory_does_not_grow_with_the_length_of_the_run(make_run: MakeRun, tmp_path: Path) -> None:
    names = ["davis", "png16", "objects", "npz", "csv", "jsonl", "mot", "mots", "coco", "video"]
    # The queues hold more or less as the threads have time: one result each here.
    settings = {"write": {"queue_frames": 1}}
    peaks = []
    # The first pays for imports; 64 frames are fetched from the store together.
    for count in (70, 70, 270):
        source = MovingSquare(frame_count=count)
        run = make_run(source, name=f"run{len(peaks)}")
        video = draw(tmp_path / f"video{len(peaks)}.mp4", source)
        tracemalloc.start()
        export(run, targets(*names), video=video, settings=settings)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # 200 frames of 36 KB, held, would be 7 MB; the threads' timing moves the peak by up to .4 MB.
    assert peaks[2] - peaks[1] < 700_000, peaks
