"""What the run store costs: time, size by minute and object, projected to an hour.

    python benchmarks/run_store.py VIDEO --box NAME=X0,Y0,X1,Y1 ... [--cores 0,1] [-o FILE]

Tracks a video and writes nothing but the store, one after the other on one thread, so that each is
timed by itself: in the program the store works on a thread beside the tracking, where its seconds
are mostly those it waits. Times are of the processor. The first third of the results is written
into a second store as well; the size grows by the difference of the two, so that what a store takes
once is not counted.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from track_anything.config import RunConfig
from track_anything.evaluation.report import machine
from track_anything.io.run_store import RunStoreSink
from track_anything.job import Job, plan
from track_anything.prompts import objects_from_options, parse_box
from track_anything.resume import SnapshottingTracker
from track_anything.timing import StageClock


class Seconds:
    """Processor seconds by name."""

    def __init__(self) -> None:
        self.by_name: dict[str, float] = {}

    def of(self, name: str, work: Callable[[], Any]) -> Any:
        """What work returns, its time added."""
        started = time.process_time()
        result = work()
        self.by_name[name] = self.by_name.get(name, 0.0) + time.process_time() - started
        return result


def measure(video: Path, boxes: list[str], folder: Path) -> dict[str, Any]:
    """Figures of one run."""
    objects = objects_from_options([parse_box(box) for box in boxes])
    job = Job(input=str(video), prompts=objects, config=RunConfig(segmenter="grabcut"))
    seconds, path = Seconds(), folder / "tracks.db"
    saves: list[int] = []
    with closing(plan(job)) as planned:
        inner = planned.tracker(StageClock())
        sink = RunStoreSink(path, planned.info)
        first_path = folder / "third.db"
        first = RunStoreSink(first_path, planned.info)
        third = (planned.info.frame_count or 0) // 3
        save = inner.save

        def saved() -> bytes | None:
            state = seconds.of("copying the state", save)
            saves.append(len(state or b""))
            return state  # type: ignore[no-any-return]

        inner.save = saved  # type: ignore[method-assign]
        tracker = SnapshottingTracker(inner, sink.offer_snapshot)
        tracker.start(planned.info)
        frames = 0

        def write(results: Any) -> None:
            nonlocal frames
            for result in results:
                seconds.of("writing", lambda result=result: sink.write(result))
                if frames < third:
                    first.write(result)
                frames += 1

        for frame in planned.source:
            prompts = planned.schedule.at(frame)
            write(seconds.of("tracking", lambda f=frame, p=prompts: tracker.step(f, p)))
        write(seconds.of("tracking", tracker.finish))
        seconds.of("writing", sink.close)
        first.close()
    spent = seconds.by_name
    spent["tracking"] -= spent.get("copying the state", 0.0)
    storing = sum(value for name, value in spent.items() if name != "tracking")
    grown = (path.stat().st_size - first_path.stat().st_size) / (frames - third)
    return {
        "size": [planned.info.width, planned.info.height],
        "frame_rate": round(float(planned.info.frame_rate), 3),
        "frames": frames,
        "objects": len(objects),
        "processor_seconds": {name: round(value, 3) for name, value in spent.items()},
        "share_of_tracking": round(storing / spent["tracking"], 4),
        "snapshots": len(saves),
        "snapshot_megabytes": round(max(saves, default=0) / 1e6, 1),
        "file_megabytes": round(path.stat().st_size / 1e6, 3),
        "bytes_per_frame_and_object": round(grown / len(objects), 1),
        "by_minute": grown * float(planned.info.frame_rate) * 60,
    }


def main() -> None:
    """Measure, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video", type=Path)
    parser.add_argument("--box", action="append", required=True)
    parser.add_argument("--cores", default="0,1")
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    cores = {int(core) for core in options.cores.split(",")}
    os.sched_setaffinity(0, cores)
    with tempfile.TemporaryDirectory() as name:
        figures = measure(options.video, options.box, Path(name))
    by_minute = figures.pop("by_minute")
    result = {
        "machine": {**machine(), "cores used": len(cores)},
        "video": options.video.name,
        **figures,
        "megabytes_per_minute_and_object": round(by_minute / figures["objects"] / 1e6, 3),
        "one_hour_projected": {
            "megabytes": round(by_minute * 60 / 1e6, 1),
            "megabytes_per_object": round(by_minute / figures["objects"] * 60 / 1e6, 1),
        },
    }
    text = json.dumps(result, indent=2)
    print(text)
    if options.output:
        options.output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
