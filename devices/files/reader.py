"""What a reader of exported files is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol
from zoneinfo import ZoneInfo

from devices.files.source import Source
from devices.recording import Recording, Reject


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What a file cannot say of itself.

    zone:       the wearer's IANA zone, for formats that write local wall time
    naive_time: what a time without a zone means in formats where vendors did both: `utc` or `local`; None asks the reader
                to infer it from the files at hand, and to raise MissingAnswer rather than guess
    """

    zone: ZoneInfo | None = None
    naive_time: Literal["utc", "local"] | None = None


class Reader(Protocol):
    """One export format."""

    @property
    def name(self) -> str:
        """Short and stable: it is stored with every import."""
        ...

    def identify(self, name: str, head: bytes, members: Sequence[str]) -> bool:
        """Is this ours? By content first: file names are localised and renamed.

        name: the file's name.  head: its first 4,096 bytes
        members: the names within: a zip's members, an SQLite file's tables (none if it is too damaged); else empty
        """
        ...

    def survey(self, sources: Sequence[Source], options: ReadOptions) -> ReadOptions:
        """Return the options with what the files of one import, all claimed by this reader, say together."""
        ...

    def read(self, source: Source, options: ReadOptions) -> Iterator[Recording | Reject]:
        """Yield what the file holds, as a stream in bounded memory.

        Raises: DecodeError where nothing further can be read, Hostile, MissingAnswer; nothing else, on any bytes
        """
        ...


class SingleFile:
    """The part of a reader whose files each stand on their own."""

    def survey(self, sources: Sequence[Source], options: ReadOptions) -> ReadOptions:
        return options
