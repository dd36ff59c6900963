"""What lies there is remembered exactly, and what is there no more is found exactly."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ingest.publishing.lines import Column, Series
from ingest.publishing.presence import Presence, decode, encode, presence_of, subtract, unite

_KEYS = [("minutes", (("patient", "p"), ("source", "a"))), ("daily", (("patient", "p"),))]
_TIMES = st.sets(st.integers(0, 40), min_size=1, max_size=20).map(lambda some: np.array(sorted(some), dtype=np.int64) * 30)
_PRESENCE = st.dictionaries(
    st.sampled_from(_KEYS), st.dictionaries(st.sampled_from(["steps", "state"]), _TIMES, min_size=1), max_size=2
)
Cells = set[tuple[object, str, int]]


def cells(presence: Presence) -> Cells:
    return {(key, name, at) for key, fields in presence.items() for name, times in fields.items() for at in times.tolist()}


@given(_PRESENCE)
def test_it_is_remembered(presence: Presence) -> None:
    assert cells(decode(encode(presence))) == cells(presence)


@given(_PRESENCE, _PRESENCE)
def test_united_and_subtracted_as_sets_are(one: Presence, other: Presence) -> None:
    assert cells(unite(one, other)) == cells(one) | cells(other)
    gone = {(key, at) for key, times in subtract(one, other).items() for at in times.tolist()}
    assert gone == {(key, at) for key, _, at in cells(one) - cells(other)}


def test_only_what_is_known_is_there() -> None:
    times = np.array([60, 120, 180])
    steps = Column(np.array([5, 0, 7]), np.array([True, False, True]))
    heart_rate = Column(np.array([0, 0, 0]), np.zeros(3, dtype=np.bool_))
    (fields,) = presence_of(
        [Series("minutes", {"patient": "p", "source": "a"}, times, {"steps": steps, "heart_rate": heart_rate})]
    ).values()
    assert {name: found.tolist() for name, found in fields.items()} == {"steps": [60, 180]}


def test_a_year_of_minutes_is_small() -> None:
    times = np.arange(1440 * 365, dtype=np.int64) * 60
    key = ("minutes", (("patient", "p"), ("source", "a")))
    assert len(encode({key: {"steps": times, "state": times}})) < 200
