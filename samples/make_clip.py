"""Draw a futsal clip with exact ground truth: who is where, pixel by pixel, on every frame.

    python samples/make_clip.py -o clip
    python samples/make_clip.py -o small --size 320x180 --seconds 2 --seed 3 --no-audio

The folder gets clip.mp4, truth/00000.png and on (DAVIS palette, visible pixels only), prompts.yaml
(one box for each object, for `track-anything track --prompts`) and truth.json. The same seed draws
the same frames and masks on every machine.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image as PillowImage

from track_anything.masks import label_colors, mask_box
from track_anything.structures import Image

if str(Path(__file__).resolve().parent) not in sys.path:  # loaded by its path, not run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parent))

from futsal.figures import Layer, Painter, pose
from futsal.light import cast_shadows, reflect
from futsal.play import BALL_RADIUS, DURATION, KICKS, PLAYERS, Play, Player, camera_at, fold_time
from futsal.stage import Panorama
from futsal.textures import random_bytes, shade

EXPOSURE = 0.008
"""Seconds the shutter is open: a sports camera's."""
BALL_MOMENTS = (-1.0, -0.5, 0.0, 0.5, 1.0)
AUDIO_RATE = 48000


def object_names() -> dict[int, str]:
    """The name of every track_id, 1 and on."""
    return dict(enumerate(("ball", *(player.name for player in PLAYERS)), 1))


def draw_clip(
    *,
    size: tuple[int, int] = (360, 640),
    seconds: float = 5.0,
    frame_rate: Fraction = Fraction(25),
    seed: int = 0,
) -> Iterator[tuple[Image, Image]]:
    """Frames, RGB, each with its label map: (H, W) uint8, the track_id seen at each pixel.

    Args:
        size: (height, width) of the frames.
        seconds: How long; the play is five seconds and then goes back and forth.
        frame_rate: Frames per second.
        seed: Of textures and noise; the play is always the same.
    """
    scene = Scene(size, seed)
    for index in range(round(seconds * frame_rate)):
        yield scene.draw(fold_time(float(index / frame_rate)), index)


class Scene:
    """The hall, the play and the camera for frames of one size."""

    def __init__(
        self, size: tuple[int, int], seed: int, *, players: Sequence[Player] = PLAYERS
    ) -> None:
        """Paint the hall for frames of (height, width); the ball is track 1, players follow it."""
        height, width = size
        self._size, self._seed, self._players = size, seed, players
        self._play = Play(players)
        cameras = [camera_at(step * DURATION / 40, size) for step in range(41)]
        self._hall = Panorama(cameras, size, seed)
        self._painter = Painter(size, seed)
        y, x = np.mgrid[0:height, 0:width]
        off_x, off_y = (2 * x + 1 - width) / width, (2 * y + 1 - height) / width
        self._vignette = np.rint(256 - 46 * (off_x**2 + off_y**2)).astype(np.int32)

    def draw(self, time: float, index: int) -> tuple[Image, Image]:
        """The picture and the label map at a time of the play; index seeds the sensor's noise."""
        camera = camera_at(time, self._size)
        moments = [min(max(time + part * EXPOSURE / 2, 0.0), DURATION) for part in (-0.6, 0.6)]
        stances = [self._play.stances(moment) for moment in (time, *moments)]
        balls = [self._play.ball(time + (moments[1] - time) * part) for part in BALL_MOMENTS]
        bodies = [pose(player, stances[0][player.name], camera) for player in self._players]
        image = self._hall.view(camera)
        image = shade(image, cast_shadows(image, bodies, self._play.ball(time), camera))
        layers: list[tuple[int, Layer]] = []
        ball = self._painter.ball(balls, float(balls[0][0]) / BALL_RADIUS, camera)
        if ball is not None:
            layers.append((1, ball))
        for track_id, player in enumerate(self._players, 2):
            layer = self._painter.player(player, [s[player.name] for s in stances[1:]], camera)
            if layer is not None:
                ground = np.append(stances[0][player.name].place, 0.0)[None]
                reflect(image, layer, float(camera.project(ground)[0][0, 1]))
                layers.append((track_id, layer))
        labels = np.zeros(self._size, np.uint8)
        for track_id, layer in sorted(layers, key=lambda each: -each[1].depth):
            _lay(image, labels, layer, track_id)
        return self._expose(image, index), labels

    def _expose(self, image: Image, index: int) -> Image:
        """What lens and sensor make of the picture: softness, dark corners, noise."""
        soft = cv2.GaussianBlur(image, (3, 3), 0.55)
        height, width = self._size
        draws = random_bytes(5 * height * width, self._seed, 1000 + index)
        draws = draws.reshape(5, height, width).astype(np.int16)
        grey = (draws[0] + draws[1] - 255) * 5 // 256
        colour = draws[2:].transpose(1, 2, 0) * 5 // 256 - 2
        noisy = shade(soft, self._vignette) + grey[..., None] + colour
        return np.clip(noisy, 0, 255).astype(np.uint8)


