"""How fast: minutes by cadence band, the best minutes of the day, and the longest brisk stretch."""

import numpy as np

from rules.minutes import Minutes
from rules.runs import find_runs

# Tudor-Locke 2011: the lower edge of each band, steps/min.
CADENCE_BANDS: tuple[tuple[str, int], ...] = (
    ("none", 0),
    ("incidental", 1),
    ("sporadic", 20),
    ("purposeful", 40),
    ("slow", 60),
    ("medium", 80),
    ("brisk", 100),
    ("faster", 120),
)
_BAND_EDGES = np.array([edge for _, edge in CADENCE_BANDS[1:]], np.int16)


def count_bands(cadence: Minutes) -> dict[str, int]:
    """Return the minutes of each cadence band.

    cadence: (n,) int16, steps per minute; minutes of NA (or any negative) are in no band
    Source:  Tudor-Locke 2011, bands of the NHANES cadence analyses
    """
    bands = np.bincount(np.searchsorted(_BAND_EDGES, cadence[cadence >= 0], side="right"), minlength=len(CADENCE_BANDS))
    return dict(zip((name for name, _ in CADENCE_BANDS), bands.tolist(), strict=True))


def find_peaks(cadence: Minutes, lengths: tuple[int, ...] = (1, 30, 60)) -> list[float | None]:
    """Return, for each n of `lengths`, the mean of the n highest minutes, consecutive or not; None with fewer known ones.

    cadence: (n,) int16, steps per minute, NA where unknown
    Source:  Tudor-Locke 2012, peak 30-minute cadence
    """
    known = np.sort(cadence[cadence >= 0])[::-1]
    return [float(known[:n].mean()) if known.size >= n else None for n in lengths]


def find_longest_brisk(cadence: Minutes, cap_spm: int) -> int:
    """Return the longest run of minutes at `cap_spm` steps or more; 0 if there is none. cadence: (n,) int16."""
    lengths = find_runs(cadence >= cap_spm).length
    return int(lengths.max()) if lengths.size else 0
