"""From bytes to a judged day whose every number was worked out by hand.

Tuesday, 3 March 2026, in Berlin, 15 days after the operation. A step counter, worn and recording from 7 to 22 o'clock:
- at every full ten minutes 12 steps: 90 times, but for ten from 17:00 to 18:30 and for six that fall into walks, so 74 times;
- walks: 9:00, 12 min of 80 steps; 11:00, 10 min of 70; 15:00, 25 min of 104;
- so the longest stillness is from 16:51 to 18:40, 109 minutes.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.afoot.conftest import Program

WALKS = {9 * 60: (12, 80), 11 * 60: (10, 70), 15 * 60: (25, 104)}
STILL = range(17 * 60, 18 * 60 + 40)
MIDNIGHT = datetime(2026, 3, 2, 23, tzinfo=UTC)  # in Berlin


def minutes() -> dict[int, int]:
    """Steps by the minute of the local day."""
    steps = {minute: 12 for minute in range(7 * 60, 22 * 60, 10) if minute not in STILL}
    for start, (length, cadence) in WALKS.items():
        steps |= dict.fromkeys(range(start, start + length), cadence)
    return steps


def at(minute: int) -> str:
    return (MIDNIGHT + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%SZ")


def plain_csv() -> bytes:
    rows = [("start", "end", "kind", "value", "device"), (at(7 * 60), at(22 * 60), "covered", "", "counter")]
    rows += [(at(minute), "", "", str(steps), "counter") for minute, steps in minutes().items()]
    return "".join(",".join(row) + "\n" for row in rows).encode()


@pytest.fixture
def judged(afoot: Program, tmp_path: Path) -> dict[str, object]:
    (tmp_path / "day.csv").write_bytes(plain_csv())
    afoot.ok("patient", "add", "Anna", "--zone", "Europe/Berlin")
    afoot.ok("import", tmp_path / "day.csv", "--patient", "Anna")
    surgery = ("--surgery", "2026-02-16", "--baseline", "5600")
    afoot.ok("prescription", "set", "Anna", "--author", "Dr B", "--effective", "2026-02-16", "--reason", "first", *surgery)
    (day,) = afoot.ok("days", "Anna", "--json").lines
    assert isinstance(day, dict)
    return day


def test_what_was_measured(judged: dict[str, object]) -> None:
    expected = {
        "day": "2026-03-03",
        "start_ms": round(MIDNIGHT.timestamp() * 1000),
        "n_min": 1440,
        "resolution_s": 60,
        "wear_source": "steps_inferred",
        "waking_source": "prescription",
        "waking_start": 420,
        "waking_end": 1320,
        "waking_min": 900,
        "worn_min": 900,
        "worn_waking_min": 900,
        "not_worn_min": 0,
        "unknown_min": 540,
        "asleep_min": 0,
        "coverage": 1.0,
        "valid": True,
        "partial": False,
        # 74 x 12 + 12 x 80 + 10 x 70 + 25 x 104
        "steps": 5148,
        # 900 worn minutes without the 74 of 12 steps and the 47 of walks
        "still_min": 779,
        "moving_min": 121,
        "walking_min": 47,
        "moderate_min": 25,
        "longest_stationary_min": 109,
        "prolonged": {"20": 1, "30": 1, "60": 1},
        # 74 single minutes and three walks end a stillness each, but for the one at 7:00 and the one that follows a walk at 11:10
        "breaks": 75,
        "credited_walks": 3,
        # from 9:12 to 11:00 and from 11:10 to 15:00: 108 and 230 minutes
        "walk_gap_median_min": 169.0,
        "walk_thirds": pytest.approx(2 / 3),
        "hours_judged": 15,
        "hours_reached": 3,
        "hourly_coverage": 0.2,
        "peak_1": 104.0,
        # (25 x 104 + 5 x 80) / 30 and (25 x 104 + 12 x 80 + 10 x 70 + 13 x 12) / 60
        "peak_30": 100.0,
        "peak_60": pytest.approx(73.6),
    }
    assert {name: judged[name] for name in expected} == expected
    walking = judged["walking"]
    assert isinstance(walking, list)
    assert [(walk["start"], walk["length"]) for walk in walking] == [(540, 12), (660, 10), (900, 25)]
    (still,) = judged["stationary"]  # type: ignore[misc, attr-defined]
    assert (still["start"], still["length"]) == (16 * 60 + 51, 109)


@pytest.mark.parametrize(
    ("name", "status", "done", "target", "because"),
    [
        ("walks", "missed", 3, 4, "3 walks of 10 min or more, 4 prescribed"),
        ("stillness", "exceeded", 109, 30, "longest still stretch 109 min, and 1 stretch of 30 min or more"),
        ("walk_length", "exceeded", 25, 20, "1 walk went 5 min beyond it"),
        ("cadence", "exceeded", 25, 5, "25 min in a row at 100 steps/min or more"),
        ("hourly", "missed", 0.2, 0.5, "3 of 15 judged hours with 100 steps or more"),
        ("floor", "met", 5148, 1680, "5,148 steps; the floor is 30% of the baseline of 5,600"),
    ],
)
def test_how_it_compares_with_the_prescription(
    judged: dict[str, object], name: str, status: str, done: float, target: float, because: str
) -> None:
    verdict = judged["verdict"]
    assert isinstance(verdict, dict)
    assert (verdict["version"], verdict["phase"], verdict["days_since_surgery"], verdict["adherence"]) == (1, "P2", 15, 0.75)
    (item,) = (item for item in verdict["items"] if item["name"] == name)
    assert (item["status"], item["done"], item["target"]) == (status, done, target)
    assert because in item["reason"]


def test_half_of_it_unknown_leaves_open_what_was_not_seen(afoot: Program, tmp_path: Path) -> None:
    """The same day of which the file ends at 15:30: what was overdone is still said, what is missing is not held against her."""
    rows = plain_csv().decode().replace(at(22 * 60), at(15 * 60 + 30)).splitlines()
    kept = [row for row in rows if not row.startswith("2026-") or row < at(15 * 60 + 30)]
    (tmp_path / "day.csv").write_text("\n".join(kept) + "\n")
    afoot.ok("patient", "add", "Anna", "--zone", "Europe/Berlin")
    afoot.ok("import", tmp_path / "day.csv", "--patient", "Anna")
    afoot.ok(
        *("prescription", "set", "Anna", "--author", "Dr B", "--effective", "2026-02-16", "--reason", "first"),
        *("--surgery", "2026-02-16", "--baseline", "5600"),
    )
    (day,) = afoot.ok("days", "Anna", "--json").lines
    assert (day["partial"], day["worn_waking_min"], day["longest_stationary_min"]) == (True, 510, 9)
    statuses = {item["name"]: item["status"] for item in day["verdict"]["items"]}
    assert statuses == {
        "walks": "unknown",
        "stillness": "unknown",
        "walk_length": "exceeded",
        "cadence": "exceeded",
        "hourly": "unknown",
        "floor": "met",
    }
    assert day["verdict"]["adherence"] is None
