"""describe: what `track-anything info` tells."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from track_anything.errors import VideoError
from track_anything.io.describe import describe


def told(path: Path) -> dict[str, Any]:
    """Through JSON, which must be able to hold it."""
    return dict(json.loads(json.dumps(describe(path, count_frames=True))))


def test_a_plain_clip_is_described_without_warnings(clips: Any) -> None:
    path = clips.make(
        audio="aac", color=(1, 1), rate=Fraction(30000, 1001), time_base=Fraction(1001, 30000)
    )
    facts = told(path)
    assert facts["frames"]["count"] == facts["claimed_frame_count"] == 20
    assert facts["frames"]["is_constant_rate"]
    assert facts["frame_rate"] == "30000/1001"
    assert facts["frames_per_second"] == 29.97
    assert (facts["width"], facts["height"]) == (128, 96)
    assert (facts["codec"], facts["pixel_format"], facts["bit_depth"]) == ("h264", "yuv420p", 8)
    assert facts["color"] == {"range": 1, "space": 1, "primaries": 1, "transfer": 1}
    assert [s["codec"] for s in facts["streams"]] == ["h264", "aac"]
    assert facts["audio"][0]["sample_rate"] == 48000
    assert facts["warnings"] == []


def test_counting_is_left_out_on_request(clips: Any) -> None:
    assert describe(clips.make(), count_frames=False)["frames"] is None


def test_milliseconds_of_matroska_are_still_a_constant_rate(clips: Any) -> None:
    path = clips.make("a.mkv", rate=Fraction(30), time_base=Fraction(1, 30), count=30)
    assert told(path)["frames"]["is_constant_rate"]


def test_a_variable_rate_is_said(clips: Any) -> None:
    facts = told(clips.make(count=4, pts=[0, 40, 80, 500], time_base=Fraction(1, 1000)))
    assert not facts["frames"]["is_constant_rate"]
    assert facts["frames"]["shortest_step"] == 0.04
    assert facts["frames"]["longest_step"] == 0.42
    assert any("variable frame rate" in warning for warning in facts["warnings"])


def test_what_will_be_changed_on_reading_is_said(clips: Any) -> None:
    odd = told(clips.make("odd.mkv", codec="ffv1", size=(97, 131)))
    assert any("odd size" in warning for warning in odd["warnings"])
    interlaced = told(clips.make("i.mp4", interlaced=True))
    assert any("interlaced" in warning for warning in interlaced["warnings"])
    deep = told(clips.make("deep.mkv", pixel_format="yuv420p10le", rotation=90))
    assert deep["bit_depth"] == 10


def test_joined_recordings_and_their_sizes_are_said(clips: Any) -> None:
    data = clips.make("a.ts").read_bytes() + clips.make("b.ts", size=(48, 64)).read_bytes()
    (clips.folder / "ab.ts").write_bytes(data)
    facts = told(clips.folder / "ab.ts")
    assert facts["frames"]["count"] == 40
    assert facts["frames"]["clock_restarts"] == 1
    assert facts["frames"]["size_count"] == 2
    assert len(facts["warnings"]) == 2


def test_a_truncated_file_is_said(clips: Any) -> None:
    path = clips.make(count=40)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    facts = told(path)
    assert facts["frames"]["count"] < 40
    assert any("cut off" in warning for warning in facts["warnings"])


def test_pictures_are_described(tmp_path: Path) -> None:
    PillowImage.fromarray(np.zeros((8, 10, 3), np.uint8)).save(tmp_path / "a.png")
    facts = told(tmp_path)
    assert (facts["container"], facts["width"], facts["height"]) == ("pictures", 10, 8)


def test_what_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="no such file"):
        describe(tmp_path / "nothing.mp4", count_frames=False)
