"""How fast SAM runs here: KerasCV's model, Meta's implementation and ours, side by side.

    python benchmarks/sam.py --size base --input 1024 --threads 1
    python benchmarks/sam.py --size base large huge --device cuda --dtype float16 bfloat16 float32

Weights are random: speed does not depend on them. All implementations run in one process, in
turns, so that a busy machine slows all of them; read the ratios, not the seconds. Meta's
implementation is transformers' SamModel with eager attention, which follows it line by line.
"""

import argparse
import ctypes
import gc
import importlib.metadata
import importlib.util
import json
import multiprocessing
import os
import platform
import statistics
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from track_anything.segmenters.sam.architecture import SamConfig, published_config
from track_anything.segmenters.sam.execution import SamPrompt
from track_anything.segmenters.sam.lean import LeanSam, choose_dtype
from track_anything.segmenters.sam.memory import free_memory, needed_memory
from track_anything.segmenters.sam.weights import SamWeights, random_weights

RESULTS = Path(__file__).parent / "results"
IMPLEMENTATIONS = ("kerascv", "meta", "lean", "lean-int8")
PACKAGES = ("torch", "keras", "keras-cv", "transformers", "numpy")
IMAGE_SHARE = 9 / 16
"""Of the square input that is picture, as with video."""

Task = Callable[[], object]


class Implementation(ABC):
    """One way to run SAM, as a set of named tasks."""

    def __init__(self, config: SamConfig, device: torch.device) -> None:
        self.config, self.device = config, device
        size = config.image_size
        shape = (int(size * IMAGE_SHARE), size, 3)
        self.image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        self.embedding: Any = None

    @abstractmethod
    def encode(self) -> object:
        """The image's embedding, as the implementation wants it."""

    @abstractmethod
    def decode(self, count: int, has_mask: bool) -> object:
        """Four masks for each of so many boxes."""

    def both(self) -> object:
        """Encode, then decode one box."""
        self.embedding = self.encode()
        return self.decode(1, False)

    def tasks(self) -> dict[str, Task]:
        """What is measured."""
        return {
            "encode": self.encode,
            "decode 1 box": lambda: self.decode(1, False),
            "decode 8 boxes": lambda: self.decode(8, False),
            "decode 1 mask + box": lambda: self.decode(1, True),
            "decode 8 masks + boxes": lambda: self.decode(8, True),
            "end to end": self.both,
        }

    def prompts(self, count: int, has_mask: bool) -> list[SamPrompt]:
        """So many boxes, each with a mask if asked for."""
        side, size = self.config.mask_size, float(self.config.image_size)
        mask = np.linspace(-4, 4, side * side, dtype=np.float32).reshape(side, side)
        return [
            SamPrompt(
                np.zeros((0, 2), np.float32),
                np.zeros(0, np.int64),
                np.array([i, 2 * i, size / 2 + i, size / 2], np.float32),
                mask if has_mask else None,
            )
            for i in range(count)
        ]


class Lean(Implementation):
    """Ours."""

    def __init__(
        self, weights: SamWeights, device: torch.device, dtype: torch.dtype, *, int8: bool
    ) -> None:
        super().__init__(weights.config, device)
        self.sam = LeanSam(weights, device=device, dtype=dtype, int8=int8)

    def encode(self) -> object:
        """As Implementation."""
        return self.sam.encode(self.image)

    def decode(self, count: int, has_mask: bool) -> object:
        """As Implementation."""
        return self.sam.decode(self.embedding, self.prompts(count, has_mask))


class KerasCv(Implementation):
    """KerasCV's model; prompts of one call in one batch, as a user of it would."""

    def __init__(self, weights: SamWeights, device: torch.device) -> None:
        super().__init__(weights.config, device)
        from track_anything.segmenters.sam.keras_model import KerasSamModel

        self.sam = KerasSamModel(weights)

    def encode(self) -> object:
        """As Implementation."""
        return self.sam.encode(self.image)

    def decode(self, count: int, has_mask: bool) -> object:
        """As Implementation."""
        prompts, side = self.prompts(count, has_mask), self.config.mask_size
        boxes = torch.tensor(_boxes(prompts))
        masks = [prompt.mask for prompt in prompts if prompt.mask is not None]
        inputs = {
            "points": torch.zeros(count, 0, 2),
            "labels": torch.zeros(count, 0),
            "boxes": boxes.view(count, 1, 2, 2),
            "masks": torch.tensor(np.stack(masks)).view(count, 1, side, side, 1)
            if masks
            else torch.zeros(count, 0, side, side, 1),
        }
        model = self.sam.model
        with torch.inference_mode():
            encoded = model.prompt_encoder(inputs)
            return model.mask_decoder(
                {
                    "image_embeddings": self.embedding,
                    "image_pe": encoded["dense_positional_embeddings"],
                    "sparse_prompt_embeddings": encoded["sparse_embeddings"],
                    "dense_prompt_embeddings": encoded["dense_embeddings"],
                }
            )


