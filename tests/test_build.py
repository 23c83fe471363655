"""Names become objects, chosen for a reason, and sinks share threads sensibly."""

import threading
from pathlib import Path
from typing import Any

import pytest

from track_anything import build
from track_anything.build import (
    COMPACT_TRUST,
    GRABCUT_TRUST,
    SAM_TRUST,
    SEGMENTERS,
    OutputParts,
    build_segmenter,
    build_sinks,
    build_source,
    build_tracker,
    choose_segmenter,
    resolved_config,
)
from track_anything.config import ReadConfig, RepromptConfig, RunConfig, TrackerConfig
from track_anything.errors import ConfigError, OutputError, WeightsError
from track_anything.io.run_folder import RunFolder
from track_anything.structures import FrameResult, Prompt
from track_anything.testing import MovingSquare, ThresholdSegmenter
from track_anything.timing import StageClock, TimedTracker


def put_weights(cache: Path, name: str, size: int) -> None:
    (cache / "sam").mkdir(parents=True, exist_ok=True)
    (cache / "sam" / f"{name}.safetensors").write_bytes(b"x" * size)


def with_mode(mode: str) -> RunConfig:
    return RunConfig(tracker=TrackerConfig(reprompt=RepromptConfig(mode=mode, evidence_gain=0.5)))


def test_auto_without_weights_is_the_embedded_segmenter_and_says_why() -> None:
    spec, reason = choose_segmenter("auto")
    assert spec is SEGMENTERS["compact"]
    assert reason == "the embedded one: no weights of SAM are here"


def test_auto_takes_weights_that_are_cached_the_smallest_on_a_cpu(
    weights_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    put_weights(weights_folder, "sam-huge", 30)
    put_weights(weights_folder, "sam-base", 10)
    spec, reason = choose_segmenter("auto")
    assert (spec.name, spec.arguments) == ("sam-base", {"weights": "sam-base"})
    assert spec.trust == SAM_TRUST
    assert reason == "the quickest on cpu of those whose weights are cached"


def test_a_name_that_is_not_cached_is_refused_and_says_where_its_weights_are() -> None:
    with pytest.raises(WeightsError, match=r"sam-base.*not downloaded unasked.*https://"):
        choose_segmenter("sam-base")


def test_a_name_that_is_cached_is_taken(weights_folder: Path) -> None:
    put_weights(weights_folder, "sam-large", 10)
    assert choose_segmenter("sam-large")[0].arguments == {"weights": "sam-large"}


def test_a_checkpoint_is_taken_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.pth"
    path.touch()
    spec, reason = choose_segmenter(str(path))
    assert (spec.target, spec.arguments) == (build.SAM, {"weights": str(path)})
    assert reason == "the checkpoint asked for"


def test_a_checkpoint_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no such checkpoint"):
        choose_segmenter(str(tmp_path / "mine.safetensors"))


def test_an_unknown_segmenter_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ConfigError, match="auto, compact, grabcut, none, sam-base"):
        choose_segmenter("magic")


def test_the_embedded_segmenter_gets_the_seed() -> None:
    segmenter = build_segmenter(SEGMENTERS["grabcut"], seed=5)
    assert segmenter is not None
    assert segmenter.name == "grabcut"
    assert segmenter._seed == 5  # type: ignore[attr-defined]


def test_none_is_no_segmenter() -> None:
    assert build_segmenter(SEGMENTERS["none"]) is None


@pytest.mark.parametrize(
    ("spec", "mode", "expected"),
    [
        (SEGMENTERS["grabcut"], "auto", ("on", GRABCUT_TRUST.evidence_gain)),
        (SEGMENTERS["compact"], "auto", ("on", COMPACT_TRUST.evidence_gain)),
        (build._sam("sam-base"), "auto", ("on", SAM_TRUST.evidence_gain)),
        (SEGMENTERS["grabcut"], "clock", ("clock", GRABCUT_TRUST.evidence_gain)),
        (SEGMENTERS["grabcut"], "on", ("on", 0.5)),
        (SEGMENTERS["grabcut"], "off", ("off", 0.5)),
        (SEGMENTERS["none"], "on", ("off", 0.5)),
    ],
)
def test_a_weak_segmenter_needs_more_evidence_than_a_strong_one(
    spec: build.SegmenterSpec, mode: str, expected: tuple[str, float]
) -> None:
    config = resolved_config(with_mode(mode), spec)
    reprompt = config.tracker.reprompt
    assert (reprompt.mode, reprompt.evidence_gain) == expected
    assert config.segmenter == spec.name


