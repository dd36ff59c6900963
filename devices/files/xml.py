"""XML from strangers, element by element, in bounded time and memory.

Expat 2.5 reads an unfinished token again from its first byte with every chunk, so that a 50 MB attribute takes minutes: a token
of more than a MiB ends the reading. Entities are never declared, so never expanded. Prefixes of names are cut off unread, as
real files use prefixes that they do not declare.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple
from xml.parsers import expat

from devices.errors import DecodeError, Hostile
from devices.files.source import Source

CHUNK_BYTES = 1 << 16
TOKEN_LIMIT = 1 << 20
DEPTH_LIMIT = 200
TEXT_LIMIT = 4096  # of one element; what is longer is a note, and no number

# Some exporters write blanks before the declaration, which XML does not allow.
_LEADING_BLANKS = b" \t\r\n"
_BEFORE_ROOT = re.compile(r"\ufeff?(?:\s++|<\?(?>.*?\?>)|<!--(?>.*?-->)|<!DOCTYPE[^\[>]*+>)*+<([^\s<>/]++)", re.S)
# Neither a blank nor a `<` in any encoding: most files are known as no XML before thousands of their bytes are decoded.
_NO_XML = re.compile(rb"[\x01-\x08\x0e-\x1b!-;=-\x7f]")
_MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))


class Event(NamedTuple):
    """The start or the end of an element.

    path:       the names from the root to it, without prefixes
    attributes: of a start
    text:       of an end, its own, without blanks around it
    """

    opens: bool
    path: tuple[str, ...]
    attributes: Mapping[str, str]
    text: str
    line: int


@lru_cache(maxsize=4)  # every reader of XML asks it of every file
def find_root(head: bytes) -> str | None:
    """Return the name of the root element, without its prefix, if it stands in the first bytes of a file."""
    if _NO_XML.match(head):
        return None
    encoding = next((name for mark, name in _MARKS if head.startswith(mark)), "utf-8")
    found = _BEFORE_ROOT.match(head.decode(encoding, errors="replace"))
    return _local(found[1]) if found else None


def read_events(source: Source) -> Iterator[Event]:
    """Yield the starts and ends of all elements, in order.

    Raises: DecodeError where the file is no well-formed XML, after all that stands before; Hostile at an entity, at a token
            longer than `TOKEN_LIMIT`, or at elements nested deeper than `DEPTH_LIMIT`
    """
    collector = _Collector(source.name)
    fed = 0
    with source.open() as stream:
        chunk = stream.read(CHUNK_BYTES).lstrip(_LEADING_BLANKS)
        while chunk:
            yield from collector.feed(chunk, final=False)
            fed += len(chunk)
            if fed - collector.parser.CurrentByteIndex > TOKEN_LIMIT:
                raise Hostile(collector.place, f"names, values and comments of at most {TOKEN_LIMIT:,} bytes", "a longer one")
            chunk = stream.read(CHUNK_BYTES)
        yield from collector.feed(b"", final=True)


class _Collector:
    """Collects what expat finds in one chunk."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._events: list[Event] = []
        self._paths: list[tuple[str, ...]] = [()]
        self._texts: list[str] = [""]
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._add_text
        self.parser.EntityDeclHandler = self._refuse_entity

    @property
    def place(self) -> str:
        return f"{self._name}, line {self.parser.CurrentLineNumber}"

    def feed(self, chunk: bytes, *, final: bool) -> Iterator[Event]:
        error: DecodeError | None = None
        try:
            self.parser.Parse(chunk, final)
        except (
            expat.ExpatError,
            LookupError,
            ValueError,
        ) as cause:  # the latter two: an encoding that nobody knows, or no text's
            error = DecodeError(self.place, "well-formed XML", str(cause))
        found, self._events = self._events, []
        yield from found
        if error is not None:
            raise error

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._paths) > DEPTH_LIMIT:
            raise Hostile(self.place, f"at most {DEPTH_LIMIT} elements within one another", "more")
        path = (*self._paths[-1], _local(name))
        self._paths.append(path)
        self._texts.append("")
        own = {_local(key): value for key, value in attributes.items()}
        self._events.append(Event(True, path, own, "", self.parser.CurrentLineNumber))

    def _end(self, name: str) -> None:
        text = self._texts.pop().strip()
        self._events.append(Event(False, self._paths.pop(), {}, text, self.parser.CurrentLineNumber))

    def _add_text(self, text: str) -> None:
        if len(self._texts[-1]) < TEXT_LIMIT:
            self._texts[-1] += text

    def _refuse_entity(self, name: str, *_: object) -> None:
        raise Hostile(self.place, "a file without entities of its own", f"the entity {name[:40]!r}")


def _local(name: str) -> str:
    return name.rpartition(":")[2]
