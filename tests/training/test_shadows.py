"""A pasted object's shadow lies on the floor at its foot and takes light away."""

import numpy as np
import pytest

from training.composites import _darken


@pytest.mark.parametrize("seed", range(5))
def test_a_shadow_begins_at_the_foot_and_only_darkens(seed: int) -> None:
    scene = np.full((200, 200, 3), 200, np.uint8)
    alpha = np.zeros((60, 40), np.float32)
    alpha[5:50, 10:30] = 1
    _darken(scene, alpha, (80, 70), np.random.default_rng(seed))
    assert scene.max() == 200
    dark = scene[..., 0] < 190
    # The foot is in row 70 + 50, from column 90 to 110.
    assert dark[112:128, 92:108].any()
    # Lying at most .45 of the height behind or .35 before, it is nowhere else.
    assert not dark[:85].any()
    assert not dark[150:].any()
