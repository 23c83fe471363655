"""Scores on simulated prompts as text."""

from collections.abc import Mapping
from typing import Any

from track_anything.evaluation.text_table import ruled_table


def prompt_table(scores: Mapping[str, Any]) -> str:
    """Lines of text: a table by kind of prompt, then how true each predicted IoU is.

    Args:
        scores: What evaluate_prompts returned.
    """
    parts = [_kinds(scores), _times(scores["segmenters"])]
    parts += [_reliability(name, one) for name, one in scores["segmenters"].items()]
    return "\n\n".join(parts)


def _kinds(scores: Mapping[str, Any]) -> str:
    """IoU, F, correlation and milliseconds of every segmenter, IoU and F of the baselines."""
    segmenters, baselines = scores["segmenters"], scores["baselines"]
    head = ["mean by kind of prompt", "n"]
    for name in segmenters:
        head += [f"{name} IoU", "F", "<.3", "r", "ms"]
    for name in baselines:
        head += [f"{name} IoU", "F"]
    kinds = dict.fromkeys(kind for one in segmenters.values() for kind in one["kinds"])
    rows = [head]
    for kind in kinds:
        of_kind = [one["kinds"].get(kind, {}) for one in segmenters.values()]
        row = [kind, str(next((one["objects"] for one in of_kind if one), ""))]
        for one in of_kind:
            row += [_number(one.get(key)) for key in ("IoU", "F", "failures")]
            row += [_number(one.get("correlation"), 2), _number(one.get("decode_ms"), 1)]
        for baseline in baselines.values():
            row += [_number(baseline["kinds"].get(kind, {}).get(key)) for key in ("IoU", "F")]
        rows.append(row)
    return ruled_table(rows)


def _times(segmenters: Mapping[str, Any]) -> str:
    rows = [["time", "embed, ms a picture", "decode, ms an object"]]
    for name, one in segmenters.items():
        rows.append([name, _number(one["embed_ms"], 1), _number(one["decode_ms"], 1)])
    return ruled_table(rows)


def _reliability(name: str, scores: Mapping[str, Any]) -> str:
    table = scores["reliability"]
    rows = [[f"{name}: predicted IoU", "n", "predicted", "true"]]
    for one in table["bins"]:
        span = f"{one['from']:.1f} to {one['to']:.1f}"
        rows.append([span, str(one["count"]), _number(one["predicted"]), _number(one["true"])])
    figures = f"correlation {_number(table['correlation'])}, ECE {_number(table['ECE'])}"
    return f"{ruled_table(rows)}\n{figures} over all kinds"


def _number(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
