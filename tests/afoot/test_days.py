"""afoot day, days, gaps, compare: unknown is a dash or null and never 0; the same day whichever days are asked for."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.afoot.conftest import Program, csv


def prescribe(program: Program, *more: object) -> None:
    program.ok(
        *("prescription", "set", "Anna", "--author", "Dr B", "--effective", "2026-02-16", "--reason", "first"),
        *("--surgery", "2026-02-16", *more),
    )


def test_a_day_measured_and_unjudged(anna: Program) -> None:
    day = anna.ok("day", "Anna", "--json").json
    # Twelve hours of a step a minute, in which 18 minutes are walks of 80.
    assert (day["day"], day["n_min"], day["steps"]) == ("2026-03-03", 1440, 702 + 18 * 80)
    assert day["verdict"] is None
    assert [walk["length"] for walk in day["walking"]] == [12, 6]
    assert day["credited_walks"] is None
    assert day["unknown_min"] == 720
    said = anna.ok("day", "Anna", "2026-03-03").out
    assert "2,142" in said
    assert "no prescription was in force" in said
    assert anna.ok("day", "Anna", "2026-03-03", "--json").json == day


def test_a_day_judged(anna: Program) -> None:
    prescribe(anna)
    verdict = anna.ok("day", "Anna", "--json").json["verdict"]
    assert (verdict["phase"], verdict["version"]) == ("P2", 1)  # day 15
    walks = next(item for item in verdict["items"] if item["name"] == "walks")
    assert (walks["done"], walks["target"]) == (1, 4)
    said = anna.ok("day", "Anna").out
    assert "prescription version 1, phase P2" in said


def test_days_without_data_are_unknown_and_never_zero(anna: Program, tmp_path: Path) -> None:
    path = tmp_path / "later.csv"
    path.write_text(csv("2026-03-06T08:00:00Z,5"))
    anna.ok("import", path, "--patient", "Anna")
    days = anna.ok("days", "Anna", "--json").lines
    assert [day["day"] for day in days] == ["2026-03-03", "2026-03-04", "2026-03-05", "2026-03-06"]
    assert [day["steps"] for day in days] == [2142, None, None, 5]
    assert [day["unknown_min"] for day in days[1:3]] == [1440, 1440]
    table = anna.ok("days", "Anna").out.splitlines()
    assert table[2].split() == ["2026-03-04", "–", "0.0", "24.0", "–", "–", "–", "–", "no", "data"]
    assert "partial" not in table[1]
    assert "partial" in table[4]


@pytest.mark.parametrize(
    ("first", "last", "shown"),
    [
        (None, None, ["03"]),
        ("2026-03-02", None, ["02", "03"]),
        (None, "2026-03-05", ["03", "04", "05"]),
        ("2026-03-02", "2026-03-04", ["02", "03", "04"]),
        ("2026-03-04", "2026-03-05", ["04", "05"]),
        ("2026-03-04", None, []),
        (None, "2026-03-01", []),
    ],
)
def test_a_side_that_is_not_given_begins_and_ends_with_the_data(
    anna: Program, first: str | None, last: str | None, shown: list[str]
) -> None:
    asked = [*(("--from", first) if first else ()), *(("--to", last) if last else ())]
    assert [day["day"][-2:] for day in anna.ok("days", "Anna", "--json", *asked).lines] == shown


def test_a_day_is_the_same_whichever_days_are_asked_for(afoot: Program, tmp_path: Path) -> None:
    """Nights that are to be inferred reach over midnight; a device's pulse may lie in another month."""
    rows = []
    for number in range(45):
        day = date(2026, 1, 10) + timedelta(days=number)
        for minute in range(0, 1440, 1):
            awake = 6 * 60 + number % 5 * 20 < minute < 23 * 60 + number % 3 * 30
            steps = 30 if awake and minute % 15 == 0 else 0
            rows.append(f"{day}T{minute // 60:02}:{minute % 60:02}:00Z,{steps},steps,watch")
            if not awake or number > 20:
                continue
            rows.append(f"{day}T{minute // 60:02}:{minute % 60:02}:00Z,{minute % 7},steps,phone")
    rows += [f"2026-02-20T{hour:02}:00:00Z,70,heart_rate,watch" for hour in range(24)]
    path = tmp_path / "a.csv"
    path.write_text(csv(*rows, columns="start,value,metric,device"))
    afoot.ok("patient", "add", "Anna", "--zone", "UTC")
    afoot.ok("import", path, "--patient", "Anna")
    prescribe(afoot, "--set", "waking_window=off")
    whole = {day["day"]: day for day in afoot.ok("days", "Anna", "--json").lines}
    assert len(whole) == 45
    assert {day["waking_source"] for day in whole.values()} >= {"inferred"}
    for day in ("2026-01-10", "2026-01-11", "2026-02-08", "2026-02-09", "2026-02-10", "2026-02-20", "2026-02-23"):
        assert afoot.ok("day", "Anna", day, "--json").json == whole[day]
    for day in afoot.ok("days", "Anna", "--from", "2026-02-05", "--to", "2026-02-12", "--json").lines:
        assert day == whole[day["day"]]


