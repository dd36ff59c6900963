"""Whatever bytes come: recordings, rejects or our own error, in bounded time and memory, and never two readers for one file."""

import json
import random
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.errors import Hostile, MissingAnswer
from devices.files.fitbit import READERS as FITBIT
from devices.files.reader import ReadOptions
from devices.files.source import BytesSource
from devices.recording import Recording
from tests.devices.text import (
    test_fitabase,
    test_fitbit,
    test_garmin_connect,
    test_google_fit,
    test_omh,
    test_plain_csv,
    test_samsung,
    test_withings,
)
from tests.devices.text.reading import BERLIN, LOCAL_MEANT, UTC_MEANT, claims, read_damaged

POINT = test_google_fit.point(1785569400000000000, 1785569460000000000, {"intVal": 66})
EXAMPLES: dict[str, tuple[str, bytes]] = {
    "steps-1.json": ("fitbit", test_fitbit.STEPS),
    "heart_rate-1.json": ("fitbit", test_fitbit.HEART_RATE),
    "sleep-1.json": ("fitbit", test_fitbit.dump([test_fitbit.NIGHT] * 2)),
    "exercise-0.json": ("fitbit", test_fitbit.dump([test_fitbit.WALK] * 2)),
    "steps_1.csv": ("fitbit", test_fitbit.STEPS_CSV),
    "heart_rate_1.csv": ("fitbit", test_fitbit.HEART_RATE_CSV),
    "resting.csv": ("fitbit", test_fitbit.RESTING_CSV),
    "UserSleeps_1.csv": ("fitbit", test_fitbit.SLEEPS_CSV),
    "UserSleepStages_1.csv": ("fitbit", test_fitbit.SLEEP_STAGES_CSV),
    "UserExercises_1.csv": ("fitbit", test_fitbit.EXERCISES_CSV),
    "no data.csv": ("fitbit", b"no data"),
    "derived.json": ("google_fit", test_google_fit.takeout(test_google_fit.MERGED, [POINT] * 3)),
    "minuteStepsNarrow.csv": ("fitabase", test_fitabase.MINUTES),
    "com.samsung.csv": ("samsung", test_samsung.STEPS),
    "raw_tracker_steps.csv": ("withings", test_withings.STEPS),
    "raw_tracker_sleep-state.csv": ("withings", test_withings.STEPS),
    "quarters.json": ("garmin_connect", json.dumps([test_garmin_connect.QUARTER] * 3).encode()),
    "pulse.json": ("garmin_connect", json.dumps(test_garmin_connect.PULSE).encode()),
    "night.json": ("garmin_connect", json.dumps(test_garmin_connect.NIGHT).encode()),
    "activities.json": ("garmin_connect", json.dumps([test_garmin_connect.RUN] * 2).encode()),
    "omh.json": ("open_mhealth", json.dumps([test_omh.STEPS] * 3).encode()),
    "omh.jsonl": ("open_mhealth", b"\n".join([json.dumps(test_omh.STEPS).encode()] * 3)),
    "mine.csv": (
        "plain_csv",
        test_plain_csv.write(
            [
                {"start": "2026-08-01T05:30:00+02:00", "value": "66", "device": "Watch"},
                {"start": "2026-08-01", "kind": "total", "value": "4000"},
                {"start": "2026-08-01T05:30:00Z", "end": "2026-08-01T06:30:00Z", "kind": "sleep", "stage": "rem"},
            ]
        ),
    ),
}
NAMES = sorted(EXAMPLES)


@pytest.mark.parametrize("name", NAMES)
def test_one_reader_claims_each_file_also_renamed(name: str) -> None:
    owner, data = EXAMPLES[name]
    assert claims(data, name) == [owner]
    assert claims(data, "Takeout/Übersicht (1).txt") == [owner]
    assert claims(data.decode("utf-8-sig").encode("utf-16"), name) == [owner]
    assert claims(data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), name) == [owner]


def test_a_zip_is_no_text() -> None:
    for reader in FITBIT:
        assert not reader.identify("x.zip", test_fitbit.STEPS, ["a.json"])


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"PK\x03\x04",
        b"SQLite format 3\x00",
        b"<?xml version='1.0'?>",
        b"\x0e\x10\xd9\x07",
        b"[{",
        b"{",
        b'[{"startGMT": "2025-08-07T07:00:00.0", "steps": 0}]',
        b"null",
        b"\xff\xfe",
        b"a,b\n1,2\n",
    ],
)
def test_what_is_of_others_is_not_claimed(head: bytes) -> None:
    assert claims(head, "steps-2026-08-01.json") == []


