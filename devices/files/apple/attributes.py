"""One start tag, read by itself: whatever the order, the quotes and the white space of its attributes."""

import re

# Possessive throughout: no input makes it look at a byte twice. The value is optional, as iOS 8 wrote the metadata of other apps
# as attributes whose names had spaces: `Health Mate App Version="2.6.0"`.
_TAG = re.compile(rb"""<[^\s<>/"'=]++((?:\s++[^\s<>/"'=]++(?:\s*+=\s*+(?:"[^"<]*+"|'[^'<]*+'))?+)*+)\s*+/?+>""")
_ATTRIBUTE = re.compile(rb"""([^\s<>/"'=]++)\s*+=\s*+(?:"([^"<]*+)"|'([^'<]*+)')""")
_REFERENCE = re.compile(r"&(?:#([0-9]{1,7})|#x([0-9A-Fa-f]{1,6})|(lt|gt|amp|quot|apos));")
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}
_LINE_BREAKS = re.compile(r"[\t\r\n]")


def read_tag(data: bytes, start: int, end: int) -> dict[str, str] | None:
    """Return the attributes of the start tag at `start`, which ends before `end`; None if it is not well-formed."""
    found = _TAG.match(data, start, end)
    return None if found is None else read_attributes(found.group(1))


def read_attributes(text: bytes) -> dict[str, str]:
    return {
        name.decode(errors="replace"): unescape((double or single).decode(errors="replace"))
        for name, double, single in _ATTRIBUTE.findall(text)
    }


def is_empty(data: bytes, start: int, end: int) -> bool:
    """Does the start tag at `start` close itself, so that nothing can be inside it? Its `>` is the last before the next tag."""
    return data.endswith(b"/", start, max(start, data.rfind(b">", start, end)))


def unescape(text: str) -> str:
    """Resolve character references and the five names that XML predefines; a name from a DTD stays as it is written."""
    return _REFERENCE.sub(_character, _LINE_BREAKS.sub(" ", text)) if "&" in text else _LINE_BREAKS.sub(" ", text)


def _character(found: re.Match[str]) -> str:
    decimal, hexadecimal, named = found.groups()
    if named:
        return _NAMED[named]
    code = int(decimal) if decimal else int(hexadecimal, 16)
    is_scalar = code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF
    return chr(code) if is_scalar and code else "\N{REPLACEMENT CHARACTER}"
