"""Everything on one picture: our grid proposer against transformers' mask generation pipeline.

    python benchmarks/grid.py --size base --points-per-side 32 --threads 2

One network with random weights runs in both, so that both are asked for the same masks. What it
predicts of its masks is moved so that as many pass segment-anything's limit as usual, a third, and
the limit of stability is one that at least a third of these pass: with random weights it comes out
as 0, where no mask is dropped for it. transformers' suppression of duplicates
needs torchvision and takes no time: it is left out, and ours is told to drop none.

Both run in one process, in turns; time is that of the processor, so that what else the machine
does counts for neither. Read the ratio: theirs enlarges all masks of all clicks and then drops two
thirds of them by their predicted IoU, as segment-anything does; ours enlarges those that pass.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from PIL import Image
from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil
from transformers.pipelines.mask_generation import MaskGenerationPipeline

from track_anything.config import GridConfig
from track_anything.evaluation.report import machine
from track_anything.proposers.grid import GridProposer
from track_anything.segmenters.sam.hugging_face import from_hugging_face
from track_anything.segmenters.sam.segmenter import SamSegmenter
from track_anything.segmenters.sam.weights import SamWeights, random_weights
from track_anything.structures import Frame

RESULTS = Path(__file__).parent / "results"
PICTURE = (683, 1024)
PASSING = 1 / 3
FAIRNESS = (
    "both make, enlarge and encode the same masks. Random weights make no stable ones, so "
    "the limit of stability is 0: transformers then skips measuring it, ours does not. The "
    "masks dropped for their predicted IoU, two thirds, are enlarged by transformers, not "
    "by ours. A trained network drops more masks, after enlarging, in both."
)


def theirs(weights: SamWeights) -> MaskGenerationPipeline:
    """transformers' pipeline around the same network."""
    config = weights.config
    side = config.image_size
    settings = transformers.SamConfig(
        vision_config={
            "hidden_size": config.embed_dim,
            "num_hidden_layers": config.depth,
            "num_attention_heads": config.head_count,
            "image_size": side,
            "mlp_dim": config.mlp_dim,
            "global_attn_indexes": list(config.global_blocks),
        },
        prompt_encoder_config={"image_size": side},
        mask_decoder_config={"layer_norm_eps": 1e-5},
    )
    model = transformers.SamModel(settings).eval()  # type: ignore[no-untyped-call]
    state = model.state_dict()
    names = list(state)
    # Which of their names stands for which of Meta's, by sending each its own number.
    places = from_hugging_face({name: torch.tensor(n) for n, name in enumerate(names)})
    for meta_name, place in places.items():
        name = names[int(place)]
        state[name].copy_(weights.tensors[meta_name].reshape(state[name].shape))
    position = state["shared_image_embedding.positional_embedding"]
    model.prompt_encoder.shared_embedding.positional_embedding.data.copy_(position)
    square = {"height": side, "width": side}
    prepare = SamImageProcessorPil(size={"longest_edge": side}, pad_size=square)
    return MaskGenerationPipeline(model=model, image_processor=prepare, device="cpu")


def run_theirs(
    pipeline: MaskGenerationPipeline, image: Image.Image, config: GridConfig
) -> list[float]:
    """Scores of the masks before duplicates are dropped."""
    scores: list[float] = []
    with torch.inference_mode():
        for inputs in pipeline.preprocess(
            image,
            points_per_batch=config.points_per_batch,
            points_per_crop=config.points_per_side,
        ):
            outcome = pipeline._forward(
                inputs,
                pred_iou_thresh=config.predicted_iou,
                stability_score_thresh=config.stability,
                stability_score_offset=config.stability_offset,
            )
            scores += outcome["iou_scores"].tolist()
    return scores


def usual(weights: SamWeights, frame: Frame, config: GridConfig) -> tuple[SamWeights, GridConfig]:
    """The network and the limits with which the usual share of masks passes."""
    height, width = frame.image.shape[:2]
    random = np.random.default_rng(0)
    points = (random.random((32, 2)) * (width, height)).astype(np.float32)
    segmenter = SamSegmenter(weights, device="cpu")
    found = [
        (each.predicted_iou, _stability(each.logits, config.stability_offset))
        for each in segmenter.decode_clicks(segmenter.embed(frame), points)
    ]
    limit = float(np.quantile([one for one, _ in found], 1 - PASSING))
    passing = [stability for one, stability in found if one > limit]
    tensors = dict(weights.tensors)
    name = f"mask_decoder.iou_prediction_head.layers.{weights.config.iou_depth - 1}.bias"
    tensors[name] = tensors[name] + (config.predicted_iou - limit)
    stability = float(np.quantile(passing, 1 - PASSING))
    return replace(weights, tensors=tensors), replace(config, stability=stability, box_nms=1.0)


def _stability(logits: np.ndarray, offset: float) -> float:
    lax = int(np.count_nonzero(logits > -offset))
    return int(np.count_nonzero(logits > offset)) / lax if lax else 0.0


def timed(task: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of the processor, and what came of it."""
    start = time.process_time()
    outcome = task()
    return time.process_time() - start, outcome


def main() -> None:
    """Measure, print, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", default="base", choices=("base", "large", "huge"))
    parser.add_argument("--points-per-side", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--note", default="", help="what else the machine did meanwhile")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS / "grid-cpu.json")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    weights = random_weights(options.size)
    small = np.random.default_rng(0).integers(0, 256, (9, 14, 3), np.uint8)
    image = Image.fromarray(small).resize(PICTURE[::-1], Image.Resampling.BICUBIC)
    frame = Frame(0, Fraction(0), np.asarray(image))
    weights, config = usual(weights, frame, GridConfig(points_per_side=options.points_per_side))
    pipeline, segmenter = theirs(weights), SamSegmenter(weights, device="cpu")
    seconds: dict[str, list[float]] = {"transformers": [], "ours": []}
    for _ in range(options.rounds):
        took, scores = timed(partial(run_theirs, pipeline, image, config))
        seconds["transformers"].append(took)
        # A new frame: the embedding of the last is remembered.
        again = Frame(0, Fraction(0), frame.image.copy())
        proposer = GridProposer(segmenter, config=config)
        took, regions = timed(partial(proposer.regions, again))
        seconds["ours"].append(took)
        print({name: round(each[-1], 1) for name, each in seconds.items()}, flush=True)
    found = {"transformers": len(scores), "ours": len(regions)}
    ratios = [one / other for one, other in zip(*seconds.values(), strict=True)]
    result = {
        "machine": machine(),
        "note": options.note,
        "fairness": FAIRNESS,
        "threads": options.threads,
        "network": f"SAM ViT-{options.size}, random weights",
        "picture": f"{PICTURE[1]}x{PICTURE[0]}",
        "clicks": options.points_per_side**2,
        "limits": {"predicted_iou": config.predicted_iou, "stability": config.stability},
        "masks": found,
        "processor seconds of every round": {
            name: [round(one, 2) for one in each] for name, each in seconds.items()
        },
        "median ratio": round(statistics.median(ratios), 2),
    }
    options.output.parent.mkdir(exist_ok=True)
    options.output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"{result['masks']}: {result['median ratio']} times as fast; written: {options.output}")


if __name__ == "__main__":
    main()
