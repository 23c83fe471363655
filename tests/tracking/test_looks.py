from collections.abc import Callable

import numpy as np
import pytest

from track_anything.config import AppearanceConfig
from track_anything.structures import Floats
from track_anything.tracking.appearance import AppearanceModel
from track_anything.tracking.features import FEATURE_COUNT, Features, Rect
from track_anything.tracking.looks import DOUBTFUL, rough_looks, sharp_looks

HEIGHT, WIDTH = 21, 34


@pytest.fixture
def model() -> AppearanceModel:
    """Its logit of a pixel is the pixel's lightness less 128, over 16."""
    model = AppearanceModel(FEATURE_COUNT, AppearanceConfig(hidden=2), np.random.default_rng(0))
    w1, b1, w2, b2 = model.weights
    for part in (w1, b1, w2, b2):
        part.zero_()
    w1[0, 0], b1[0, 0], w2[0, 0], b2[0, 0] = 1 / 16, 0, 1, -8
    return model


@pytest.fixture
def seen() -> Callable[[Floats], Features]:
    def make(logits: Floats) -> Features:
        lightness = np.clip(128 + 16 * logits, 0, 255).astype(np.uint8)
        whole = Rect(0, 0, WIDTH, HEIGHT)
        return Features(np.repeat(lightness[..., None], 3, axis=2), whole, whole)

    return make


def lone_pixels(at: float, elsewhere: float) -> Floats:
    """A pixel that is looked at, (10, 6), and one that is not, (21, 13)."""
    logits = np.full((HEIGHT, WIDTH), elsewhere, np.float32)
    logits[6, 10] = logits[13, 21] = at
    return logits


NO_PRIOR = np.zeros((HEIGHT, WIDTH), np.float32)


def test_rough_looks_are_linear_between_every_second_pixel(
    model: AppearanceModel, seen: Callable[[Floats], Features]
) -> None:
    looks = rough_looks(model, seen(lone_pixels(3, -5)))
    assert (looks.shape, looks.dtype) == ((HEIGHT, WIDTH), np.float32)
    assert looks[6, 8:13].tolist() == [-5, -1, 3, -1, -5]
    assert (looks[5, 9], looks[13, 21], looks[-1, -1]) == (-3, -5, -5)


def test_where_a_look_turns_every_pixel_is_looked_at(
    model: AppearanceModel, seen: Callable[[Floats], Features]
) -> None:
    looks = sharp_looks(model, seen(lone_pixels(3, -5)), NO_PRIOR)
    assert looks[6, 8:13].tolist() == [-5, -5, 3, -5, -5]
    # What no look shows is not found.
    assert looks[13, 21] == -5


def test_where_looks_are_doubtful_every_pixel_is_looked_at(
    model: AppearanceModel, seen: Callable[[Floats], Features]
) -> None:
    sure, doubtful = -DOUBTFUL - 0.5, -DOUBTFUL + 0.5
    for elsewhere, found in ((sure, sure), (doubtful, 3)):
        looks = sharp_looks(model, seen(lone_pixels(3, elsewhere)), NO_PRIOR)
        assert looks[13, 21] == found


def test_a_prior_decides_where_looks_matter(
    model: AppearanceModel, seen: Callable[[Floats], Features]
) -> None:
    # Looks alone are sure; with a prior against them they are not.
    features = seen(lone_pixels(3, 7))
    assert sharp_looks(model, features, NO_PRIOR)[13, 21] == 7
    prior = np.full_like(NO_PRIOR, -7)
    assert sharp_looks(model, features, prior)[13, 21] == 3
