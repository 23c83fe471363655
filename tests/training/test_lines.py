"""Lines that lead away belong to the object, and its box reaches to their ends."""

import numpy as np
import pytest

from training.lines import strung
from training.pool import Picture, instances_of


@pytest.mark.parametrize("seed", range(6))
def test_lines_lead_away_and_belong_to_the_object(seed: int) -> None:
    ids = np.zeros((200, 200), np.uint16)
    ids[90:110, 90:110] = 1
    ids[150:180, 150:180] = 2
    shown = Picture(np.full((200, 200, 3), 128, np.uint8), ids)
    found = strung(next(iter(instances_of(shown))), np.random.default_rng(seed))
    own = found.picture.ids == found.label
    ys, xs = np.nonzero(own)
    assert own[90:110, 90:110].all()
    assert found.area == int(own.sum()) > 400
    assert found.box == (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
    assert max(found.box[2] - found.box[0], found.box[3] - found.box[1]) > 20
    # Nothing but the lines was painted, and the given picture is as it was.
    changed = (found.picture.image != 128).any(2)
    assert not changed[90:110, 90:110].any()
    assert int((shown.ids == 1).sum()) == 400
    assert (shown.image == 128).all()
