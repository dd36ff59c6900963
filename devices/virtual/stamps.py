"""Times as exports spell them, many at once."""

import numpy as np
import numpy.typing as npt

Seconds = npt.NDArray[np.int64]


def iso(at_s: Seconds) -> list[str]:
    """Return `2026-02-01T08:30:00` for each Unix time."""
    texts: list[str] = np.datetime_as_string(at_s.astype("datetime64[s]"), unit="s").tolist()
    return texts


def utc(at_s: Seconds) -> list[str]:
    """Return `2026-02-01T08:30:00Z` for each."""
    return [f"{text}Z" for text in iso(at_s)]


def american(at_s: Seconds) -> list[str]:
    """Return `02/01/26 08:30:00` for each."""
    return [f"{text[5:7]}/{text[8:10]}/{text[2:4]} {text[11:]}" for text in iso(at_s)]


def offset(offset_s: int, colon: str = "") -> str:
    """Return `+0130`, with what stands between hours and minutes."""
    hours, minutes = divmod(abs(offset_s) // 60, 60)
    return f"{'-' if offset_s < 0 else '+'}{hours:02d}{colon}{minutes:02d}"


def zoned(at_s: Seconds, offset_s: npt.NDArray[np.int32]) -> list[str]:
    """Return `2026-02-01 09:30:00 +0100` for each Unix time, shown with its own offset."""
    tails = {int(each): offset(int(each)) for each in np.unique(offset_s)}
    shown = iso(at_s + offset_s)
    return [f"{text[:10]} {text[11:]} {tails[each]}" for text, each in zip(shown, offset_s.tolist(), strict=True)]
