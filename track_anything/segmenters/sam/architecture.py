"""The sizes of a SAM network, found out from its tensors, and the tensors such a network has."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from track_anything.errors import WeightsError

PIXEL_MEAN = np.array([123.675, 116.28, 103.53], np.float32)
PIXEL_STD = np.array([58.395, 57.12, 57.375], np.float32)

PUBLISHED_DECODER_DIM = 256
PUBLISHED_DECODER_HEADS = 8

Shape = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class SamConfig:
    """Sizes of one SAM network; the defaults are those of SAM's base model.

    Attributes:
        image_size: Side of the square input in pixels.
        patch_size: Side of a patch in pixels.
        embed_dim: Channels of the image encoder.
        depth: Blocks of the image encoder.
        head_count: Attention heads of the image encoder.
        mlp_dim: Hidden channels of its MLPs.
        global_blocks: Blocks that attend to the whole image; the others to windows.
        window_size: Side of a window in patches.
        channels: Channels of the embedding and of the decoder.
        mask_channels: Hidden channels of the mask prompt's encoder.
        decoder_depth: Two-way layers of the decoder.
        decoder_head_count: Attention heads of the decoder; no tensor's shape tells it.
        decoder_mlp_dim: Hidden channels of the decoder's MLPs.
        decoder_inner_dim: Channels of the decoder's cross attention.
        candidate_count: Masks predicted for a prompt.
        iou_depth: Layers of the head that predicts IoUs.
        iou_hidden_dim: Its hidden channels.
    """

    image_size: int = 1024
    patch_size: int = 16
    embed_dim: int = 768
    depth: int = 12
    head_count: int = 12
    mlp_dim: int = 3072
    global_blocks: tuple[int, ...] = (2, 5, 8, 11)
    window_size: int = 14
    channels: int = 256
    mask_channels: int = 16
    decoder_depth: int = 2
    decoder_head_count: int = 8
    decoder_mlp_dim: int = 2048
    decoder_inner_dim: int = 128
    candidate_count: int = 4
    iou_depth: int = 3
    iou_hidden_dim: int = 256

    @property
    def grid(self) -> int:
        """Patches along a side of the input."""
        return self.image_size // self.patch_size

    @property
    def mask_size(self) -> int:
        """Side of the low-resolution logits, in and out."""
        return 4 * self.grid

    @property
    def head_dim(self) -> int:
        """Channels of one attention head of the image encoder."""
        return self.embed_dim // self.head_count

    @property
    def size_name(self) -> str:
        """Base, large or huge; "custom" for any other network."""
        names = {(768, 12): "base", (1024, 24): "large", (1280, 32): "huge"}
        return names.get((self.embed_dim, self.depth), "custom")

    def resized(self, image_size: int) -> "SamConfig":
        """The same network for another side of the input.

        Raises:
            WeightsError: If the size is not one this network can be run at.
        """
        low = self.image_size // 2
        if not low <= image_size <= self.image_size or image_size % self.patch_size:
            raise WeightsError(
                f"input size is a multiple of {self.patch_size} from {low} to {self.image_size} "
                f"pixels for this model, got {image_size}"
            )
        return replace(self, image_size=image_size)

    def parameter_count(self) -> int:
        """How many numbers the network has."""
        return sum(int(np.prod(shape)) for shape in tensor_shapes(self).values())

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a file."""
        return asdict(self) | {"global_blocks": list(self.global_blocks)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "SamConfig":
        """The inverse of as_dict.

        Raises:
            WeightsError: If a name is unknown.
        """
        try:
            return cls(**dict(values) | {"global_blocks": tuple(values["global_blocks"])})
        except (TypeError, KeyError) as error:
            raise WeightsError(f"the description of the network is damaged ({error})") from error


def published_config(name: str) -> SamConfig:
    """The sizes of SAM's base, large or huge model."""
    sizes: dict[str, tuple[int, int, int]] = {
        "base": (768, 12, 12),
        "large": (1024, 24, 16),
        "huge": (1280, 32, 16),
    }
    if name not in sizes:
        raise WeightsError(f"a SAM model is one of {', '.join(sizes)}, got {name!r}")
    embed_dim, depth, heads = sizes[name]
    step = depth // 4
    return SamConfig(
        embed_dim=embed_dim,
        depth=depth,
        head_count=heads,
        mlp_dim=4 * embed_dim,
        global_blocks=tuple(range(step - 1, depth, step)),
    )


def tensor_shapes(config: SamConfig) -> dict[str, Shape]:
    """Every tensor of such a network by the name Meta's checkpoints give it."""
    return dict([*_encoder(config), *_prompt_encoder(config), *_decoder(config)])


def _linear(name: str, width_in: int, width_out: int) -> list[tuple[str, Shape]]:
    return [(f"{name}.weight", (width_out, width_in)), (f"{name}.bias", (width_out,))]


def _norm(name: str, width: int) -> list[tuple[str, Shape]]:
    return [(f"{name}.weight", (width,)), (f"{name}.bias", (width,))]


def _conv(name: str, shape: Shape) -> list[tuple[str, Shape]]:
    return [(f"{name}.weight", shape), (f"{name}.bias", (shape[0],))]


def _encoder(c: SamConfig) -> Iterator[tuple[str, Shape]]:
    root, dim = "image_encoder", c.embed_dim
    yield f"{root}.pos_embed", (1, c.grid, c.grid, dim)
    yield from _conv(f"{root}.patch_embed.proj", (dim, 3, c.patch_size, c.patch_size))
    for index in range(c.depth):
        block = f"{root}.blocks.{index}"
        span = c.grid if index in c.global_blocks else c.window_size
        yield from _norm(f"{block}.norm1", dim)
        yield f"{block}.attn.rel_pos_h", (2 * span - 1, c.head_dim)
        yield f"{block}.attn.rel_pos_w", (2 * span - 1, c.head_dim)
        yield from _linear(f"{block}.attn.qkv", dim, 3 * dim)
        yield from _linear(f"{block}.attn.proj", dim, dim)
        yield from _norm(f"{block}.norm2", dim)
        yield from _linear(f"{block}.mlp.lin1", dim, c.mlp_dim)
        yield from _linear(f"{block}.mlp.lin2", c.mlp_dim, dim)
    yield f"{root}.neck.0.weight", (c.channels, dim, 1, 1)
    yield from _norm(f"{root}.neck.1", c.channels)
    yield f"{root}.neck.2.weight", (c.channels, c.channels, 3, 3)
    yield from _norm(f"{root}.neck.3", c.channels)


def _prompt_encoder(c: SamConfig) -> Iterator[tuple[str, Shape]]:
    root, hidden = "prompt_encoder", c.mask_channels
    yield f"{root}.pe_layer.positional_encoding_gaussian_matrix", (2, c.channels // 2)
    for index in range(4):
        yield f"{root}.point_embeddings.{index}.weight", (1, c.channels)
    yield f"{root}.not_a_point_embed.weight", (1, c.channels)
    yield f"{root}.no_mask_embed.weight", (1, c.channels)
    down = f"{root}.mask_downscaling"
    yield from _conv(f"{down}.0", (hidden // 4, 1, 2, 2))
    yield from _norm(f"{down}.1", hidden // 4)
    yield from _conv(f"{down}.3", (hidden, hidden // 4, 2, 2))
    yield from _norm(f"{down}.4", hidden)
    yield from _conv(f"{down}.6", (c.channels, hidden, 1, 1))


def _decoder(c: SamConfig) -> Iterator[tuple[str, Shape]]:
    root, dim = "mask_decoder", c.channels
    for index in range(c.decoder_depth):
        layer = f"{root}.transformer.layers.{index}"
        yield from _attention(f"{layer}.self_attn", dim, dim)
        yield from _attention(f"{layer}.cross_attn_token_to_image", dim, c.decoder_inner_dim)
        yield from _attention(f"{layer}.cross_attn_image_to_token", dim, c.decoder_inner_dim)
        for number in range(1, 5):
            yield from _norm(f"{layer}.norm{number}", dim)
        yield from _linear(f"{layer}.mlp.lin1", dim, c.decoder_mlp_dim)
        yield from _linear(f"{layer}.mlp.lin2", c.decoder_mlp_dim, dim)
    final = f"{root}.transformer.final_attn_token_to_image"
    yield from _attention(final, dim, c.decoder_inner_dim)
    yield from _norm(f"{root}.transformer.norm_final_attn", dim)
    yield f"{root}.iou_token.weight", (1, dim)
    yield f"{root}.mask_tokens.weight", (c.candidate_count, dim)
    up = f"{root}.output_upscaling"
    yield f"{up}.0.weight", (dim, dim // 4, 2, 2)
    yield f"{up}.0.bias", (dim // 4,)
    yield from _norm(f"{up}.1", dim // 4)
    yield f"{up}.3.weight", (dim // 4, dim // 8, 2, 2)
    yield f"{up}.3.bias", (dim // 8,)
    for index in range(c.candidate_count):
        mlp = f"{root}.output_hypernetworks_mlps.{index}"
        yield from _mlp(mlp, (dim, dim, dim, dim // 8))
    hidden = [c.iou_hidden_dim] * (c.iou_depth - 1)
    yield from _mlp(f"{root}.iou_prediction_head", (dim, *hidden, c.candidate_count))


def _attention(name: str, dim: int, inner: int) -> Iterator[tuple[str, Shape]]:
    for part in ("q_proj", "k_proj", "v_proj"):
        yield from _linear(f"{name}.{part}", dim, inner)
    yield from _linear(f"{name}.out_proj", inner, dim)


def _mlp(name: str, widths: Sequence[int]) -> Iterator[tuple[str, Shape]]:
    for index, (width_in, width_out) in enumerate(pairwise(widths)):
        yield from _linear(f"{name}.layers.{index}", width_in, width_out)


def detect_config(
    shapes: Mapping[str, Shape], *, decoder_head_count: int | None = None
) -> SamConfig:
    """The network that tensors of these shapes, under Meta's names, belong to.

    Args:
        shapes: Shape of every tensor.
        decoder_head_count: Heads of the decoder. No shape tells them; all published SAM models
            have 256 channels and 8 heads, so None means 8 there and is refused elsewhere.

    Raises:
        WeightsError: If a tensor that tells a size is missing, or sizes contradict each other.
    """
    encoder, decoder = "image_encoder", "mask_decoder"
    position = _shape(shapes, f"{encoder}.pos_embed", 4)
    patches = _shape(shapes, f"{encoder}.patch_embed.proj.weight", 4)
    depth = _count(shapes, rf"{encoder}\.blocks\.(\d+)\.")
    if position[1] != position[2] or depth == 0:
        raise WeightsError(f"{encoder}.pos_embed is for a square image, got {position}")
    grid, dim = position[1], position[3]
    global_blocks, window_size = _windows(shapes, f"{encoder}.blocks", depth=depth, grid=grid)
    head_dim = _shape(shapes, f"{encoder}.blocks.0.attn.rel_pos_h", 2)[1]
    channels = _shape(shapes, f"{encoder}.neck.2.weight", 4)[0]
    if dim % head_dim:
        raise WeightsError(f"{dim} channels do not divide into heads of {head_dim}")
    layer = f"{decoder}.transformer.layers.0"
    iou_head = f"{decoder}.iou_prediction_head.layers"
    return SamConfig(
        image_size=grid * patches[-1],
        patch_size=patches[-1],
        embed_dim=dim,
        depth=depth,
        head_count=dim // head_dim,
        mlp_dim=_shape(shapes, f"{encoder}.blocks.0.mlp.lin1.weight", 2)[0],
        global_blocks=global_blocks,
        window_size=window_size,
        channels=channels,
        mask_channels=_shape(shapes, "prompt_encoder.mask_downscaling.3.weight", 4)[0],
        decoder_depth=_count(shapes, rf"{decoder}\.transformer\.layers\.(\d+)\."),
        decoder_head_count=_decoder_heads(channels, decoder_head_count),
        decoder_mlp_dim=_shape(shapes, f"{layer}.mlp.lin1.weight", 2)[0],
        decoder_inner_dim=_shape(shapes, f"{layer}.cross_attn_token_to_image.q_proj.weight", 2)[0],
        candidate_count=_shape(shapes, f"{decoder}.mask_tokens.weight", 2)[0],
        iou_depth=_count(shapes, rf"{re.escape(iou_head)}\.(\d+)\."),
        iou_hidden_dim=_shape(shapes, f"{iou_head}.0.weight", 2)[0],
    )


def _windows(
    shapes: Mapping[str, Shape], blocks: str, *, depth: int, grid: int
) -> tuple[tuple[int, ...], int]:
    """Which blocks attend to the whole grid, and the side of the windows of the others."""
    spans = [(_shape(shapes, f"{blocks}.{i}.attn.rel_pos_h", 2)[0] + 1) // 2 for i in range(depth)]
    windows = sorted({span for span in spans if span != grid})
    if len(windows) > 1:
        raise WeightsError(f"windows have one size, got {windows} from {blocks}.*.rel_pos_h")
    global_blocks = tuple(i for i, span in enumerate(spans) if span == grid)
    return global_blocks, windows[0] if windows else grid


def _decoder_heads(channels: int, told: int | None) -> int:
    if told is not None:
        if told < 1 or channels % told:
            raise WeightsError(f"{channels} channels do not divide into {told} decoder heads")
        return told
    if channels != PUBLISHED_DECODER_DIM:
        raise WeightsError(
            f"a decoder of {channels} channels is not a published SAM: its number of heads must be "
            'in a config.json beside the file, as {"decoder": {"num_heads": N}}'
        )
    return PUBLISHED_DECODER_HEADS


def _shape(shapes: Mapping[str, Shape], name: str, rank: int) -> Shape:
    if name not in shapes:
        raise WeightsError(f"the checkpoint has no {name}: it is not a whole SAM model")
    if len(shapes[name]) != rank:
        raise WeightsError(f"{name} has {rank} dimensions in SAM, got shape {shapes[name]}")
    return shapes[name]


def _count(shapes: Mapping[str, Shape], pattern: str) -> int:
    found = {int(match[1]) for name in shapes if (match := re.match(pattern, name))}
    return max(found) + 1 if found else 0
