"""What moves otherwise than the picture does."""

import numpy as np

from track_anything.tracking.own_motion import is_own_motion, whole_motion

HEIGHT, WIDTH = 120, 200


def test_a_zoom_and_a_turn_are_the_motion_of_the_whole() -> None:
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    zoom = np.stack([0.02 * (x - 90) - 0.01 * y, 0.02 * (y - 50) + 0.01 * x], axis=-1)
    np.testing.assert_allclose(whole_motion(zoom), zoom, atol=1e-3)
    assert not is_own_motion(zoom - whole_motion(zoom)).any()


def test_what_moves_against_a_pan_is_seen_and_nothing_else() -> None:
    flow = np.full((HEIGHT, WIDTH, 2), (4.0, -1.0), np.float32)
    flow[30:90, 40:100] += (-3.0, 0.5)
    found = is_own_motion(flow - whole_motion(flow))
    wanted = np.zeros((HEIGHT, WIDTH), bool)
    wanted[30:90, 40:100] = True
    np.testing.assert_array_equal(found, wanted)