def test_sam_is_believed_most_and_grabcut_least() -> None:
    gains = [trust.evidence_gain for trust in (SAM_TRUST, COMPACT_TRUST, GRABCUT_TRUST)]
    assert gains == sorted(gains)
    assert gains[0] < 0 < gains[-1]


def test_the_tracker_is_timed_apart_from_its_segmenter() -> None:
    source, clock = MovingSquare(frame_count=2), StageClock()
    config = resolved_config(RunConfig(), SEGMENTERS["grabcut"])
    tracker = build_tracker(config, ThresholdSegmenter(), clock=clock)
    assert isinstance(tracker, TimedTracker)
    tracker.start(source.info)
    tracker.step(source.frame(0), [Prompt(box=source.box(0), track_id=1)])
    assert {"track", "embed", "segment"} <= clock.to_dict().keys()


def test_frames_are_decoded_ahead_on_a_thread_and_timed_there() -> None:
    clock = StageClock()
    threads: list[str] = []

    class Watched(MovingSquare):
        def frame(self, index: int) -> Any:
            threads.append(threading.current_thread().name)
            return super().frame(index)

    source = build_source(Watched(frame_count=3), RunConfig(), clock)
    assert len(list(source)) == 3
    source.close()
    assert set(threads) == {"prefetch"}
    decode: Any = clock.to_dict()["decode"]
    assert decode["count"] == 3


def test_frames_are_decoded_in_line_where_none_are_to_wait() -> None:
    config = RunConfig(read=ReadConfig(prefetch_frames=0))
    frames = iter(build_source(MovingSquare(frame_count=3), config, StageClock()))
    assert next(frames).index == 0
    assert not [one for one in threading.enumerate() if one.name == "prefetch"]


def folder_of(path: Path) -> RunFolder:
    folder = RunFolder(path, overwrite=False, inputs=[])
    folder.begin()
    return folder


def test_each_part_is_written_and_timed_under_its_own_name(tmp_path: Path) -> None:
    source, clock = MovingSquare(frame_count=3), StageClock()
    sinks = build_sinks(
        folder_of(tmp_path / "run"),
        source.info,
        RunConfig(),
        clock,
        parts=OutputParts(object_masks=True),
    )
    # The encoder is slow: nothing else waits for it.
    assert len(sinks) == 2
    for frame in source:
        for sink in sinks:
            sink.write(FrameResult(frame))
    for sink in sinks:
        sink.close()
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        "annotated.mp4",
        "masks",
        "objects",
        "tracks.csv",
        "tracks.db",
        "tracks.jsonl",
    }
    stages = clock.to_dict()
    for name, count in {"store": 3, "tables": 6, "masks": 3, "object masks": 3, "paint": 3}.items():
        stage: Any = stages[name]
        assert stage["count"] == count
    assert "encode" in stages


def test_parts_that_are_left_out_leave_no_trace(tmp_path: Path) -> None:
    parts = OutputParts(video=False, masks=False)
    source = MovingSquare(frame_count=1)
    (sink,) = build_sinks(
        folder_of(tmp_path / "run"), source.info, RunConfig(), StageClock(), parts=parts
    )
    sink.write(FrameResult(source.frame(0)))
    sink.close()
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        "tracks.csv",
        "tracks.db",
        "tracks.jsonl",
    }


def test_a_sink_that_cannot_be_opened_leaves_none_of_the_others_open(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "run")
    folder.video.mkdir()
    threads = threading.active_count()
    with pytest.raises(OutputError, match=r"annotated\.mp4: is a folder"):
        build_sinks(folder, MovingSquare().info, RunConfig(), StageClock())
    assert threading.active_count() == threads
    assert not folder.csv.exists()
