import numpy as np

from rules.cadence import count_bands, find_longest_brisk, find_peaks
from rules.minutes import NA


def test_bands_at_their_edges() -> None:
    steps = np.array([0, 0, 1, 19, 20, 39, 40, 59, 60, 79, 80, 99, 100, 119, 120, 200, NA], np.int16)
    assert list(count_bands(steps).items()) == [
        ("none", 2),
        ("incidental", 2),
        ("sporadic", 2),
        ("purposeful", 2),
        ("slow", 2),
        ("medium", 2),
        ("brisk", 2),
        ("faster", 2),
    ]


def test_peaks_are_means_of_the_best_minutes_wherever_they_lie() -> None:
    steps = np.zeros(90, np.int16)
    steps[::3] = np.arange(71, 101)  # thirty minutes of 71..100, apart
    assert find_peaks(steps) == [100.0, 85.5, 42.75]


def test_a_peak_of_more_minutes_than_are_known_is_unknown() -> None:
    steps = np.full(100, NA, np.int16)
    steps[:30] = 60
    assert find_peaks(steps) == [60.0, 60.0, None]
    assert find_peaks(np.full(5, NA, np.int16)) == [None, None, None]


def test_the_longest_brisk_run() -> None:
    steps = np.array([100, 99, 100, 101, 120, NA, 100, 100], np.int16)
    assert find_longest_brisk(steps, 100) == 3
    assert find_longest_brisk(steps, 130) == 0
