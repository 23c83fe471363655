"""An export as plain data, checked before anything is written."""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from track_anything.config import ReadConfig, RunConfig, with_values
from track_anything.errors import ConfigError, VideoError
from track_anything.export.formats import find_format
from track_anything.export.options import LoadedFormat, load_format
from track_anything.export.paths import check_place
from track_anything.export.selection import Selection, select
from track_anything.interfaces import FrameSource
from track_anything.io.container import STDIN
from track_anything.io.fingerprint import fingerprint
from track_anything.io.run_folder import EXPORTS_NAME
from track_anything.io.run_store import RunStore
from track_anything.io.sources import open_source
from track_anything.prompts import Moment, as_moment
from track_anything.structures import VideoInfo

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ExportTarget:
    """One thing to write.

    Attributes:
        format: A name of FORMATS.
        path: Where; None is the format's default name in RUN/exports.
        options: Of the format, as its sink's constructor takes them; texts are read.
    """

    format: str
    path: str | Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ExportPlan:
    """An export that was checked, with its run open. It is executed once.

    Attributes:
        run: As given.
        store: Open.
        selection: What of it is written.
        outputs: What writes it, and where.
        source: The video, open; None where no format shows its pictures.
        info: Of the frames that will be written.
        overwrite: Whether earlier exports may be replaced.
        settings: The run's, with what was given above them.
    """

    run: Path
    store: RunStore
    selection: Selection
    outputs: tuple["PlannedOutput", ...]
    source: FrameSource | None
    info: VideoInfo
    overwrite: bool
    settings: RunConfig

    def close(self) -> None:
        """Let go of the run and the video. May be called again."""
        if self.source is not None:
            self.source.close()
        self.store.close()


@dataclass(frozen=True, kw_only=True)
class PlannedOutput:
    """A target that was checked.

    Attributes:
        values: Its options, as the constructor takes them.
    """

    loaded: LoadedFormat
    path: Path
    values: Mapping[str, Any]

    @property
    def is_folder(self) -> bool:
        """Whether it writes a folder."""
        return self.loaded.format.is_folder(self.path)

    @property
    def needs_images(self) -> bool:
        """Whether it shows the pictures of the video."""
        return self.loaded.needs_images(self.values)


def plan_export(
    run: str | Path,
    targets: Sequence[ExportTarget],
    *,
    objects: Sequence[int | str] = (),
    start: Moment | None = None,
    end: Moment | None = None,
    stride: int = 1,
    video: str | Path | None = None,
    overwrite: bool = False,
    settings: Mapping[str, Any] | None = None,
) -> ExportPlan:
    """Check everything about an export; nothing is written. `execute_export` or close the plan.

    Arguments and errors are those of `export`.
    """
    if not targets:
        raise ConfigError("say at least one format to export to")
    folder = Path(run) if Path(run).is_dir() else Path(run).parent
    outputs = tuple(_planned(target, folder) for target in targets)
    with _opened(RunStore.open(run)) as store:
        chosen = select(
            store, objects=objects, start=as_moment(start), end=as_moment(end), stride=stride
        )
        inputs = [path for path in (_known_path(store), video) if path not in (None, "", STDIN)]
        for index, output in enumerate(outputs):
            others = [other.path for other in outputs[:index]]
            check_place(
                output.path,
                output.loaded.format,
                run=folder,
                inputs=inputs,
                others=others,
                overwrite=overwrite,
            )
        combined = _settings(store, settings or {})
        if not store.is_complete:
            _log.warning(
                "%s: the run did not come to its end; it has %d frames", run, store.frame_count
            )
        needs_images = any(output.needs_images for output in outputs)
        source = _source(store, chosen, video) if needs_images else None
    return ExportPlan(
        run=Path(run),
        store=store,
        selection=chosen,
        outputs=outputs,
        source=source,
        info=_info(store, chosen),
        overwrite=overwrite,
        settings=combined,
    )


@contextmanager
def _opened(store: RunStore) -> Iterator[RunStore]:
    """A store that is closed if the planning fails."""
    try:
        yield store
    except BaseException:
        store.close()
        raise


def _planned(target: ExportTarget, folder: Path) -> PlannedOutput:
    one = find_format(target.format)
    path = folder / EXPORTS_NAME / one.path if target.path is None else Path(target.path)
    one.is_folder(path)
    loaded = load_format(one)
    return PlannedOutput(loaded=loaded, path=path, values=loaded.values(target.options))


def _known_path(store: RunStore) -> str:
    """Where the run found its video; "" if it was never a file."""
    path = store.info.path
    folder = str(store.meta.get("job", {}).get("folder", ""))
    return path if path in ("", STDIN) else os.path.join(folder, path)


def _settings(store: RunStore, given: Mapping[str, Any]) -> RunConfig:
    """The run's style and encoding, with what was given above them."""
    of_run: Mapping[str, Any] = store.manifest.get("options", {})
    kept = {name: of_run[name] for name in ("style", "write") if name in of_run}
    return with_values(with_values(RunConfig(), kept), given)


def _source(store: RunStore, chosen: Selection, video: str | Path | None) -> FrameSource:
    path = str(video) if video is not None else _known_path(store)
    if path in ("", STDIN):
        raise VideoError(
            "the run read its video from standard input or memory, and a format shows its "
            "pictures: say where the video is (--input)"
        )
    options: Mapping[str, Any] = store.manifest.get("options", {})
    max_side = int(options.get("read", {}).get("max_side", 0))
    # A deinterlacer pairs fields from where it begins: only the run's own beginning gives its
    # pictures again.
    index = 0 if store.info.is_interlaced else chosen.start
    is_first = index == 0 and range_of(store).get("start") is None
    first = None if is_first else store.result(index).frame.time
    try:
        source = open_source(path, config=ReadConfig(max_side=max_side), start=first)
    except VideoError as error:
        if video is not None:
            raise
        raise VideoError(f"{error}; if the video has moved, say where it is (--input)") from error
    if video is None:
        _warn_if_changed(store, path)
    if source.info.size != store.info.size:
        came, expected = source.info, store.info
        source.close()
        raise VideoError(
            f"{path}: its frames are {came.width}x{came.height}, those of the run "
            f"{expected.width}x{expected.height}: name the video that was tracked"
        )
    return source


def _warn_if_changed(store: RunStore, path: str) -> None:
    """Say so if a video is not the file that was tracked: sizes and times may still agree."""
    known = store.meta.get("job", {}).get("fingerprint")
    if known and fingerprint(path)["bytes"] != known["bytes"]:
        _log.warning(
            "%s: was changed since it was tracked; its pictures are taken as they are", path
        )


def range_of(store: RunStore) -> Mapping[str, Any]:
    """Which part of its video a run tracked, as its manifest says."""
    given: Mapping[str, Any] = store.manifest.get("range", {})
    return given


def _info(store: RunStore, chosen: Selection) -> VideoInfo:
    """What sinks are told of the frames that will come."""
    info = store.info
    first, last = (store.result(index).frame.time for index in (chosen.start, chosen.last))
    rate = info.frame_rate / chosen.stride
    return replace(
        info,
        frame_rate=rate,
        frame_count=chosen.frame_count,
        duration=last - first + 1 / rate,
        start_time=first,
    )
