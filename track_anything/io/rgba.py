"""Pictures with alpha: the objects of a frame as transparency, and PNG files of them."""

import io
import struct
import zlib
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from track_anything.structures import Image, Mask, ObjectMask

# Pillow's level 6 takes four times as long as 3 for a few per cent.
_COMPRESSION = 3
_PIXELS = 0
# Eight bytes of signature and the IHDR chunk.
_AFTER_HEADER = 33


def union_mask(objects: Sequence[ObjectMask], size: tuple[int, int]) -> Mask:
    """The pixels of any of the objects on a frame of (height, width)."""
    union = np.zeros(size, np.bool_)
    for one in objects:
        union |= one.mask
    return union


def soft_alpha(mask: Mask, feather: int) -> NDArray[np.uint8]:
    """(H, W) 0 to 255: a mask whose edge is a straight ramp, feather pixels to either side.

    A feather of 0 gives exactly 0 and 255.

    >>> soft_alpha(np.array([[0, 0, 0, 1, 1, 1]], bool), 1).tolist()
    [[0, 0, 85, 170, 255, 255]]
    """
    alpha = mask.view(np.uint8) * np.uint8(255)
    if not feather:
        return alpha
    side = 2 * feather + 1
    return np.asarray(
        cv2.blur(alpha, (side, side), borderType=cv2.BORDER_REPLICATE), np.uint8
    ).reshape(mask.shape)


def with_alpha(image: Image, alpha: NDArray[np.uint8], *, bleed: int = 0) -> NDArray[np.uint8]:
    """(H, W, 4): a picture with straight (unassociated) alpha.

    Args:
        image: Standard form; its colours are not multiplied by alpha.
        alpha: (H, W), 255 is opaque.
        bleed: Pixels around what can be seen that keep their colours, so that scaling and codecs
            bring nothing else into the edges. Beyond, the picture is black.
    """
    kept = (alpha > 0).view(np.uint8)
    if bleed:
        kept = np.asarray(cv2.dilate(kept, np.ones((2 * bleed + 1,) * 2, np.uint8)), np.uint8)
    picture = np.zeros((*alpha.shape, 4), np.uint8)
    cv2.copyTo(np.dstack([image, alpha]), kept, picture)
    return picture


def rgba_png(picture: NDArray[np.uint8], *, corner: tuple[int, int] | None = None) -> bytes:
    """An (H, W, 4) picture as a PNG file.

    Args:
        picture: RGBA, straight alpha.
        corner: (x, y) of its top-left pixel in the frame it is from, kept in the file's oFFs
            chunk, where editors that know it put the picture.
    """
    file = io.BytesIO()
    PillowImage.fromarray(picture).save(file, "PNG", compress_level=_COMPRESSION)
    data = file.getvalue()
    if corner is None:
        return data
    # Pillow drops chunks that it does not know.
    offset = b"oFFs" + struct.pack(">iiB", *corner, _PIXELS)
    chunk = struct.pack(">I", len(offset) - 4) + offset + struct.pack(">I", zlib.crc32(offset))
    return data[:_AFTER_HEADER] + chunk + data[_AFTER_HEADER:]
