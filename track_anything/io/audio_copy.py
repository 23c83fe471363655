"""The audio of a source beside a new video: packets as they are, or AAC where they cannot be."""

import logging
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, TypeAlias

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet

from track_anything.io.container import open_container
from track_anything.io.timestamps import RisingTimes

# Generic in the type stubs only.
AudioPacket: TypeAlias = "Packet[Any]"

_log = logging.getLogger(__name__)

# What players expect in an mp4; FFmpeg would also write others that hardly anything plays.
_MP4_CODECS = frozenset({"aac", "ac3", "alac", "eac3", "flac", "mp2", "mp3", "opus"})
_TRANSCODED_BITS = 192_000
_AAC_RATES = frozenset(
    {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000}
)
_USUAL_RATE = 48000
_USUAL_PACKET = Fraction(1, 50)


class AudioCopy:
    """Every audio stream of a file, read little by little as the video goes on.

    Attributes:
        sample_rates: Of the streams written.
        stream_count: How many there are; 0 if the file has no audio that can be read.
    """

    def __init__(
        self, source: str, output: OutputContainer, *, start: Fraction | None, end: Fraction | None
    ) -> None:
        """Open the source and add its audio streams to the output.

        Args:
            source: The file the audio is in.
            output: Where it goes; nothing may have been written to it yet.
            start: Seconds in the source; audio before it is left out.
            end: Audio from here on is left out.
        """
        self._source = source
        self._start = start
        self._end = end
        self._tracks: dict[int, _CopiedTrack | _TranscodedTrack] = {}
        self._waiting: tuple[AudioPacket, Fraction] | None = None
        self._packets: Iterator[tuple[AudioPacket, Fraction]] = iter(())
        self._container = open_container(source)
        self._is_matroska = "matroska" in output.format.name
        for stream in self._container.streams.audio:
            track = _track(stream, output, self._is_matroska, source)
            if track is not None:
                self._tracks[stream.index] = track
        for other in self._container.streams:
            if other.index not in self._tracks:
                other.discard = av.stream.Discard.all
        self.stream_count = len(self._tracks)
        self.sample_rates = [track.sample_rate for track in self._tracks.values()]
        if self._tracks:
            self._packets = self._timed()

    def _timed(self) -> Iterator[tuple[AudioPacket, Fraction]]:
        streams = [self._container.streams[index] for index in self._tracks]
        if self._start is not None and self._start > 0:
            try:
                # A second early: seeking is as exact as the index, and what is early is dropped.
                self._container.seek(int((self._start - 1) * av.time_base))
            except av.FFmpegError:
                _log.info("%s: cannot seek in the audio; read from its beginning", self._source)
        clocks: dict[int, RisingTimes] = {}
        try:
            for packet in self._container.demux(*streams):
                # The last ones are empty: they would flush a decoder.
                if not packet.size:
                    continue
                unit = Fraction(packet.time_base)
                if packet.stream_index not in clocks:
                    step = (packet.duration or 0) * unit or _USUAL_PACKET
                    clocks[packet.stream_index] = RisingTimes(self._source, unit, 1 / step)
                pts = packet.dts if packet.pts is None else packet.pts
                yield packet, clocks[packet.stream_index].next(pts)
        except av.FFmpegError as error:
            _log.warning("%s: the audio ends early (%s)", self._source, error.strerror)

    def write_until(self, time: Fraction | None, *, shift: Fraction) -> None:
        """Write what begins before a time of the source; None: all that is left.

        Args:
            time: Seconds in the source.
            shift: Taken off every time stamp.

        Raises:
            av.FFmpegError: If it cannot be written.
        """
        while True:
            timed = self._waiting or next(self._packets, None)
            self._waiting = None
            if timed is None:
                return
            packet, begin = timed
            if time is not None and begin >= time:
                self._waiting = timed
                return
            is_early = self._start is not None and begin < self._start
            is_late = self._end is not None and begin >= self._end
            if is_early or is_late:
                continue
            ticks = round((begin - shift) / Fraction(packet.time_base))
            # Matroska would move every stream to make room for what comes before zero.
            if ticks >= 0 or not self._is_matroska:
                # No audio codec reorders its packets.
                packet.pts = packet.dts = ticks
                self._tracks[packet.stream_index].write(packet)

    def finish(self) -> None:
        """Write what the encoders still hold.

        Raises:
            av.FFmpegError: If it cannot be written.
        """
        for track in self._tracks.values():
            track.finish()

    def close(self) -> None:
        """Let go of the source. May be called again."""
        self._packets = iter(())
        self._waiting = None
        self._container.close()