class Meta(Implementation):
    """Meta's implementation, by way of transformers."""

    def __init__(self, config: SamConfig, device: torch.device, dtype: torch.dtype) -> None:
        super().__init__(config, device)
        import transformers

        settings = transformers.SamConfig(
            vision_config={
                "hidden_size": config.embed_dim,
                "num_hidden_layers": config.depth,
                "num_attention_heads": config.head_count,
                "image_size": config.image_size,
                "mlp_dim": config.mlp_dim,
                "global_attn_indexes": list(config.global_blocks),
            },
            prompt_encoder_config={"image_size": config.image_size},
            attn_implementation="eager",  # type: ignore[call-arg]
        )
        self.dtype = dtype
        self.sam = transformers.SamModel(settings).eval()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            for parameter in self.sam.parameters():  # its own are so small that they underflow
                parameter.normal_(std=0.02)
        self.sam.to(device=device, dtype=dtype)

    def encode(self) -> object:
        """As Implementation."""
        size = self.config.image_size
        pixels = torch.zeros(1, 3, size, size, device=self.device, dtype=self.dtype)
        image = torch.from_numpy(self.image).to(self.device).permute(2, 0, 1)
        pixels[..., : image.shape[1], :] = (image - 115) / 58
        with torch.inference_mode():
            return self.sam.get_image_embeddings(pixels)

    def decode(self, count: int, has_mask: bool) -> object:
        """As Implementation."""
        prompts = self.prompts(count, has_mask)
        place: dict[str, Any] = {"device": self.device, "dtype": self.dtype}
        boxes = torch.tensor(_boxes(prompts), **place)[None]
        masks = [prompt.mask for prompt in prompts if prompt.mask is not None]
        with torch.inference_mode():
            if not masks:
                return self.sam(
                    image_embeddings=self.embedding, input_boxes=boxes, multimask_output=True
                ).pred_masks
            # Its own forward takes one mask an image: the parts, as Meta's batches call them.
            sparse, dense = self.sam.prompt_encoder(
                None, None, boxes, torch.tensor(np.stack(masks), **place)[:, None]
            )
            position = self.sam.get_image_wide_positional_embeddings()
            return self.sam.mask_decoder(
                image_embeddings=self.embedding.expand(count, -1, -1, -1),
                image_positional_embeddings=position.expand(count, -1, -1, -1),
                sparse_prompt_embeddings=sparse.transpose(0, 1),
                dense_prompt_embeddings=dense,
                multimask_output=True,
            )


def _boxes(prompts: list[SamPrompt]) -> np.ndarray:
    return np.stack([prompt.box for prompt in prompts if prompt.box is not None])


def peak_encode_bytes(
    name: str, size: str, input_size: int, device_name: str, dtype_name: str, threads: int
) -> int:
    """How much an encode needs beside the weights; run it in a process of its own.

    On a CPU: how much the process grows during its first encode, where the system tells.
    """
    torch.set_num_threads(threads)
    device = torch.device(device_name)
    weights = random_weights(published_config(size).resized(input_size))
    implementation = build(name, weights, device, choose_dtype(dtype_name, device))
    if device.type == "cuda":
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        implementation.encode()
        return torch.cuda.max_memory_allocated() - before
    _give_back_freed_memory()
    before, done, peaks = _resident_bytes(), threading.Event(), [0]

    def watch() -> None:
        while not done.wait(0.005):
            peaks.append(_resident_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    implementation.encode()
    done.set()
    watcher.join()
    return max(max(peaks) - before, 0)


def _give_back_freed_memory() -> None:
    """Or what building freed would hide what encoding takes."""
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)


def _own_process(name: str, run: tuple[str, int, str, str, int]) -> int:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(peak_encode_bytes, name, *run).result()


