"""SAM without a framework around it: the execution that is used."""

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from track_anything.errors import ConfigError, SegmenterError
from track_anything.segmenters.sam.cross_attention import ProjectedImage
from track_anything.segmenters.sam.decoder import MaskDecoder, PreparedImage
from track_anything.segmenters.sam.encoder import ImageEncoder
from track_anything.segmenters.sam.execution import SamAnswer, SamPrompt
from track_anything.segmenters.sam.graphs import CudaRecorder, Replay
from track_anything.segmenters.sam.prompt_encoder import PromptEncoder
from track_anything.segmenters.sam.weights import SamWeights
from track_anything.structures import Image

DTYPES = ("auto", "float32", "float16", "bfloat16")
LARGEST_BATCH = 64
"""Prompts decoded together on a GPU: the segment-anything generator's batch."""


def choose_dtype(dtype: str, device: torch.device) -> torch.dtype:
    """The torch type a name stands for; auto is float16 on CUDA, float32 elsewhere.

    CPUs without the instructions are four times slower in half precision than in float32.

    Raises:
        ConfigError: If the name is unknown.
    """
    names = {
        "auto": torch.float16 if device.type == "cuda" else torch.float32,
        "float32": torch.float32,
        "float16": torch.float16,
        "bfloat16": torch.bfloat16,
    }
    if dtype not in names:
        raise ConfigError(f"dtype is one of {', '.join(DTYPES)}, got {dtype!r}")
    return names[dtype]


@dataclass(frozen=True, eq=False)
class LeanImage:
    """An image encoded.

    Attributes:
        embedding: (1, grid^2, channels) float32.
        prepared: The same, as the decoder wants it where a prompt has no mask.
    """

    embedding: torch.Tensor
    prepared: PreparedImage


