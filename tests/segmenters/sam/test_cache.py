import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

from track_anything.errors import WeightsError
from track_anything.segmenters.sam import cache
from track_anything.segmenters.sam.cache import import_file, load_weights, pull, verify
from track_anything.segmenters.sam.catalogue import (
    KNOWN_WEIGHTS,
    KnownWeights,
    available,
    weights_path,
)
from track_anything.segmenters.sam.download import download
from track_anything.segmenters.sam.weights import SamWeights, read_weights


class _Server(ThreadingHTTPServer):
    """Serves one file, from where the client asks, and breaks off after so many bytes."""

    content = b""
    stops_after: int | None = None
    knows_ranges = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.ranges: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/sam.pth"


class _Answer(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.ranges.append(asked)
        first = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        if first and not self.server.knows_ranges:
            first = 0
        if first >= len(self.server.content):
            self.send_error(416)
            return
        rest = self.server.content[first:]
        self.send_response(206 if first else 200)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest[: self.server.stops_after])

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[_Server]:
    serving = _Server()
    thread = threading.Thread(target=serving.serve_forever)
    thread.start()
    yield serving
    serving.shutdown()
    thread.join()
    serving.server_close()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def tiny_known(
    server: _Server, tiny: SamWeights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> KnownWeights:
    """The tiny network as a published one, in a file that tells its heads."""
    cache.save_weights(tiny, tmp_path / "served")
    server.content = (tmp_path / "served").read_bytes()
    known = KnownWeights(
        name="sam-tiny",
        size_name="custom",
        url=server.url,
        sha256=_sha256(server.content),
        byte_count=len(server.content),
    )
    monkeypatch.setitem(KNOWN_WEIGHTS, known.name, known)
    return known


def test_a_pulled_checkpoint_is_cached_checked_and_listed(
    tiny_known: KnownWeights, tiny: SamWeights, weights_folder: Path
) -> None:
    path = pull("sam-tiny")
    assert path == weights_path("sam-tiny") == weights_folder / "sam" / "sam-tiny.safetensors"
    assert torch.equal(
        load_weights("sam-tiny").tensors["image_encoder.pos_embed"],
        tiny.tensors["image_encoder.pos_embed"],
    )
    assert verify("sam-tiny") == _sha256(path.read_bytes())
    (row,) = [row for row in available() if row.name == "sam-tiny"]
    assert (row.path, row.source) == (path, tiny_known.url)
    assert list((weights_folder / "downloads").iterdir()) == []


def test_pulling_again_asks_nobody(tiny_known: KnownWeights, server: _Server) -> None:
    pull("sam-tiny")
    pull("sam-tiny")
    assert server.ranges == [None]


def test_a_known_name_is_pulled_when_it_is_first_used(
    tiny_known: KnownWeights, tiny: SamWeights
) -> None:
    assert load_weights("sam-tiny").config == tiny.config


def test_progress_is_told(tiny_known: KnownWeights, server: _Server) -> None:
    told: list[tuple[int, int | None]] = []
    pull("sam-tiny", progress=lambda had, total: told.append((had, total)))
    assert told[-1] == (len(server.content), len(server.content))
    assert len(told) > 1


def test_a_download_that_broke_off_goes_on_where_it_stopped(
    tiny_known: KnownWeights, server: _Server
) -> None:
    server.stops_after = 500_000
    with pytest.raises(WeightsError, match=r"sam-tiny cannot be fetched .*: try again to go on"):
        pull("sam-tiny")
    server.stops_after = None
    pull("sam-tiny")
    assert server.ranges == [None, "bytes=500000-"]


def test_a_server_without_ranges_starts_again(tiny_known: KnownWeights, server: _Server) -> None:
    server.stops_after, server.knows_ranges = 500_000, False
    with pytest.raises(WeightsError, match="try again"):
        pull("sam-tiny")
    server.stops_after = None
    assert verify(pull("sam-tiny").name.removesuffix(".safetensors"))


def test_a_download_that_was_whole_is_only_checked(server: _Server, tmp_path: Path) -> None:
    server.content = b"whole"
    (tmp_path / "f.part").write_bytes(b"whole")
    download(server.url, tmp_path / "f", sha256=_sha256(b"whole"), name="f")
    assert (tmp_path / "f").read_bytes() == b"whole"
    assert not (tmp_path / "f.part").exists()


def test_a_wrong_file_is_deleted_and_said(
    tiny_known: KnownWeights, server: _Server, weights_folder: Path
) -> None:
    server.content = b"a page that asks to log in"
    with pytest.raises(WeightsError, match=r"has SHA-256 .*, expected .*: it was deleted"):
        pull("sam-tiny")
    assert list((weights_folder / "downloads").iterdir()) == []
    assert not (weights_folder / "sam").exists()


def test_without_a_network_it_is_said_where_to_get_and_put_the_file(
    weights_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = KnownWeights(
        name="sam-far", size_name="base", url="http://127.0.0.1:9/far.pth", sha256="0" * 64
    )
    monkeypatch.setitem(KNOWN_WEIGHTS, "sam-far", known)
    with pytest.raises(WeightsError) as error:
        pull("sam-far")
    text = str(error.value)
    assert "sam-far cannot be fetched" in text
    assert (
        f"get {known.url} elsewhere and put it at {weights_folder / 'downloads' / 'far.pth'}"
        in text
    )
    assert "\n" not in text


def test_a_file_put_among_the_downloads_is_used(
    tiny_known: KnownWeights, server: _Server, weights_folder: Path
) -> None:
    (weights_folder / "downloads").mkdir(parents=True)
    (weights_folder / "downloads" / "sam.pth").write_bytes(server.content)
    pull("sam-tiny")
    assert server.ranges == []


def test_a_wrong_file_put_among_the_downloads_is_refused(
    tiny_known: KnownWeights, weights_folder: Path
) -> None:
    (weights_folder / "downloads").mkdir(parents=True)
    (weights_folder / "downloads" / "sam.pth").write_bytes(b"something else")
    with pytest.raises(WeightsError, match=r"sam\.pth is not sam-tiny: its SHA-256 differs"):
        pull("sam-tiny")


def test_a_preset_that_cannot_be_had_is_said_with_where_to_put_it(
    weights_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from track_anything.segmenters.sam import keras_model

    def fail(preset: str) -> SamWeights:
        raise WeightsError(f"the KerasCV preset {preset} cannot be had (no network)")

    monkeypatch.setattr(keras_model, "preset_weights", fail)
    with pytest.raises(WeightsError) as error:
        pull("sam_base_sa1b")
    place = weights_folder / "downloads" / "sam_base_sa1b"
    assert str(error.value) == (
        "the KerasCV preset sam_base_sa1b cannot be had (no network); get the directory "
        f"sam_base_sa1b from https://www.kaggle.com/models/keras/sam and put it at {place}"
    )


def test_a_preset_is_cached_after_its_first_use(
    monkeypatch: pytest.MonkeyPatch, tiny: SamWeights
) -> None:
    from track_anything.segmenters.sam import keras_model

    asked: list[str] = []
    monkeypatch.setattr(
        keras_model, "preset_weights", lambda preset: (asked.append(preset), tiny)[1]
    )
    monkeypatch.setattr(cache, "published_config", lambda size: tiny.config)
    first, again = load_weights("sam_base_sa1b"), load_weights("sam_base_sa1b")
    assert asked == ["sam_base_sa1b"]
    assert first.config == again.config == tiny.config


def test_a_preset_of_another_size_is_refused(
    monkeypatch: pytest.MonkeyPatch, tiny: SamWeights
) -> None:
    from track_anything.segmenters.sam import keras_model

    monkeypatch.setattr(keras_model, "preset_weights", lambda preset: tiny)
    with pytest.raises(WeightsError, match="sam_base_sa1b: expected SAM base, got"):
        pull("sam_base_sa1b")


def test_an_imported_file_is_named_after_itself(tiny_path: Path, tiny: SamWeights) -> None:
    path = import_file(tiny_path)
    assert path.name == "sam_tiny.safetensors"
    assert load_weights("sam_tiny").config == tiny.config
    assert "sam_tiny" in [row.name for row in available()]


def test_an_imported_published_file_gets_the_published_name(
    tiny_known: KnownWeights, server: _Server, tmp_path: Path
) -> None:
    (tmp_path / "renamed.bin").write_bytes(server.content)
    assert import_file(tmp_path / "renamed.bin").name == "sam-tiny.safetensors"


@pytest.mark.parametrize("name", ["", "../x", ".hidden", "a/b"])
def test_names_that_leave_the_folder_are_refused(tiny_path: Path, name: str) -> None:
    with pytest.raises(WeightsError, match="a name of weights is a plain file name"):
        import_file(tiny_path, name=name)


def test_what_cannot_be_read_is_not_imported(tmp_path: Path, weights_folder: Path) -> None:
    (tmp_path / "x.pth").write_bytes(b"not a checkpoint")
    with pytest.raises(WeightsError, match="not a checkpoint, or damaged"):
        import_file(tmp_path / "x.pth")
    assert not weights_folder.exists()


def test_damage_in_the_cache_is_found(tiny_path: Path) -> None:
    path = import_file(tiny_path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert read_weights(path)  # one bit is not seen by reading
    with pytest.raises(WeightsError, match="damaged, its SHA-256 is not the one noted"):
        verify("sam_tiny")


@pytest.mark.parametrize("ask", [weights_path, verify])
def test_what_is_not_cached_is_said(ask: Callable[[str], object]) -> None:
    with pytest.raises(WeightsError, match=r"sam-base is not cached in .*: pull or import it"):
        ask("sam-base")


def test_unknown_names_are_not_pulled() -> None:
    with pytest.raises(WeightsError, match="sam-tiny is unknown: weights to pull are sam-base"):
        pull("sam-tiny")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_said(tiny_path: Path, weights_folder: Path) -> None:
    weights_folder.mkdir()
    weights_folder.chmod(0o500)
    with pytest.raises(OSError, match="the weights cannot be written"):
        import_file(tiny_path)


def test_a_preset_put_among_the_downloads_is_used(
    weights_folder: Path, tiny: SamWeights, monkeypatch: pytest.MonkeyPatch
) -> None:
    from track_anything.segmenters.sam import keras_model

    asked: list[str] = []
    monkeypatch.setattr(
        keras_model, "preset_weights", lambda preset: (asked.append(preset), tiny)[1]
    )
    monkeypatch.setattr(cache, "published_config", lambda size: tiny.config)
    place = weights_folder / "downloads" / "sam_base_sa1b"
    place.mkdir(parents=True)
    pull("sam_base_sa1b")
    assert asked == [str(place)]
