import numpy as np
import pytest

from track_anything.proposers.crops import LayerCrop, layer_crops, point_grid


def test_the_first_crop_is_the_frame() -> None:
    assert layer_crops((300, 400), 0, 0.3) == [LayerCrop(0, 0, 400, 300, 0)]


def test_a_layer_has_four_times_the_crops_of_the_one_before_and_covers_the_frame() -> None:
    crops = layer_crops((300, 400), 2, 512 / 1500)
    assert [sum(crop.layer == layer for crop in crops) for layer in range(3)] == [1, 4, 16]
    for layer in (1, 2):
        covered = np.zeros((300, 400), bool)
        for crop in crops:
            if crop.layer == layer:
                covered[crop.top : crop.bottom, crop.left : crop.right] = True
        assert covered.all()


def test_crops_overlap_by_a_share_of_the_short_side_halved_with_each_layer() -> None:
    # 0.34133 x 300 = 102 pixels; halves of 400 + 102 and 300 + 102.
    crops = layer_crops((300, 400), 1, 512 / 1500)[1:]
    assert [(c.left, c.top, c.right, c.bottom) for c in crops] == [
        (0, 0, 251, 201),
        (0, 99, 251, 300),
        (149, 0, 400, 201),
        (149, 99, 400, 300),
    ]
    assert layer_crops((300, 400), 2, 512 / 1500)[5].size == (114, 139)


@pytest.mark.parametrize(
    ("box", "is_cut"),
    [
        ((160, 110, 220, 160), False),
        ((160, 110, 251, 160), True),
        ((160, 110, 232, 160), True),  # its last pixel is 20 from the edge
        ((160, 110, 231, 160), False),
        ((0, 110, 220, 160), False),  # at the left edge of the frame, which the crop shares
        ((160, 30, 220, 201), True),
    ],
)
def test_a_box_near_an_edge_of_the_crop_that_is_none_of_the_frame_is_cut(
    box: tuple[int, ...], is_cut: bool
) -> None:
    crop = LayerCrop(0, 0, 251, 201, 1)
    assert crop.cuts(np.array(box, np.float32), (300, 400)) is is_cut


def test_clicks_are_the_middles_of_cells_row_by_row() -> None:
    assert point_grid(1).tolist() == [[0.5, 0.5]]
    grid = point_grid(4)
    assert grid.shape == (16, 2)
    assert grid[1].tolist() == [0.375, 0.125]