SIGNS = (b'"', b"\\", b",", b"[", b"]", b"{", b"}", b"\n", b"\x00", b"9" * 30, b"-", b"NaN", b"null")


def mutate(data: bytes, random_: random.Random) -> bytes:
    """Cut, repeat, swap or overwrite a part, a few times over."""
    changed = bytearray(data)
    for _ in range(random_.randint(1, 4)):
        start = random_.randrange(len(changed) + 1)
        end = min(len(changed), start + random_.choice((1, 1, 2, 5, 40)))
        kind = random_.randrange(5)
        if kind == 0:
            del changed[start:end]
        elif kind == 1:
            changed[start:start] = changed[start:end] * random_.randint(1, 3)
        elif kind == 2:
            changed[start:end] = bytes(random_.randrange(256) for _ in range(end - start))
        elif kind == 3:
            changed[start:end] = random_.choice(
                (b'"', b"\\", b",", b"[", b"]", b"{", b"}", b"\n", b"\x00", b"9" * 30, b"-", b"NaN", b"null")
            )
        else:
            del changed[start:]
    return bytes(changed)


@pytest.mark.parametrize("name", NAMES)
def test_damaged_files(name: str) -> None:
    _, data = EXAMPLES[name]
    random_ = random.Random(name)
    for turn in range(120):
        read_damaged(mutate(data, random_), name, (UTC_MEANT, LOCAL_MEANT, ReadOptions())[turn % 3])


ODD = ("", "-1", "1e999", "9" * 400, "0", "null", "true", "[]", "{}", "2026-13-45T99:99:99Z", "\u0000", "\U0001f600", "é" * 50)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(NAMES), st.data())
def test_strange_values(name: str, data: Any) -> None:
    """Sound JSON and CSV with values that nobody wrote."""
    _, example = EXAMPLES[name]
    text = example.decode("utf-8-sig")
    words = sorted({word for part in text.replace('"', "\n").splitlines() for word in part.split(",") if word.strip()})
    word = data.draw(st.sampled_from(words))
    odd = data.draw(st.sampled_from(ODD))
    read_damaged(text.replace(word, odd).encode(), name, data.draw(st.sampled_from([UTC_MEANT, LOCAL_MEANT])))


def test_surveys_never_fail() -> None:
    random_ = random.Random(5)
    for _ in range(15):
        sources = [BytesSource(mutate(data, random_), name) for name, (_, data) in EXAMPLES.items()]
        for reader in FITBIT:
            reader.survey(sources, ReadOptions(random_.choice((None, BERLIN))))


BOMBS = {
    "brackets": b'[{"dateTime": "08/01/26 09:30:00", "value": ' + b"[" * 30_000_000,
    "string": b'[{"dateTime": "08/01/26 09:30:00", "value": "' + b"x" * 50_000_000,
    "line": b"timestamp,steps,data source\n" + b"x" * 100_000_000,
    "quote": b'timestamp,steps,data source\n"' + b"x\n" * 25_000_000,
    "devices": b"start,value,device\n" + b"".join(b"2026-08-01T05:30:00Z,1,%d\n" % number for number in range(5_000)),
}


@pytest.mark.parametrize("name", sorted(BOMBS))
def test_bombs_are_refused_in_little_memory(name: str) -> None:
    tracemalloc.start()
    _, _, error = read_damaged(BOMBS[name], "steps-1.json")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert error is not None
    assert not isinstance(error, MissingAnswer)
    assert peak < 150 << 20
    if name in ("brackets", "line", "devices"):
        assert isinstance(error, Hostile)


def test_many_rows_in_little_memory() -> None:
    """Readings of nine days, one every five seconds: the reading holds pieces, never the file."""
    seconds = np.datetime64("2026-08-01T00:00:00") + np.arange(150_000) * np.timedelta64(5, "s")
    rows = "Z,71.0,Air\n".join(np.datetime_as_string(seconds).tolist())
    source = BytesSource(f"timestamp,beats per minute,data source\n{rows}Z,71.0,Air\n".encode(), "heart_rate.csv")
    tracemalloc.start()
    count = 0
    for item in FITBIT[0].read(source, UTC_MEANT):
        assert isinstance(item, Recording)
        count += sum(len(stream.samples.value) for stream in item.streams)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 150_000
    assert peak < 40 << 20
