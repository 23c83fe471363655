"""Time and memory of the whole command on one video, and on the same video ten times over.

    python benchmarks/whole_command.py VIDEO --box X0,Y0,X1,Y1 [--cores 0,1] [--times 10] [-o FILE]

Runs `track-anything track` in a process of its own: frames per second of the whole command, busy
seconds per stage (their sum above the wall time is what ran side by side), and peak memory. The
long video is the short one joined to itself without re-encoding.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from track_anything.evaluation.report import machine


def join(video: Path, times: int, target: Path) -> None:
    """Write a video several times after itself, packet by packet, without its audio."""
    with av.open(str(target), "w") as output:
        shift, stream = 0, None
        for _ in range(times):
            with av.open(str(video)) as source:
                template = source.streams.video[0]
                stream = stream or output.add_stream_from_template(template)
                end = 0
                for packet in source.demux(template):
                    if packet.dts is None:
                        continue
                    step = packet.duration or round(
                        1 / (template.average_rate * template.time_base)
                    )
                    end = max(end, packet.pts + step)
                    packet.pts += shift
                    packet.dts += shift
                    packet.stream = stream
                    output.mux(packet)
                shift += end


def run(video: Path, options: Sequence[str], cores: set[int], folder: Path) -> dict[str, Any]:
    """Figures of one run of the command with some options, on the given cores."""
    program = [sys.executable, "-c", "from track_anything_cli.main import main; main()"]
    child = subprocess.Popen(
        [*program, "track", str(video), *options, "-o", str(folder), "--quiet"],
        stdout=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
        env={**os.environ, "OMP_NUM_THREADS": str(len(cores))},
    )
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"the command failed with status {status}")
    manifest = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    stages = dict(manifest["timings"])
    wall = stages.pop("wall")
    busy = sum(stage["seconds"] for stage in stages.values())
    return {
        "frames": manifest["frames"],
        "frames_per_second": round(manifest["frames"] / wall, 2),
        "wall_seconds": round(wall, 2),
        "busy_seconds": round(busy, 2),
        "stages": {name: round(stage["seconds"], 2) for name, stage in stages.items()},
        "peak_megabytes": round(usage.ru_maxrss / 1024, 1),
    }


def main() -> None:
    """Run both, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video", type=Path)
    parser.add_argument("--box", required=True)
    parser.add_argument("--cores", default="0,1")
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    cores = {int(core) for core in options.cores.split(",")}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Both through the same joining, so that the container is no difference.
        join(options.video, 1, folder / "short.mp4")
        join(options.video, options.times, folder / "long.mp4")
        given = ["--box", options.box, "--segmenter", "grabcut"]
        short = run(folder / "short.mp4", given, cores, folder / "short")
        long = run(folder / "long.mp4", given, cores, folder / "long")
    growth = Fraction(str(long["peak_megabytes"])) / Fraction(str(short["peak_megabytes"])) - 1
    result = {
        "machine": {**machine(), "cores used": len(cores)},
        "video": options.video.name,
        "once": short,
        f"{options.times} times": long,
        "peak_memory_growth": round(float(growth), 4),
    }
    text = json.dumps(result, indent=2)
    print(text)
    if options.output:
        options.output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
