"""A real video tracked once and exported to every format; what is written is read back."""

import contextlib
import io
from pathlib import Path

import numpy as np
import pytest

from track_anything import track
from track_anything.export import FORMATS, ExportTarget, export
from track_anything.io.run_store import RunStore

BOXES = {"dog": (823, 208, 1071, 368), "ball": (655, 296, 758, 402)}


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_every_format_of_a_real_run_is_written_and_masks_read_back_are_those_tracked(
    shared_data: Path, tmp_path: Path
) -> None:
    from pycocotools import mask as coco_mask
    from pycocotools.coco import COCO

    run = tmp_path / "run"
    track(shared_data / "videos" / "05_landing_dog_soccer.mp4", BOXES, run, end="2")
    summary = export(run, [ExportTarget(name) for name in FORMATS])
    folder = run / "exports"
    assert all(path.exists() for _, path in summary.outputs)
    assert (folder / "video.mp4").read_bytes() == (run / "annotated.mp4").read_bytes()
    for name in ("tracks.csv", "tracks.jsonl"):
        assert (folder / name).read_bytes() == (run / name).read_bytes()
    for path in (run / "masks").iterdir():
        assert (folder / "davis" / path.name).read_bytes() == path.read_bytes()

    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(folder / "coco.json"))
    by_place = {(one["image_id"], one["track_id"]): one for one in coco.dataset["annotations"]}
    mots = {}
    for line in (folder / "mots.txt").read_text().splitlines():
        number, track_id, _, height, width, counts = line.split(" ")
        rle = {"size": [int(height), int(width)], "counts": counts.encode()}
        mots[int(number), int(track_id)] = np.asarray(coco_mask.decode(rle), bool)
    seen = 0
    with RunStore.open(run) as store:
        for result in store.results():
            index = result.frame.index
            with np.load(folder / "npz" / f"{index:05d}.npz") as arrays:
                masks = arrays["masks"]
            for one, mask in zip(result.objects, masks, strict=True):
                assert (mask == one.mask).all()
                if not one.mask.any():
                    continue
                seen += 1
                place = (index + 1, one.track_id)
                assert (coco.annToMask(by_place.pop(place)).astype(bool) == one.mask).all()
                assert (mots.pop(place) == one.mask).all()
    assert seen > 80
    assert not by_place
    assert not mots
