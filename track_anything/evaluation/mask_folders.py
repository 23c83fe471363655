"""J and F of masks that lie in folders, against the truth in other folders."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from track_anything.errors import DatasetError
from track_anything.evaluation.datasets import BINARY_LABEL, sequence_folders
from track_anything.evaluation.davis import ObjectScore, score_means
from track_anything.evaluation.identity import IdentityCount
from track_anything.evaluation.metrics import boundary_f, region_similarity
from track_anything.label_png import read_label_png

_ANNOTATIONS = "Annotations"


def evaluate_masks(
    results: Path,
    truth: Path,
    *,
    sequences: Sequence[str] | None = None,
    all_frames: bool = False,
    on_score: Callable[[str, Mapping[str, Any]], None] | None = None,
) -> dict[str, dict[str, Any]]:
    """Scores of masks in PNG files, ready for JSON, as vos-benchmark has them.

    Either folder is one of: PNG files of one video; folders of them, one a sequence, perhaps under
    480p/; a DAVIS folder with Annotations/. Files belong together by their names. Each is 0 and 255
    or a label map, where 255 in the truth is void. The truth may have fewer frames; one that has a
    mask and no result is an error.

    An object is every label of the truth's scored frames. A frame before its first mask, true or
    found, is not scored for it: nothing was to be found or missed.

    Args:
        results: What was found.
        truth: What is there.
        sequences: Names; None takes all of the truth.
        all_frames: The first and the last annotated frame count too. DAVIS leaves them out: the
            first was given.
        on_score: Told of every sequence when it is done.

    Returns:
        {"mean": {...}, "sequences": {name: {..., "objects": {id: {...}}}}}, each with J, F, J&F,
        their recall and decay, and frames_on_another and id_switches, which are sums. The mean is
        over objects, not sequences. A sequence of 0 and 255 has object 1.

    Raises:
        DatasetError: If a folder is not as expected, or a file missing, unreadable or of a wrong
            size.
    """
    wanted, found = _sequences(truth), _sequences(results)
    if (None in wanted) != (None in found):
        flat, other = (truth, results) if None in wanted else (results, truth)
        raise DatasetError(f"{flat} has masks of one video, {other} folders of them")
    names = tuple(wanted) if sequences is None else tuple(dict.fromkeys(sequences))
    scores: dict[str, dict[str, Any]] = {}
    for name in names:
        for root, folders in ((truth, wanted), (results, found)):
            if name not in folders:
                known = ", ".join(str(one) for one in folders)
                raise DatasetError(f"{root}: there is no sequence {name!r}; there are {known}")
        title = truth.resolve().name if name is None else name
        objects = _score(wanted[name], found[name], all_frames)
        by_id = {str(label): score.to_dict() for label, score in objects.items()}
        scores[title] = {**score_means(by_id.values()), "objects": by_id}
        if on_score:
            on_score(title, scores[title])
    every = [one for score in scores.values() for one in score["objects"].values()]
    return {"mean": {**score_means(every)}, "sequences": scores}


def _sequences(root: Path) -> dict[str | None, Path]:
    """Folders of PNG files by sequence name; None names the only one of a flat folder."""
    if not root.is_dir():
        raise DatasetError(f"{root}: there is no such folder")
    if _files(root):
        return {None: root}
    top = root / _ANNOTATIONS if (root / _ANNOTATIONS).is_dir() else root.resolve()
    folders, _ = sequence_folders(top.parent, top.name)
    return {name: folder for name, folder in folders.items() if _files(folder)}


def _files(folder: Path) -> dict[str, Path]:
    """PNG files by stem, in order."""
    return {
        path.stem: path
        for path in sorted(folder.iterdir())
        if path.suffix.lower() == ".png" and not path.name.startswith(".")
    }


def _score(truth: Path, results: Path, all_frames: bool) -> dict[int, ObjectScore]:
    """Every object of one sequence."""
    wanted, found = _files(truth), _files(results)
    stems = list(wanted) if all_frames else list(wanted)[1:-1]
    if not stems:
        least = 1 if all_frames else 3
        raise DatasetError(f"{truth}: expected {least} masks or more, got {len(wanted)}")
    for stem in stems:
        if stem not in found:
            raise DatasetError(f"{results}: expected {stem}.png, as in {truth}; it is missing")
    read_truth, truth_values = _reader([wanted[stem] for stem in stems])
    read_found, _ = _reader([found[stem] for stem in stems])
    # 255 is void in a label map of the truth: nobody knows what is there.
    ids = sorted(truth_values - {BINARY_LABEL})
    if not ids:
        raise DatasetError(f"{truth}: no object in the {len(stems)} masks that are scored")
    identity = IdentityCount(ids)
    values: dict[int, list[tuple[float, float]]] = {i: [] for i in ids}
    for stem in stems:
        there, labels = read_truth(wanted[stem]), read_found(found[stem])
        if labels.shape != there.shape:
            raise DatasetError(
                f"{found[stem]}: expected {there.shape[1]}x{there.shape[0]} pixels, "
                f"got {labels.shape[1]}x{labels.shape[0]}"
            )
        identity.add(labels, there)
        for label, of_object in values.items():
            mask, true_mask = labels == label, there == label
            if of_object or mask.any() or true_mask.any():
                pair = region_similarity(mask, true_mask), boundary_f(mask, true_mask)
                of_object.append(pair)
    scores = {}
    for label, of_object in values.items():
        j, f = np.array(of_object, np.float64).T
        astray, switches = identity.frames_on_another[label], identity.switches[label]
        scores[label] = ObjectScore(j, f, frames_on_another=astray, switches=switches)
    return scores


def _reader(paths: Sequence[Path]) -> tuple[Callable[[Path], NDArray[np.uint16]], set[int]]:
    """How the label maps of one sequence are read, and which labels there are.

    Where 255 is the only one in any of them, it is object 1.
    """
    found = {int(value) for path in paths for value in np.unique(read_label_png(path))} - {0}
    if found != {BINARY_LABEL}:
        return read_label_png, found

    def read(path: Path) -> NDArray[np.uint16]:
        return np.asarray(read_label_png(path) == BINARY_LABEL, np.uint16)

    return read, {1}
