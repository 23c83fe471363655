"""The curves of a training log as a picture."""

import json
from pathlib import Path


def draw_curves(log: Path, path: Path) -> None:
    """Losses and held-out IoU over the samples seen."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = [json.loads(line) for line in log.read_text().splitlines()]
    rows = [row for row in rows if "samples" in row]
    if not rows:
        return
    samples = [row["samples"] for row in rows]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(12, 4.5))
    for name in ("bce", "dice", "iou"):
        left.plot(samples, [row[name] for row in rows], label=name)
    left.set(xlabel="samples", title="loss", yscale="log")
    for name in [name for name in rows[-1] if name.startswith("held-out")]:
        right.plot(samples, [row[name] for row in rows], label=name.removeprefix("held-out "))
    right.plot(samples, [row["true_iou"] for row in rows], "k:", label="training IoU")
    right.set(xlabel="samples", title="held-out IoU and correlation", ylim=(0.2, 1.0))
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=80)
    pyplot.close(figure)