def _track(
    stream: AudioStream, output: OutputContainer, is_matroska: bool, source: str
) -> "_CopiedTrack | _TranscodedTrack | None":
    if stream.codec_context is None:
        _log.warning("%s: audio stream %d is of no known kind; left out", source, stream.index)
        return None
    name = stream.codec_context.codec.canonical_name
    if is_matroska or name in _MP4_CODECS:
        try:
            return _CopiedTrack(stream, output, source)
        except ValueError:
            _log.debug("%s: cannot be copied", name)
    _log.warning("%s: the output cannot hold %s audio; it becomes AAC", source, name)
    return _TranscodedTrack(stream, output)


class _CopiedTrack:
    """Packets passed on byte for byte."""

    def __init__(self, stream: AudioStream, output: OutputContainer, source: str) -> None:
        self._output = output
        context = stream.codec_context
        # Transport streams carry the configuration in every packet, an mp4 once. FFmpeg's own
        # filter for this does not work together with delay_moov.
        self._has_adts = context.codec.canonical_name == "aac" and not context.extradata
        config = _aac_config(source, stream.index) if self._has_adts else None
        self._stream = output.add_stream_from_template(stream)
        if config is not None:
            self._stream.codec_context.extradata = config
        self._stream.metadata.update(_language(stream))
        self.sample_rate = context.sample_rate

    def write(self, packet: AudioPacket) -> None:
        if self._has_adts:
            packet = _without_adts(packet)
        packet.stream = self._stream
        self._output.mux(packet)

    def finish(self) -> None:
        pass


def _without_adts(packet: AudioPacket) -> AudioPacket:
    data = bytes(packet)
    # Bit 15 of the header says that no checksum of two bytes follows.
    bare = av.Packet(data[7 if data[1:2] and data[1] & 1 else 9 :])
    bare.pts, bare.dts, bare.duration = packet.pts, packet.dts, packet.duration
    bare.time_base = packet.time_base
    return bare


def _aac_config(source: str, index: int) -> bytes:
    """The decoder configuration of an mp4, from the first ADTS header of a stream.

    ISO/IEC 13818-7, 6.2.1 (header) and ISO/IEC 14496-3, 1.6.2.1 (configuration).

    Raises:
        ValueError: If there is none, or its channels are described elsewhere.
    """
    container = open_container(source)
    try:
        packets = container.demux(container.streams[index])
        head = next((bytes(packet)[:4] for packet in packets if packet.size >= 7), b"")
    finally:
        container.close()
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        raise ValueError("no ADTS header")
    object_type = (head[2] >> 6) + 1
    rate_index = head[2] >> 2 & 15
    channels = (head[2] & 1) << 2 | head[3] >> 6
    if not channels:
        raise ValueError("channels described in the stream")
    return (object_type << 11 | rate_index << 7 | channels << 3).to_bytes(2, "big")


class _TranscodedTrack:
    """Packets decoded and encoded as AAC."""

    def __init__(self, stream: AudioStream, output: OutputContainer) -> None:
        self._output = output
        context = stream.codec_context
        known = context.sample_rate in _AAC_RATES
        self.sample_rate = context.sample_rate if known else _USUAL_RATE
        self._stream = output.add_stream("aac", rate=self.sample_rate)
        self._stream.metadata.update(_language(stream))
        encoder = self._stream.codec_context
        encoder.layout = "mono" if context.channels == 1 else "stereo"
        encoder.bit_rate = _TRANSCODED_BITS
        self._resampler = av.AudioResampler(
            format="fltp", layout=encoder.layout, rate=self.sample_rate, frame_size=1024
        )

    def write(self, packet: AudioPacket) -> None:
        try:
            frames: list[Any] = packet.decode()
        except av.FFmpegError as error:
            _log.warning("damaged audio is left out (%s)", error.strerror)
            return
        for frame in frames:
            self._encode(self._resampler.resample(frame))

    def finish(self) -> None:
        self._encode(self._resampler.resample(None))
        self._output.mux(self._stream.encode(None))

    def _encode(self, frames: list[Any]) -> None:
        for frame in frames:
            self._output.mux(self._stream.encode(frame))


def _language(stream: AudioStream) -> dict[str, str]:
    language = stream.metadata.get("language")
    return {"language": language} if language else {}