def _lay(image: Image, labels: Image, layer: Layer, track_id: int) -> None:
    """Lay a layer over the picture; what it covers by half or more becomes its pixels."""
    height, width = labels.shape
    (x0, y0), (rows, columns) = layer.corner, layer.cover.shape
    left, top, right, bottom = (
        max(0, x0),
        max(0, y0),
        min(width, x0 + columns),
        min(height, y0 + rows),
    )
    part = np.s_[top - y0 : bottom - y0, left - x0 : right - x0]
    cover, colour = layer.cover[part], layer.colour[part]
    behind = image[top:bottom, left:right].astype(np.uint16)
    shown = (behind * (255 - cover[..., None].astype(np.uint16)) + 127) // 255 + colour
    image[top:bottom, left:right] = np.minimum(shown, 255).astype(np.uint8)
    labels[top:bottom, left:right][cover >= 128] = track_id


@dataclass
class Truth:
    """What is true of every object, gathered frame by frame."""

    boxes: dict[int, dict[int, list[int]]] = field(default_factory=dict)
    areas: dict[int, dict[int, int]] = field(default_factory=dict)

    def add(self, index: int, labels: Image) -> None:
        """Take in the label map of one frame."""
        for track_id in object_names():
            mask = labels == track_id
            if mask.any():
                self.boxes.setdefault(track_id, {})[index] = mask_box(mask).astype(int).tolist()
                self.areas.setdefault(track_id, {})[index] = int(np.count_nonzero(mask))

    def prompt_frame(self, track_id: int, size: tuple[int, int]) -> int | None:
        """The first frame that shows an object clear of the picture's border; None if none does."""
        height, width = size
        margin = width // 80  # a runner's leg may swing out again just after he came in
        for index, (left, top, right, bottom) in self.boxes.get(track_id, {}).items():
            is_inside = margin <= left and right <= width - margin
            if is_inside and margin <= top and bottom <= height - margin:
                return index
        return None

    def as_json(self, size: tuple[int, int], frame_rate: Fraction, count: int) -> dict[str, object]:
        """Everything, ready for json.dump."""
        kits = {1: "ball", **{track_id: p.kit.name for track_id, p in enumerate(PLAYERS, 2)}}
        return {
            "height": size[0],
            "width": size[1],
            "frame_rate": str(frame_rate),
            "frame_count": count,
            "objects": [
                {
                    "track_id": track_id,
                    "name": object_names()[track_id],
                    "kit": kits[track_id],
                    "first_frame": min(boxes),
                    "last_frame": max(boxes),
                    "boxes": boxes,
                    "areas": self.areas[track_id],
                }
                for track_id, boxes in sorted(self.boxes.items())
            ],
        }


def prompt_file(truth: Truth, size: tuple[int, int]) -> str:
    """The text of a prompt file with one box for each object."""
    lines = ["# One box for each object, on the first frame that shows it whole.", "objects:"]
    for track_id, name in object_names().items():
        index = truth.prompt_frame(track_id, size)
        if index is None:
            continue
        box = ", ".join(map(str, truth.boxes[track_id][index]))
        lines += [f"  - name: {name}", "    prompts:", f"      - {{at: {index}f, box: [{box}]}}"]
    return "\n".join(lines) + "\n"


def draw_sound(seconds: float, seed: int) -> Image:
    """Mono 16-bit samples at AUDIO_RATE: a soft tone, the hall's murmur, a click at every kick."""
    count = round(seconds * AUDIO_RATE)
    times = np.arange(count) / AUDIO_RATE
    murmur = random_bytes(count, seed, 77).astype(np.float64) / 128 - 1
    murmur = np.convolve(murmur, np.full(32, 1 / 32), mode="same")
    sound = 0.08 * np.sin(2 * np.pi * 440 * times) + 0.2 * murmur
    for start in np.arange(0, seconds, 2 * DURATION):
        for when, _ in KICKS:
            since = np.maximum(times - start - when, 0)
            click = np.exp(-60 * since) * np.sin(2 * np.pi * 180 * since)
            sound += 0.6 * np.where(since > 0, click, 0)
    return np.clip(np.rint(sound * 32000), -32767, 32767).astype(np.int16)


