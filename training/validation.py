"""Held-out pictures, always the same prompts: how good the average network is by now."""

from pathlib import Path

import cv2
import numpy as np
import torch

from training.loader import stack
from training.pool import load_pool
from training.sampler import MODES, Sample, make_sample

_SHARES = {"coco": 160, "person": 60, "garment": 40, "nuclei": 20}


class Validation:
    """Fixed samples of pictures the training never sees."""

    def __init__(self, data: Path) -> None:
        """Make the samples."""
        cv2.setNumThreads(1)
        held_out = load_pool(data).held_out
        random = np.random.default_rng(20)
        samples: list[Sample] = []
        for name, count in _SHARES.items():
            instances = held_out[name]
            for number in range(count):
                one = instances[int(random.integers(len(instances)))]
                siblings = [other for other in instances if other.picture is one.picture]
                mode = number % len(MODES)
                sample = make_sample(one, siblings, mode, random, is_plain=True)
                samples += [sample] if sample is not None else []
        self._batch = stack(samples)

    def measure(self, network: torch.nn.Module, device: torch.device) -> dict[str, float]:
        """Mean IoU by mode, and how well the predicted IoU follows the true one."""
        true, predicted = [], []
        network.eval()
        for start in range(0, len(self._batch.mode), 32):
            part = slice(start, start + 32)
            channels = torch.from_numpy(self._batch.channels[part]).to(device).float()
            with torch.inference_mode():
                logits, quality = network(channels)
            found = logits.float().squeeze(1).cpu().numpy() > 0
            target = self._batch.target[part] > 127
            shared = (found & target).sum((1, 2))
            beyond = np.maximum(self._batch.area[part] - target.sum((1, 2)), 0)
            overlap = shared / np.maximum((found | target).sum((1, 2)) + beyond, 1)
            true.append(overlap)
            predicted.append(torch.sigmoid(quality.float()).cpu().numpy())
        iou, guess = np.concatenate(true), np.concatenate(predicted)
        means = {
            f"held-out {name}": float(iou[self._batch.mode == number].mean())
            for number, name in enumerate(MODES)
        }
        return means | {"held-out correlation": float(np.corrcoef(iou, guess)[0, 1])}
