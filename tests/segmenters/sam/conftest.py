"""The tiny SAM whose answers by Meta's own code are known."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from track_anything.segmenters.sam.execution import SamPrompt
from track_anything.segmenters.sam.geometry import Fit
from track_anything.segmenters.sam.weights import SamWeights, read_weights
from track_anything.structures import Frame, Prompt

CASES = ("point", "points", "box", "box_points", "box_mask", "points_mask", "box_points_mask")


@pytest.fixture(scope="session")
def tiny_path() -> Path:
    """The checkpoint in Meta's format, a config.json beside it."""
    return Path(__file__).resolve().parents[2] / "data" / "sam_tiny" / "sam_tiny.pth"


@pytest.fixture(scope="session")
def tiny(tiny_path: Path) -> SamWeights:
    """The tiny network."""
    return read_weights(tiny_path)


@pytest.fixture(scope="session")
def expected(tiny_path: Path) -> dict[str, np.ndarray]:
    """What Meta's code answers; see config.json. Of logits, every third row and column is kept."""
    with np.load(tiny_path.with_name("expected.npz")) as arrays:
        answers = dict(arrays)
    with PillowImage.open(tiny_path.with_name("image.png")) as picture:
        resized = picture.convert("RGB").resize((256, 192), PillowImage.Resampling.BILINEAR)
    return answers | {"resized": np.asarray(resized)}


@pytest.fixture(scope="session")
def frame(tiny_path: Path) -> Frame:
    """The 300 x 400 picture the answers are for."""
    with PillowImage.open(tiny_path.with_name("image.png")) as picture:
        return Frame(0, Fraction(0), np.asarray(picture.convert("RGB")))


@pytest.fixture(scope="session")
def sam_prompt(
    expected: dict[str, np.ndarray], tiny: SamWeights
) -> Callable[[str | int], SamPrompt]:
    """The prompt of a case, or of one of the four boxes, in pixels of the input."""
    fit = Fit.whole((300, 400), tiny.config)

    def make(case: str | int) -> SamPrompt:
        box = expected["boxes"][case] if isinstance(case, int) else None
        if box is not None:
            return fit.prompt(Prompt(box=box))
        words = str(case).split("_")
        count = 3 if "points" in words else 1 if "point" in words else 0
        made = fit.prompt(
            Prompt(
                points=expected["points"][:count],
                labels=expected["labels"][:count],
                box=expected["box"] if "box" in words else None,
            )
        )
        mask = expected["mask_input"][0, 0] if "mask" in words else None
        return SamPrompt(made.points, made.labels, made.box, mask)

    return make


@pytest.fixture(scope="session")
def assert_as_meta(
    expected: dict[str, np.ndarray], sam_prompt: Callable[[str | int], SamPrompt]
) -> Callable[..., None]:
    """Fails unless an execution answers every case as Meta's code does."""

    def check(sam: object, *, embedding: float = 1e-4, logits: float = 1e-5) -> None:
        encoded = sam.encode(expected["resized"])  # type: ignore[attr-defined]
        found = np.asarray(getattr(encoded, "embedding", encoded)).reshape(
            expected["embedding"].shape
        )
        np.testing.assert_allclose(found, expected["embedding"], rtol=0, atol=embedding)
        answers = sam.decode(encoded, [sam_prompt(case) for case in CASES])  # type: ignore[attr-defined]
        for case, answer in zip(CASES, answers, strict=True):
            kept = answer.logits[:, ::3, ::3]
            np.testing.assert_allclose(
                kept, expected[f"{case}.logits"][0], rtol=0, atol=logits, err_msg=case
            )
            np.testing.assert_allclose(
                answer.predicted_iou, expected[f"{case}.iou"][0], rtol=0, atol=logits, err_msg=case
            )
        boxes = sam.decode(encoded, [sam_prompt(index) for index in range(4)])  # type: ignore[attr-defined]
        for index, answer in enumerate(boxes):
            np.testing.assert_allclose(
                answer.logits[:, ::3, ::3], expected["boxes.logits"][index], rtol=0, atol=logits
            )
            np.testing.assert_allclose(
                answer.predicted_iou, expected["boxes.iou"][index], rtol=0, atol=logits
            )

    return check
