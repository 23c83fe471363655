"""Cost and memory of reading videos backwards, against reading them forwards.

    python benchmarks/reversed_source.py VIDEO... [--repeats 3] [-o RESULT.json]

Processor time, so that other work on the machine does not count; forwards and backwards take
turns. "known" is backwards with the times of the frames known from reading forwards before.
"""

import argparse
import json
import resource
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from track_anything.config import ReadConfig
from track_anything.evaluation.report import machine
from track_anything.interfaces import FrameSource
from track_anything.io.frame_index import frame_index
from track_anything.io.reversed import open_reversed
from track_anything.io.sources import open_source

IN_LINE = ReadConfig(prefetch_frames=0)
PEAK = """
import sys
from track_anything.config import ReadConfig
from track_anything.io.reversed import open_reversed
from track_anything.io.sources import open_source
path, is_backwards = sys.argv[1], sys.argv[2] == "backwards"
in_line = ReadConfig(prefetch_frames=0)
source = open_reversed(path) if is_backwards else open_source(path, config=in_line)
for frame in source:
    pass
print(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0])
"""


def cost(open_it: Callable[[], FrameSource]) -> float:
    """Processor seconds of opening and reading everything."""
    started = resource.getrusage(resource.RUSAGE_SELF)
    with closing(open_it()) as source:
        for _ in source:
            pass
    ended = resource.getrusage(resource.RUSAGE_SELF)
    user, system = ended.ru_utime - started.ru_utime, ended.ru_stime - started.ru_stime
    return user + system


def peak_megabytes(path: Path, direction: str) -> float:
    """Most memory of a process that does nothing else; Linux alone tells it."""
    command = [sys.executable, "-c", PEAK, str(path), direction]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout) / 1024


def main() -> None:
    """Measure every video, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    rows = {}
    for path in options.videos:
        index = frame_index(path)
        ways: dict[str, Callable[[], FrameSource]] = {
            "forwards": lambda path=path: open_source(path, config=IN_LINE),
            "backwards": lambda path=path: open_reversed(path),
            "known": lambda path=path, index=index: open_reversed(path, index=index),
        }
        runs = [{name: cost(way) for name, way in ways.items()} for _ in range(options.repeats)]
        seconds = {name: min(run[name] for run in runs) for name in ways}
        count = len(index.times)
        rows[path.name] = {
            "frames": count,
            "key_frames": len(index.key_frames),
            **{f"{name}_ms": round(1000 * s / count, 2) for name, s in seconds.items()},
            "ratio": round(seconds["backwards"] / seconds["forwards"], 2),
            "ratio_known": round(seconds["known"] / seconds["forwards"], 2),
            **{f"peak_mb_{d}": round(peak_megabytes(path, d)) for d in ("forwards", "backwards")},
        }
    text = json.dumps({"machine": machine(), "videos": rows}, indent=2)
    print(text)
    if options.output:
        options.output.write_text(text + "\n")


if __name__ == "__main__":
    main()
