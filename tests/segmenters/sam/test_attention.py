import math

import numpy as np
import pytest
import torch

from track_anything.segmenters.sam import attention
from track_anything.segmenters.sam.layers import Buffers, FloatLinear, Int8Linear

CPU = torch.device("cpu")


def _score(
    query: torch.Tensor,
    key: torch.Tensor,
    rows: torch.Tensor,
    columns: torch.Tensor,
    where: tuple[int, int, int, int],
    span: int,
) -> float:
    """The formula, for one query (y, x) and one key (v, u)."""
    y, x, v, u = where
    scaled = float(query @ key) / math.sqrt(len(query))
    return scaled + float(query @ rows[y - v + span - 1]) + float(query @ columns[x - u + span - 1])


@pytest.mark.parametrize("way", ["tiled", "fused"])
@pytest.mark.parametrize("span", [5, 3])
def test_attention_follows_the_formula(way: str, span: int) -> None:
    """Global attention on a grid of 5, and windows of 3 of which two rows are cut off."""
    torch.manual_seed(0)
    grid, heads, channels = 5, 2, 4
    qkv = torch.randn(grid * grid, 3 * heads * channels)
    bias = torch.randn(3 * heads * channels)
    rows, columns = torch.randn(2, 2 * span - 1, channels)
    table = attention.RelativeTable.of(rows, columns)
    shape = attention.AttentionShape(grid, heads, channels)
    buffers = Buffers(CPU, torch.float32)
    found = torch.empty(grid * grid, heads * channels)
    if span == grid:
        if way == "tiled":
            attention.tiled_global(shape, table, qkv, found, buffers)
        else:
            found = attention.fused_global(shape, table, qkv, buffers)
    elif way == "tiled":
        attention.tiled_windows(shape, table, bias, qkv, found, buffers)
    else:
        found = attention.fused_windows(shape, table, bias, qkv, buffers)

    across = -(-grid // span) * span
    padded = bias.expand(across, across, -1).clone()
    padded[:grid, :grid] = qkv.view(grid, grid, -1)
    parts = padded.view(across, across, 3, heads, channels)
    for y, x, head in [(0, 0, 0), (2, 4, 1), (4, 1, 0), (4, 4, 1)]:
        top, left = y // span * span, x // span * span
        keys = [(top + v, left + u, v, u) for v in range(span) for u in range(span)]
        scores = torch.tensor(
            [
                _score(
                    parts[y, x, 0, head],
                    parts[at_y, at_x, 1, head],
                    rows,
                    columns,
                    (y - top, x - left, v, u),
                    span,
                )
                for at_y, at_x, v, u in keys
            ]
        )
        values = torch.stack([parts[at_y, at_x, 2, head] for at_y, at_x, _, _ in keys])
        wanted = scores.softmax(0) @ values
        place = found.view(grid, grid, heads, channels)[y, x, head]
        np.testing.assert_allclose(place, wanted, rtol=0, atol=1e-5)


def test_buffers_are_kept_and_grow() -> None:
    buffers = Buffers(CPU, torch.float32)
    first = buffers.take("a", 4, 5)
    assert buffers.take("a", 2, 3).data_ptr() == first.data_ptr()
    assert buffers.take("a", 30, 10).shape == (30, 10)
    assert buffers.take("b", 4, 5).data_ptr() != first.data_ptr()


def test_eight_bits_are_exact_for_whole_numbers() -> None:
    # Largest 127 in every row and column: scales of 1.
    weight = torch.tensor([[127.0, 3, -8, 0], [1, -127, 5, 9]])
    rows = torch.tensor([[127.0, 0, 2, -1], [-5, 127, 4, 4], [1, 1, 127, 1]])
    bias = torch.tensor([0.5, -0.5])
    wanted = rows @ weight.t() + bias
    out = torch.empty(3, 2)
    torch.testing.assert_close(Int8Linear(weight, bias).into(rows, out), wanted)
    torch.testing.assert_close(Int8Linear(weight, bias).add_into(rows, out.fill_(2)), wanted + 2)
    torch.testing.assert_close(FloatLinear(weight, bias).add_into(rows, out.fill_(2)), wanted + 2)
