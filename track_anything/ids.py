"""Identities of a run corrected without the model: swap, merge, split, drop, rename, undo.

All of it happens in the run's store, from which exports are made; the files in the run folder are
old afterwards until `rewrite_run` makes them anew.
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from track_anything.errors import ConfigError
from track_anything.export.selection import chosen_ids, select
from track_anything.io.run_store import RunStore, StoredEdit, stored_edits, undo_last
from track_anything.io.run_store.identities import (
    drop_track,
    merge_tracks,
    rename_track,
    split_track,
    swap_tracks,
)
from track_anything.prompts import Moment, as_moment
from track_anything.rewrite import derived_files


@dataclass(frozen=True, kw_only=True)
class IdsSummary:
    """What came of an edit.

    Attributes:
        edit: The entry of the journal; of an undo the one that was taken back.
        is_undone: Whether it was taken back.
        stale: Names of files in the run folder that are old now.
    """

    edit: StoredEdit
    is_undone: bool
    stale: tuple[str, ...]

    @property
    def text(self) -> str:
        """One line for people."""
        return f"{'undone: ' if self.is_undone else ''}{edit_text(self.edit)}"

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {**edit_dict(self.edit), "is_undone": self.is_undone, "stale": list(self.stale)}


def swap_ids(
    run: str | Path,
    first: int | str,
    second: int | str,
    *,
    start: Moment | None = None,
    end: Moment | None = None,
) -> IdsSummary:
    """Exchange two objects; names stay with the ids.

    Args:
        run: A run folder.
        first: An id, or a name that only one object has.
        second: Another.
        start: First moment changed: seconds of the source's clock, or a frame as "250f".
        end: First moment left as it is.

    Raises:
        ConfigError: If there is nothing to exchange.
        DatasetError: If there is no store.
        OutputError: If it cannot be written, or the run is not complete.
    """
    (one, other), span = _chosen(run, (first, second), start, end)
    swap_tracks(run, one, other, span)
    return _done(run)


def merge_ids(
    run: str | Path,
    first: int | str,
    second: int | str,
    *,
    into: int | str | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
) -> IdsSummary:
    """Make two objects one: where both are visible, the union of their masks.

    Args:
        run: A run folder.
        first: As `swap_ids`.
        second: As `swap_ids`.
        into: Which of the two stays; None is the first.
        start: As `swap_ids`.
        end: As `swap_ids`.

    Raises:
        ConfigError: If there is nothing to merge.
        DatasetError: If there is no store.
        OutputError: If it cannot be written, or the run is not complete.
    """
    given = (first, second) if into is None else (first, second, into)
    (one, other, *kept), span = _chosen(run, given, start, end)
    if kept and kept[0] not in (one, other):
        raise ConfigError(f"two objects merge into one of them, {one} or {other}; got {kept[0]}")
    pair = (other, one) if kept and kept[0] == other else (one, other)
    merge_tracks(run, *pair, span)
    return _done(run)


def split_id(
    run: str | Path, one: int | str, *, at: Moment, new_id: int | None = None
) -> IdsSummary:
    """Give an object an id that was never used from a moment on; its name goes with it.

    Args:
        run: A run folder.
        one: As `swap_ids`.
        at: First moment of the later part, as the start of `swap_ids`.
        new_id: The id; None takes the next one.

    Raises:
        ConfigError: If one of the two parts would be empty, or the id was used before.
        DatasetError: If there is no store.
        OutputError: If it cannot be written, or the run is not complete.
    """
    (track_id,), span = _chosen(run, (one,), at, None)
    split_track(run, track_id, span[0], new_id=new_id)
    return _done(run)


def drop_id(
    run: str | Path,
    one: int | str,
    *,
    start: Moment | None = None,
    end: Moment | None = None,
) -> IdsSummary:
    """Remove an object; arguments as `swap_ids`.

    Raises:
        ConfigError: If it is not there.
        DatasetError: If there is no store.
        OutputError: If it cannot be written, or the run is not complete.
    """
    (track_id,), span = _chosen(run, (one,), start, end)
    drop_track(run, track_id, span)
    return _done(run)


def rename_id(run: str | Path, one: int | str, name: str) -> IdsSummary:
    """Give an object another name; "" for none.

    Raises:
        ConfigError: If there is no such object.
        DatasetError: If there is no store.
        OutputError: If it cannot be written, or the run is not complete.
    """
    (track_id,), _ = _chosen(run, (one,), None, None)
    rename_track(run, track_id, name)
    return _done(run)


def undo_edit(run: str | Path) -> IdsSummary:
    """Take the last edit of a run back: every row is what it was.

    Raises:
        DatasetError: If there is no store, or no edit.
        OutputError: If it cannot be written.
    """
    return IdsSummary(edit=undo_last(run), is_undone=True, stale=derived_files(run))


def edit_text(edit: StoredEdit) -> str:
    """An entry of the journal in words."""
    said: Mapping[str, Any] = edit.arguments
    ids, frames = said.get("ids", ()), said.get("frames")
    where = "" if frames is None else f" on frames {frames[0]} to {frames[1] - 1}"
    texts = {
        "swap": lambda: f"swap {ids[0]} and {ids[1]}{where}",
        "merge": lambda: f"merge {ids[1]} into {ids[0]}{where}",
        "split": lambda: f"split {ids[0]} at frame {said['frame']}, from there {said['new_id']}",
        "drop": lambda: f"drop {ids[0]}{where}",
        "rename": lambda: f"rename {ids[0]} to {said['name']!r}",
    }
    if edit.kind in texts:
        return texts[edit.kind]()
    return " ".join([edit.kind, *(f"{key}={value}" for key, value in said.items())])


def edit_dict(edit: StoredEdit) -> dict[str, Any]:
    """An entry of the journal, ready for JSON."""
    return {
        "edit": edit.id,
        "time": edit.time,
        "kind": edit.kind,
        "arguments": dict(edit.arguments),
        "text": edit_text(edit),
    }


def _chosen(
    run: str | Path,
    objects: tuple[int | str, ...],
    start: Moment | None,
    end: Moment | None,
) -> tuple[list[int], tuple[int, int]]:
    """The ids of objects, and the frames from a moment to another."""
    with closing(RunStore.open(run)) as store:
        chosen = select(store, start=as_moment(start), end=as_moment(end))
        tracks = store.tracks
    ids = []
    for one in objects:
        found = sorted(chosen_ids(tracks, (one,)))
        if len(found) > 1:
            several = ", ".join(f"#{each}" for each in found)
            raise ConfigError(f"{one!r} is the name of {several}: say which by its id")
        ids += found
    return ids, (chosen.start, chosen.stop)


def _done(run: str | Path) -> IdsSummary:
    return IdsSummary(edit=stored_edits(run)[-1], is_undone=False, stale=derived_files(run))
