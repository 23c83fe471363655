"""Attention between a few prompt tokens and thousands of image tokens.

q.(W k) = (W^T q).k: the image's projections are folded into the few prompt tokens, so the image is
never projected for one prompt. What does not depend on the prompt is projected once an image.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as functional

from track_anything.segmenters.sam.layers import Buffers, Parameters, parameters


@dataclass(frozen=True)
class ProjectedImage:
    """One image's own side of a cross attention.

    Attributes:
        compared: (heads, inner, T): what scores are taken with.
        values: (heads, T, inner), or None where the image only asks.
    """

    compared: torch.Tensor
    values: torch.Tensor | None = None


@dataclass(frozen=True)
class CrossAttention:
    """The parameters of one cross attention; B prompts of n tokens, T image tokens.

    Attributes:
        few: Projection of the prompt tokens that are compared.
        many: The image's: (heads, inner, channels) and (heads, inner, 1).
        value: (heads, channels, inner) and (heads, 1, inner): projection of the values.
        out: Output projection.
        head_count: Heads.
    """

    few: Parameters
    many: Parameters
    value: Parameters
    out: Parameters
    head_count: int

    @classmethod
    def of(
        cls, tensors: Mapping[str, torch.Tensor], prefix: str, heads: int, *, image_asks: bool
    ) -> "CrossAttention":
        """Take the tensors under a prefix; the image is the side of the queries or of the keys."""
        few, many = ("k", "q") if image_asks else ("q", "k")
        fold, fold_bias = parameters(tensors, f"{prefix}{many}_proj")
        value, value_bias = parameters(tensors, f"{prefix}v_proj")
        channels = fold.shape[1]
        return cls(
            few=parameters(tensors, f"{prefix}{few}_proj"),
            many=(fold.view(heads, -1, channels), fold_bias.view(heads, -1, 1)),
            value=(
                value.view(heads, -1, channels).transpose(1, 2),
                value_bias.view(heads, 1, -1),
            ),
            out=parameters(tensors, f"{prefix}out_proj"),
            head_count=heads,
        )

    def project(self, placed: torch.Tensor, keys: torch.Tensor | None) -> ProjectedImage:
        """The side of an image whose (1, T, channels) tokens do not depend on the prompt."""
        weight, bias = self.many
        heads, inner, channels = weight.shape
        compared = placed[0] @ weight.view(-1, channels).t() + bias.view(-1)
        compared = compared.t().reshape(heads, inner, -1).contiguous()
        if keys is None:
            return ProjectedImage(compared)
        weight, bias = self.value
        values = keys[0] @ weight.transpose(1, 2).reshape(-1, channels).t() + bias.reshape(-1)
        return ProjectedImage(compared, values.view(-1, heads, inner).transpose(0, 1).contiguous())

    def tokens_to_image(
        self, few: torch.Tensor, placed: torch.Tensor, keys: torch.Tensor, buffers: Buffers
    ) -> torch.Tensor:
        """What (B, n, channels) tokens see in the (B, T, channels) image."""
        count, length, channels = few.shape
        heads, many = self.head_count, keys.shape[1]
        # The keys' bias adds the same to all scores of a query: softmax does not see it.
        folded = _by_batch(torch.bmm(self._split(few), self.many[0]), count)
        scores = buffers.take("scores", count, heads * length, many)
        torch.bmm(folded, placed.transpose(1, 2), out=scores)
        shares = buffers.take("shares", count, heads * length, many)
        torch.softmax(scores, -1, out=shares)
        seen = torch.bmm(shares, keys)
        seen = seen.view(count, heads, length, channels).transpose(0, 1)
        weight, bias = self.value
        values = torch.baddbmm(bias, seen.reshape(heads, -1, channels), weight)
        return self._out(values, count)

    def tokens_to_projected(
        self, few: torch.Tensor, image: ProjectedImage, buffers: Buffers
    ) -> torch.Tensor:
        """What (B, n, channels) tokens see in an image that is the same for all of them."""
        if image.values is None:
            raise ValueError("the image was projected without values")
        split = self._split(few)
        size = (self.head_count, split.shape[1], image.values.shape[1])
        scores, shares = buffers.take("scores", *size), buffers.take("shares", *size)
        torch.bmm(split, image.compared, out=scores)
        torch.softmax(scores, -1, out=shares)
        return self._out(torch.bmm(shares, image.values), len(few))

    def image_to_tokens(
        self,
        image: torch.Tensor | ProjectedImage,
        keys: torch.Tensor,
        few: torch.Tensor,
        plain: torch.Tensor,
        buffers: Buffers,
    ) -> torch.Tensor:
        """The image plus what it sees in tokens: (B, T, channels), in a buffer.

        Args:
            image: (B, T, channels) with positions, or projected.
            keys: (B, T, channels) without.
            few: (B, n, channels) tokens with their positions.
            plain: The same without.
            buffers: Where the outcome is.
        """
        count, length, channels = few.shape
        heads, many = self.head_count, keys.shape[1]
        by_head = (count * heads, length, many)
        shares = buffers.take("shares", *by_head)
        scores = self._image_scores(image, few, many, buffers)
        torch.softmax(scores.view(by_head), 1, out=shares)
        weight, bias = self.value
        flat = plain.reshape(1, -1, channels).expand(heads, -1, -1)
        values = torch.baddbmm(bias, flat, weight)
        out, out_bias = self.out
        seen = _by_batch(torch.bmm(values, out.t().view(heads, -1, channels)), count)
        changed = buffers.take("changed", count, many, channels)
        by_token = shares.view(count, heads * length, many).transpose(1, 2)
        torch.baddbmm(keys, by_token, seen, out=changed)
        return changed.add_(out_bias)

    def _image_scores(
        self, image: torch.Tensor | ProjectedImage, few: torch.Tensor, many: int, buffers: Buffers
    ) -> torch.Tensor:
        """(B, heads n, T)."""
        count, length = few.shape[:2]
        split = self._split(few)
        scores = buffers.take("scores", count, self.head_count * length, many)
        if isinstance(image, ProjectedImage):
            by_head = scores.view(self.head_count, count * length, many)
            torch.bmm(split, image.compared, out=by_head)
            return _by_batch(by_head, count)
        weight, bias = self.many
        folded = _by_batch(torch.bmm(split, weight), count)
        # The image's bias does differ from prompt token to prompt token.
        constant = _by_batch(torch.bmm(split, bias), count)
        torch.baddbmm(constant, folded, image.transpose(1, 2), out=scores)
        return scores

    def _split(self, few: torch.Tensor) -> torch.Tensor:
        """(heads, B n, inner), scaled, of (B, n, channels)."""
        projected = functional.linear(few, *self.few)
        split = projected.view(-1, self.head_count, projected.shape[-1] // self.head_count)
        return split.transpose(0, 1).mul(split.shape[-1] ** -0.5)

    def _out(self, values: torch.Tensor, count: int) -> torch.Tensor:
        """(B, n, channels) of (heads, B n, inner)."""
        joined = values.transpose(0, 1).reshape(count, -1, values.shape[0] * values.shape[2])
        return functional.linear(joined, *self.out)


def _by_batch(values: torch.Tensor, count: int) -> torch.Tensor:
    """(B, heads n, c) of (heads, B n, c)."""
    heads, _, channels = values.shape
    return values.view(heads, count, -1, channels).transpose(0, 1).reshape(count, -1, channels)
