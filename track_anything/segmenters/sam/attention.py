"""Attention with decomposed relative positions, in tiles for CPUs and in one call for GPUs.

The score of query (y, x) and key (v, u) is scale q.k + q.H[y - v] + q.W[x - u], with one table H
for rows and one W for columns (Segment Anything, appendix A; Li et al., MViTv2, section 4.1).
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as functional

from track_anything.segmenters.sam.layers import Buffers

TILE_QUERIES = 64
"""Queries whose scores are held at once: 64 x 4096 floats stay in the cache. Measured best."""


@dataclass(frozen=True)
class RelativeTable:
    """Both tables of one attention layer, last distance first, side by side.

    Attributes:
        values: (2 (2 span - 1), head_dim): rows, then columns.
        span: Side of the square attended to.
    """

    values: torch.Tensor
    span: int

    @classmethod
    def of(cls, rows: torch.Tensor, columns: torch.Tensor) -> "RelativeTable":
        """Join (2 span - 1, head_dim) tables as checkpoints hold them."""
        values = torch.cat([rows.flip(0), columns.flip(0)])
        return cls(values, (len(rows) + 1) // 2)

    def scores(self, queries: torch.Tensor, buffers: Buffers) -> tuple[torch.Tensor, torch.Tensor]:
        """What the positions add to the scores.

        Args:
            queries: (N, height, width, head_dim), not scaled.
            buffers: Where the product goes.

        Returns:
            (N, height, width, span) for the key's row, and as much for its column: views of one
            product with the whole table, in which each query's part starts one further left.
        """
        count, height, width, channels = queries.shape
        span, columns = self.span, len(self.values)
        product = buffers.take("relative", count * height * width, columns)
        torch.mm(queries.reshape(-1, channels), self.values.t(), out=product)
        size = (count, height, width, span)
        step_x, step_y, step_n = columns, columns * width, columns * width * height
        by_row = product.as_strided(size, (step_n, step_y - 1, step_x, 1), span - 1)
        by_column = product.as_strided(
            size, (step_n, step_y, step_x - 1, 1), 2 * span - 1 + span - 1
        )
        return by_row, by_column


@dataclass(frozen=True)
class AttentionShape:
    """Sizes all layers of an encoder share."""

    grid: int
    head_count: int
    head_dim: int

    def split(self, qkv: torch.Tensor) -> torch.Tensor:
        """(grid, grid, 3, heads, head_dim) view of (grid^2, 3 heads head_dim)."""
        return qkv.view(self.grid, self.grid, 3, self.head_count, self.head_dim)


def tiled_global(
    shape: AttentionShape,
    table: RelativeTable,
    qkv: torch.Tensor,
    out: torch.Tensor,
    buffers: Buffers,
) -> None:
    """Attention of every patch to every patch, a tile of queries at a time.

    Args:
        shape: Sizes.
        table: Relative positions.
        qkv: (grid^2, 3 heads head_dim).
        out: (grid^2, heads head_dim), written.
        buffers: Scores and copies.
    """
    grid, channels = shape.grid, shape.head_dim
    count = grid * grid
    rows = max(1, TILE_QUERIES // grid)
    # With one thread one head at a time is fastest; more threads share the heads of a batch.
    group = min(shape.head_count, torch.get_num_threads())
    parts = qkv.view(count, 3, shape.head_count, channels)
    heads_out = out.view(count, shape.head_count, channels)
    for first in range(0, shape.head_count, group):
        heads = parts[:, :, first : first + group]
        size = heads.shape[2]
        query, key, value = (
            buffers.take(name, size, count, channels).copy_(heads[:, index].transpose(0, 1))
            for index, name in enumerate(("query", "key", "value"))
        )
        by_row, by_column = table.scores(query.view(size, grid, grid, channels), buffers)
        attended = buffers.take("attended", size, count, channels)
        for row in range(0, grid, rows):
            height = min(rows, grid - row)
            tile = slice(row * grid, (row + height) * grid)
            _attend(
                query[:, tile],
                key,
                value,
                by_row[:, row : row + height],
                by_column[:, row : row + height],
                attended[:, tile],
                buffers,
            )
        heads_out[:, first : first + size].copy_(attended.transpose(0, 1))


def tiled_windows(
    shape: AttentionShape,
    table: RelativeTable,
    bias: torch.Tensor,
    qkv: torch.Tensor,
    out: torch.Tensor,
    buffers: Buffers,
) -> None:
    """Attention inside windows, a window at a time.

    Windows at the right and bottom reach past the grid. What lies there is zero before the
    projection, so its keys and values are the projection's bias, and they do take part.

    Args:
        shape: Sizes.
        table: Relative positions; its span is the window's side.
        bias: (3 heads head_dim): of the projection.
        qkv: (grid^2, 3 heads head_dim).
        out: (grid^2, heads head_dim), written.
        buffers: Scores and copies.
    """
    span, heads, channels = table.span, shape.head_count, shape.head_dim
    parts = shape.split(qkv)
    target = out.view(shape.grid, shape.grid, heads, channels)
    outside = bias.view(3, heads, 1, 1, channels)
    for top in range(0, shape.grid, span):
        for left in range(0, shape.grid, span):
            window = parts[top : top + span, left : left + span].permute(2, 3, 0, 1, 4)
            height, width = window.shape[2:4]
            query = buffers.take("query", heads, height, width, channels).copy_(window[0])
            key = buffers.take("key", heads, span, span, channels)
            value = buffers.take("value", heads, span, span, channels)
            for index, keys in ((1, key), (2, value)):
                if height < span or width < span:
                    keys.copy_(outside[index])
                keys[:, :height, :width].copy_(window[index])
            by_row, by_column = table.scores(query, buffers)
            attended = buffers.take("attended", heads, height * width, channels)
            _attend(
                query.view(heads, -1, channels),
                key.view(heads, -1, channels),
                value.view(heads, -1, channels),
                by_row,
                by_column,
                attended,
                buffers,
            )
            target[top : top + height, left : left + width].copy_(
                attended.view(heads, height, width, channels).permute(1, 2, 0, 3)
            )


def _attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    by_row: torch.Tensor,
    by_column: torch.Tensor,
    out: torch.Tensor,
    buffers: Buffers,
) -> None:
    """Softmax(scale q k + positions) v for (heads, n, head_dim) queries, written to out."""
    heads, count, channels = query.shape
    span = by_row.shape[-1]
    scores = buffers.take("scores", heads, count, span * span)
    grid = scores.view(heads, by_row.shape[1], by_row.shape[2], span, span)
    torch.add(by_row[..., None], by_column[..., None, :], out=grid)
    torch.baddbmm(scores, query, key.transpose(1, 2), alpha=channels**-0.5, out=scores)
    shares = buffers.take("shares", heads, count, span * span)
    torch.softmax(scores, -1, out=shares)
    torch.bmm(shares, value, out=out)


def fused_global(
    shape: AttentionShape, table: RelativeTable, qkv: torch.Tensor, buffers: Buffers
) -> torch.Tensor:
    """Attention of every patch to every patch in one call: (grid^2, heads head_dim)."""
    parts = shape.split(qkv).permute(2, 3, 0, 1, 4)
    attended = _fused(parts[0], parts[1], parts[2], table, buffers)
    return attended.permute(1, 2, 0, 3).reshape(len(qkv), -1)


def fused_windows(
    shape: AttentionShape,
    table: RelativeTable,
    bias: torch.Tensor,
    qkv: torch.Tensor,
    buffers: Buffers,
) -> torch.Tensor:
    """Attention inside all windows in one call: (grid^2, heads head_dim)."""
    span, heads, channels = table.span, shape.head_count, shape.head_dim
    across = -(-shape.grid // span)
    padded = bias.expand(across * span, across * span, -1).clone()
    padded[: shape.grid, : shape.grid] = qkv.view(shape.grid, shape.grid, -1)
    parts = padded.view(across, span, across, span, 3, heads, channels)
    # (3, windows of a column, windows of a row, heads, span, span, channels)
    parts = parts.permute(4, 0, 2, 5, 1, 3, 6).reshape(3, -1, span, span, channels)
    attended = _fused(parts[0], parts[1], parts[2], table, buffers)
    attended = attended.view(across, across, heads, span, span, channels)
    attended = attended.permute(0, 3, 1, 4, 2, 5).reshape(across * span, across * span, -1)
    return attended[: shape.grid, : shape.grid].reshape(len(qkv), -1)


def _fused(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    table: RelativeTable,
    buffers: Buffers,
) -> torch.Tensor:
    """Attention in one call, for (N, span, span, head_dim).

    The positions are written into the channels: [scale q, q.H, q.W] . [k, one-hot row, one-hot
    column] is the whole score, so no (keys, queries) bias ever exists in memory.
    """
    count, span, channels = len(query), table.span, query.shape[-1]
    by_row, by_column = table.scores(query, buffers)
    place = torch.eye(span, device=query.device, dtype=query.dtype)
    rows = place[:, None].expand(span, span, span)
    columns = place[None].expand(span, span, span)
    places = torch.cat([rows, columns], -1).expand(count, span, span, 2 * span)
    wide_query = torch.cat([query * channels**-0.5, by_row, by_column], -1)
    wide_key = torch.cat([key, places], -1)
    # The fast kernels want values as wide as the keys.
    wide_value = functional.pad(value, (0, 2 * span))
    attended = functional.scaled_dot_product_attention(
        wide_query.flatten(1, 2)[None],
        wide_key.flatten(1, 2)[None],
        wide_value.flatten(1, 2)[None],
        scale=1.0,
    )
    return attended[0, ..., :channels].view(count, span, span, channels)
