"""Make the README's moving picture from the demo's annotated video.

make demo && python samples/readme_picture.py demo/run/annotated.mp4 docs/demo.webp
"""

import argparse
from pathlib import Path

from PIL import Image

from track_anything.config import ReadConfig
from track_anything.io.sources import open_source


def make_picture(video: Path, target: Path, *, side: int = 560, every: int = 3) -> None:
    """Write every nth frame of a video as a WebP whose longest side is `side` pixels.

    GIF has 256 colours in all: half the names and outlines turn gray in it.
    """
    source = open_source(video, config=ReadConfig(max_side=side))
    frames = [Image.fromarray(frame.image) for frame in source if frame.index % every == 0]
    source.close()
    duration = round(1000 * every / float(source.info.frame_rate))
    frames[0].save(
        target,
        save_all=True,
        append_images=frames[1:],
        duration=duration,
        loop=0,
        quality=60,
        method=6,
    )


def main() -> None:
    """Read the arguments, write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video", type=Path)
    parser.add_argument("picture", type=Path)
    options = parser.parse_args()
    make_picture(options.video, options.picture)


if __name__ == "__main__":
    main()