class LeanSam:
    """The network as plain torch calls."""

    def __init__(
        self,
        weights: SamWeights,
        *,
        device: torch.device | None = None,
        dtype: torch.dtype = torch.float32,
        int8: bool = False,
        batched: bool | None = None,
    ) -> None:
        """Get the network ready.

        Args:
            weights: Shared, not copied, where device and dtype allow.
            device: Where to run; None is the CPU.
            dtype: Of the products; prompts and logits are float32 always.
            int8: Round the image encoder's projections to 8 bits: faster, and off by about 2 %.
            batched: One attention call a layer and one decode for all prompts, as GPUs like it;
                else tiles and one prompt at a time, as CPUs like it. None decides by the device.

        Raises:
            ConfigError: If 8 bits are asked for anywhere but on a CPU in float32.
        """
        self.config = weights.config
        self.device = device or torch.device("cpu")
        self.batched = self.device.type != "cpu" if batched is None else batched
        if int8 and (self.device.type != "cpu" or dtype != torch.float32):
            raise ConfigError("int8 runs on a CPU with float32 only: use device cpu, dtype float32")
        with torch.inference_mode():
            self.encoder = ImageEncoder(
                weights, device=self.device, dtype=dtype, tiled=not self.batched, int8=int8
            )
            self.prompt_encoder = PromptEncoder(weights, device=self.device)
            self.decoder = MaskDecoder(
                weights,
                device=self.device,
                dtype=dtype,
                position=self.prompt_encoder.position,
            )
        # Buffers are shared by all calls: a preview in one thread must wait for a run in another.
        self._lock = threading.Lock()
        recorder = CudaRecorder() if self.device.type == "cuda" else None
        self._encode = Replay(self.encoder.encode, recorder)
        self._decode = Replay(self._decode_batch, recorder)

    def encode(self, image: Image) -> LeanImage:
        """What decode needs of an image that fits the input.

        Raises:
            SegmenterError: If half precision is not enough for it.
        """
        with self._lock, torch.inference_mode():
            pixels = self.encoder.normalized(torch.tensor(image))
            # A copy: the recorded outcome is overwritten by the next image.
            embedding: torch.Tensor = self._encode(pixels)[None].to(torch.float32, copy=True)
            prepared = self.decoder.prepare(embedding + self.prompt_encoder.no_mask)
        if self.encoder.dtype == torch.float16 and not bool(embedding.isfinite().all()):
            raise SegmenterError(
                f"the embedding overflows in {self.encoder.dtype}: use dtype float32 or bfloat16"
            )
        return LeanImage(embedding, prepared)

    def decode(
        self,
        embedding: LeanImage,
        prompts: Sequence[SamPrompt],
        *,
        least_predicted_iou: float | None = None,
    ) -> list[SamAnswer]:
        """All candidate masks for every prompt, in order.

        Args:
            embedding: What encode returned.
            prompts: Of that image.
            least_predicted_iou: On a CPU the logits of a prompt are left out if none of the
                candidates 1 to 3 is predicted above it. A GPU is quicker without looking.
        """
        answers: dict[int, SamAnswer] = {}
        decode: Callable[..., tuple[torch.Tensor, torch.Tensor]] = self._decode
        if self.device.type == "cpu" and not self.batched and least_predicted_iou is not None:
            decode = partial(self._decode_batch, least_predicted_iou=least_predicted_iou)
        with self._lock, torch.inference_mode():
            for indices in self._batches(prompts):
                batch = [prompts[index] for index in indices]
                logits, predicted = decode(*self._stack(embedding, batch))
                # Copies: what a recording gave is overwritten by the next batch.
                logits_array = logits.to("cpu", copy=True).numpy()
                iou_array = predicted.to("cpu", copy=True).numpy()
                for place, index in enumerate(indices):
                    answers[index] = SamAnswer(logits_array[place], iou_array[place])
        return [answers[index] for index in range(len(prompts))]

    def _batches(self, prompts: Sequence[SamPrompt]) -> list[list[int]]:
        """Indices of prompts to decode together: those with as many tokens of the same kinds."""
        if not self.batched:
            return [[index] for index in range(len(prompts))]
        alike: defaultdict[tuple[int, bool, bool], list[int]] = defaultdict(list)
        for index, prompt in enumerate(prompts):
            kind = (len(prompt.points), prompt.box is not None, prompt.mask is not None)
            alike[kind].append(index)
        return [
            indices[start : start + LARGEST_BATCH]
            for indices in alike.values()
            for start in range(0, len(indices), LARGEST_BATCH)
        ]

    def _stack(self, image: LeanImage, prompts: list[SamPrompt]) -> tuple[torch.Tensor | None, ...]:
        """Arguments of a decode. Batches are filled up to a power of two with copies of the last
        prompt, so that few sizes are ever captured."""
        size = 1 << (len(prompts) - 1).bit_length()
        filled = prompts + prompts[-1:] * (size - len(prompts))

        def stack(arrays: list[np.ndarray]) -> torch.Tensor:
            return torch.from_numpy(np.stack(arrays)).to(self.device)

        boxes = [prompt.box for prompt in filled if prompt.box is not None]
        masks = [prompt.mask for prompt in filled if prompt.mask is not None]
        prepared = image.prepared
        tokens, values = prepared.to_image, prepared.to_image.values
        ready = (prepared.keys, tokens.compared, values, prepared.to_tokens.compared)
        return (
            stack([prompt.points for prompt in filled]),
            stack([prompt.labels for prompt in filled]),
            stack(boxes) if boxes else None,
            *((stack(masks), image.embedding) if masks else (None, *ready)),
        )

    def _decode_batch(
        self,
        points: torch.Tensor,
        labels: torch.Tensor,
        boxes: torch.Tensor | None,
        masks: torch.Tensor | None,
        *image: torch.Tensor,
        least_predicted_iou: float | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """A decode as a function of tensors alone, so that it can be recorded."""
        tokens = self.prompt_encoder.tokens(points, labels, boxes)
        if masks is not None:
            keys = image[0] + self.prompt_encoder.dense(masks)
            return self.decoder.decode(keys, tokens, least_predicted_iou=least_predicted_iou)
        keys, compared, values, asking = image
        prepared = PreparedImage(keys, ProjectedImage(compared, values), ProjectedImage(asking))
        return self.decoder.decode(prepared, tokens, least_predicted_iou=least_predicted_iou)
