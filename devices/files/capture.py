"""Captures of radio exchanges: what a sync writes is read like any other file.

So what came over the radio is archived, imported, rebuilt, taken back and uploaded as files are, and decoded in one place.
"""

from collections.abc import Iterator, Sequence

from devices.errors import DecodeError
from devices.files.reader import ReadOptions, SingleFile
from devices.files.source import Source, read_all
from devices.radio.capture import MOST_BYTES, is_capture, parse_capture
from devices.recording import Recording, Reject


class CaptureReader(SingleFile):
    """What a sync over Bluetooth wrote."""

    name = "capture"

    def identify(self, name: str, head: bytes, members: Sequence[str]) -> bool:
        return not members and is_capture(head)

    def read(self, source: Source, options: ReadOptions) -> Iterator[Recording | Reject]:
        # Codecs share tables with the readers of exports, and so import the package that holds this module.
        from devices.radio.codecs import find_codec

        capture = parse_capture(read_all(source, MOST_BYTES), source.name)
        codec = find_codec(capture.header.codec)
        if codec is None or capture.header.version > codec.version:
            found = f"{capture.header.codec} {capture.header.version}"
            raise DecodeError(f"{source.name} line 1", "a codec of this version of afoot, or an older one", found)
        yield from codec.decode(capture.header, capture.frames)
        yield from capture.rejects


READER = CaptureReader()