@pytest.mark.parametrize("command", ["days", "gaps", "compare", "report"])
@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        ("2026-03-05", "2026-03-04", "comes after --to"),
        ("yesterday", "2026-03-04", "expected YYYY-MM-DD"),
        ("2026-02-30", "2026-03-04", "expected YYYY-MM-DD"),
        ("2026-03-01", "9999-12-31", "expected a year from 1990"),
        ("0001-01-01", "2026-03-04", "expected a year from 1990"),
    ],
)
def test_days_that_cannot_be(anna: Program, command: str, first: str, last: str, said: str) -> None:
    assert said in anna.fails(2, command, "Anna", "--from", first, "--to", last)


def test_a_date_that_nobody_lived(afoot: Program) -> None:
    afoot.ok("patient", "add", "Anna", "--zone", "Pacific/Apia")
    assert "the clock skipped it" in afoot.fails(2, "day", "Anna", "2011-12-30")
    days = afoot.ok("days", "Anna", "--from", "2011-12-29", "--to", "2011-12-31", "--json").lines
    assert [day["day"] for day in days] == ["2011-12-29", "2011-12-31"]
    for command in ("gaps", "compare"):
        assert afoot.ok(command, "Anna", "--from", "2011-12-30", "--to", "2011-12-30", "--json").json == []


def test_a_patient_without_data_has_unknown_days_on_request(afoot: Program) -> None:
    afoot.ok("patient", "add", "Anna", "--zone", "UTC")
    days = afoot.ok("days", "Anna", "--from", "2026-03-01", "--to", "2026-03-02", "--json").lines
    assert [(day["steps"], day["unknown_min"], day["worn_min"]) for day in days] == [(None, 1440, 0)] * 2
    assert afoot.ok("days", "Anna", "--json").out == ""
    assert afoot.ok("gaps", "Anna", "--json").json == []
    assert afoot.ok("compare", "Anna", "--json").json == []


def test_gaps_say_where_a_device_was_silent(anna: Program, tmp_path: Path) -> None:
    path = tmp_path / "later.csv"
    path.write_text(csv("2026-03-04T08:00:00Z,5", "2026-03-04T08:10:00Z,5"))
    anna.ok("import", path, "--patient", "Anna")
    night, tail = anna.ok("gaps", "Anna", "--json").json
    assert (night["from"], night["to"], night["minutes"]) == ("2026-03-03T19:00:00Z", "2026-03-04T08:00:00Z", 13 * 60)
    assert (tail["from"], tail["to"]) == ("2026-03-04T08:11:00Z", None)
    assert "2026-03-03T19:00:00Z" in anna.ok("gaps", "Anna").out
    # Gaps that touch the days asked for, whole.
    assert anna.ok("gaps", "Anna", "--from", "2026-03-04", "--json").json == [night, tail]
    assert anna.ok("gaps", "Anna", "--to", "2026-03-02", "--json").json == []


def test_compare_puts_the_vendors_total_beside_ours(anna: Program, tmp_path: Path) -> None:
    assert anna.ok("compare", "Anna", "--json").json == []
    path = tmp_path / "total.csv"
    path.write_text(csv("2026-03-03,total,2500", "2026-03-02,total,7", columns="start,kind,value"))
    anna.ok("import", path, "--patient", "Anna")
    rows = anna.ok("compare", "Anna", "--json").json
    assert [(row["day"], row["ours"], row["vendor"], row["difference"], row["share_known"]) for row in rows] == [
        ("2026-03-02", None, 7, None, 0.0),
        ("2026-03-03", 2142, 2500, -358, 0.5),
    ]
    assert "–" in anna.ok("compare", "Anna").out


def test_nothing_to_show_is_said(afoot: Program, anna: Program) -> None:
    afoot.ok("patient", "add", "Ben", "--zone", "UTC")
    for command in ("days", "gaps", "compare"):
        assert "there are no data of patient 'Ben'" in afoot.ok(command, "Ben").out
    assert "no device says what a day" in anna.ok("compare", "Anna").out
    assert "no device was silent for 99999999 minutes" in anna.ok("gaps", "Anna", "--longer", "99999999").out