class ClipWriter:
    """clip.mp4: H.264, 4:2:0, BT.709 in deed and in its tags, with or without sound."""

    def __init__(
        self, path: Path, size: tuple[int, int], frame_rate: Fraction, audio: bool
    ) -> None:
        """Open the file for frames of (height, width)."""
        self._container = av.open(str(path), "w")
        # One thread: more would make the bytes depend on the machine.
        options = {"crf": "16", "preset": "medium", "threads": "1"}
        self._video = self._container.add_stream("libx264", rate=frame_rate, options=options)
        self._video.height, self._video.width = size
        self._video.pix_fmt = "yuv420p"
        context = self._video.codec_context
        context.color_range, context.colorspace = 1, 1
        context.color_primaries, context.color_trc = 1, 1
        self._audio = self._container.add_stream("aac", rate=AUDIO_RATE) if audio else None
        if self._audio is not None:
            self._audio.layout = "mono"

    def write(self, index: int, image: Image) -> None:
        """Add a frame."""
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        frame = frame.reformat(
            format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG", interpolation="AREA"
        )
        frame.pts = index
        self._container.mux(self._video.encode(frame))

    def close(self, sound: Image) -> None:
        """Add the sound, if the file has any, and complete the file."""
        self._container.mux(self._video.encode(None))
        if self._audio is not None:
            frame = av.AudioFrame.from_ndarray(sound[None], format="s16", layout="mono")
            frame.sample_rate, frame.pts = AUDIO_RATE, 0
            self._container.mux(self._audio.encode(frame))
            self._container.mux(self._audio.encode(None))
        self._container.close()


def save_label_map(path: Path, labels: Image) -> None:
    """Write a palette PNG as the DAVIS data sets have them."""
    picture = PillowImage.fromarray(labels, mode="P")
    picture.putpalette(label_colors().tobytes())
    picture.save(path)


def make_clip(
    folder: Path,
    *,
    size: tuple[int, int] = (360, 640),
    seconds: float = 5.0,
    frame_rate: Fraction = Fraction(25),
    seed: int = 0,
    audio: bool = True,
) -> None:
    """Draw a clip and write it with its truth and a prompt file into a folder."""
    (folder / "truth").mkdir(parents=True, exist_ok=True)
    writer = ClipWriter(folder / "clip.mp4", size, frame_rate, audio)
    truth, count = Truth(), 0
    frames = draw_clip(size=size, seconds=seconds, frame_rate=frame_rate, seed=seed)
    for count, (image, labels) in enumerate(frames, 1):
        writer.write(count - 1, image)
        save_label_map(folder / "truth" / f"{count - 1:05d}.png", labels)
        truth.add(count - 1, labels)
    writer.close(draw_sound(float(count / frame_rate), seed))
    (folder / "prompts.yaml").write_text(prompt_file(truth, size), encoding="utf-8")
    facts = json.dumps(truth.as_json(size, frame_rate, count))
    (folder / "truth.json").write_text(facts + "\n", encoding="utf-8")


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise argparse.ArgumentTypeError(f"a size is WIDTHxHEIGHT, such as 640x360, got {text!r}")
    if int(width) % 2 or int(height) % 2 or min(int(width), int(height)) < 32:
        raise argparse.ArgumentTypeError(f"a size has even sides of 32 or more, got {text!r}")
    return int(height), int(width)


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw what the command line asks for."""
    parser = argparse.ArgumentParser(description="Draw a futsal clip with exact ground truth.")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder to write into")
    parser.add_argument("--size", type=_size, default=(360, 640), help="WIDTHxHEIGHT [640x360]")
    parser.add_argument("--seconds", type=float, default=5.0, help="length [5]")
    parser.add_argument("--fps", type=Fraction, default=Fraction(25), help="frames a second [25]")
    parser.add_argument("--seed", type=int, default=0, help="of textures and noise [0]")
    parser.add_argument("--audio", action=argparse.BooleanOptionalAction, default=True)
    given = parser.parse_args(arguments)
    make_clip(
        given.output,
        size=given.size,
        seconds=given.seconds,
        frame_rate=given.fps,
        seed=given.seed,
        audio=given.audio,
    )
    print(f"{given.output}: clip.mp4, truth, prompts.yaml, truth.json")


if __name__ == "__main__":
    main()