def _resident_bytes() -> int:
    statm = Path("/proc/self/statm")
    if not statm.is_file():
        return 0
    return int(statm.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def build(
    name: str, weights: SamWeights, device: torch.device, dtype: torch.dtype
) -> Implementation:
    """The implementation of a name."""
    if name == "kerascv":
        return KerasCv(weights, device)
    if name == "meta":
        return Meta(weights.config, device, dtype)
    return Lean(weights, device, dtype, int8=name == "lean-int8")


def measure(
    names: list[str], weights: SamWeights, device: torch.device, dtype: torch.dtype, rounds: int
) -> dict[str, Any]:
    """Seconds of every task of every implementation, in turns."""
    built: dict[str, Implementation] = {}
    results: dict[str, dict[str, Any]] = {}
    for name in names:
        print(f"  {name}: building", flush=True)
        implementation = built[name] = build(name, weights, device, dtype)
        implementation.embedding = implementation.encode()
        results[name] = {"seconds": {}}
    for task in next(iter(built.values())).tasks():
        times: dict[str, list[float]] = {name: [] for name in names}
        # The first of each is a warm-up; decodes are quick and get more rounds.
        count = 1 + (rounds if task in ("encode", "end to end") else 3 * rounds)
        for _ in range(count):
            for name, implementation in built.items():
                times[name].append(_seconds(implementation.tasks()[task], device))
        for name, seconds in times.items():
            kept = seconds[1:]
            results[name]["seconds"][task] = {
                "median": statistics.median(kept),
                "best": min(kept),
                "rounds": len(kept),
            }
        line = ", ".join(f"{name} {statistics.median(times[name][1:]):.4f}" for name in names)
        print(f"  {task}: {line}", flush=True)
    return results


def _seconds(task: Task, device: torch.device) -> float:
    _wait(device)
    start = time.perf_counter()
    task()
    _wait(device)
    return time.perf_counter() - start


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def machine(device: torch.device) -> dict[str, Any]:
    """What the numbers depend on."""
    versions = {}
    for package in PACKAGES:
        if importlib.util.find_spec(package.replace("-", "_")):
            versions[package] = importlib.metadata.version(package)
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else _processor(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "versions": versions,
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def report(run: dict[str, Any]) -> str:
    """A table of one run: seconds, and how many times faster ours is."""
    results = run["results"]
    names = list(results)
    lines = [f"SAM {run['size']} at {run['input']} pixels, {run['dtype']}:"]
    lines.append(f"{'':24}" + "".join(f"{name:>12}" for name in names))
    for task in results[names[0]]["seconds"]:
        seconds = {name: results[name]["seconds"][task]["median"] for name in names}
        line = f"{task:24}" + "".join(f"{seconds[name] * 1e3:>9.1f} ms" for name in names)
        others = [name for name in names if not name.startswith("lean")]
        ratios = [f"{seconds[name] / seconds['lean']:.2f} x {name}" for name in others]
        lines.append(line + "   lean: " + ", ".join(ratios))
    peaks = [results[name]["peak_encode_bytes"] / 1e6 for name in names]
    lines.append(f"{'peak memory of encode':24}" + "".join(f"{peak:>9.0f} MB" for peak in peaks))
    return "\n".join(lines)


def usable(names: list[str], device: torch.device, dtype: torch.dtype) -> list[str]:
    """The implementations that can run here, in this type."""
    kept = []
    for name in names:
        module = {"kerascv": "keras_cv", "meta": "transformers"}.get(name)
        if module and not importlib.util.find_spec(module):
            print(f"  {name}: left out, {module} is not installed")
        elif name == "kerascv" and (device.type != "cpu" or dtype != torch.float32):
            print(f"  {name}: left out, its reference runs on the CPU in float32 here")
        elif name == "lean-int8" and (device.type != "cpu" or dtype != torch.float32):
            continue
        else:
            kept.append(name)
    return kept


def main() -> None:
    """Measure what the command line asks for, print tables, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    sizes = ("base", "large", "huge")
    parser.add_argument("--size", nargs="+", default=["base"], choices=sizes, help="default: base")
    parser.add_argument(
        "--input", nargs="+", type=int, default=[1024], help="sides in pixels, default: 1024"
    )
    parser.add_argument(
        "--dtype", nargs="+", default=["auto"], help="auto, float32, float16 or bfloat16"
    )
    parser.add_argument(
        "--device",
        default="cuda" if torch.cuda.is_available() else "cpu",
        help="default: cuda where there is one, else cpu",
    )
    parser.add_argument(
        "--implementations",
        nargs="+",
        default=list(IMPLEMENTATIONS),
        choices=IMPLEMENTATIONS,
        help="default: all that run here",
    )
    parser.add_argument(
        "--rounds", type=int, default=3, help="of each encode; decodes get three times as many"
    )
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="on a CPU")
    parser.add_argument("-o", "--output", type=Path, help="default: benchmarks/results/sam-*.json")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    runs = []
    for size in options.size:
        for input_size in options.input:
            config = published_config(size).resized(input_size)
            free = free_memory(device)
            if free is not None and free < needed_memory(config):
                print(f"SAM {size} at {input_size}: left out, it does not fit into memory")
                continue
            for dtype_name in options.dtype:
                dtype = choose_dtype(dtype_name, device)
                names = usable(options.implementations, device, dtype)
                weights = random_weights(config)
                setting = (size, input_size, str(device), dtype_name, options.threads)
                peaks = {name: _own_process(name, setting) for name in names}
                results = measure(names, weights, device, dtype, options.rounds)
                for name, peak in peaks.items():
                    results[name]["peak_encode_bytes"] = peak
                run = {
                    "size": size,
                    "input": input_size,
                    "dtype": str(dtype).removeprefix("torch."),
                    "results": results,
                }
                runs.append(run)
                print(report(run), flush=True)
    RESULTS.mkdir(exist_ok=True)
    kind = "cpu" if device.type == "cpu" else torch.cuda.get_device_name(device).replace(" ", "-")
    output = options.output or RESULTS / f"sam-{kind.lower()}.json"
    output.write_text(json.dumps({"machine": machine(device), "runs": runs}, indent=1) + "\n")
    print(f"written: {output}")


if __name__ == "__main__":
    main()
