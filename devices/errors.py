"""What can go wrong with bytes from outside, grouped by how one recovers."""

MESSAGE_CHARACTERS = 300


def shown(text: str, limit: int = MESSAGE_CHARACTERS) -> str:
    """Return text from outside as a message may hold it: what cannot be printed written out, and not endless.

    A store refuses half characters and NUL, a terminal obeys others.
    """
    text = text[: limit + 1]
    if not text.isprintable():
        text = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
    return text if len(text) <= limit else text[: limit - 3] + "..."


class DeviceError(Exception):
    """Root of the errors this room raises."""


class DecodeError(DeviceError):
    """This input cannot be read (any further): keep what was yielded before, refuse the rest, go on with the next file.

    place:    where it went wrong: a byte offset, a line, an element, a table and row
    expected: what a valid file has there
    found:    what this one has
    """

    def __init__(self, place: str, expected: str, found: str) -> None:
        self.place, self.expected, self.found = shown(place), expected, shown(found)
        super().__init__(f"{self.place}: expected {expected}, found {self.found}")


class Hostile(DecodeError):
    """The input is built to exhaust the reader (a zip bomb, an entity bomb, endless nesting): nothing of it is kept."""


class Unrecognised(DeviceError):
    """No reader, or more than one, claims this input."""


class MissingAnswer(DeviceError):
    """The file alone does not say something that decides what its numbers mean; a setting must.

    setting: the name of the `ReadOptions` field that answers it
    """

    def __init__(self, setting: str, message: str) -> None:
        super().__init__(message)
        self.setting = setting
