"""afoot prescription: versions that follow one another, and every way to write one wrongly."""

import pytest

from tests.afoot.conftest import Program

FIRST = ("--author", "Dr B", "--effective", "2026-02-16", "--reason", "first", "--surgery", "2026-02-16")
NEXT = ("--author", "Dr C", "--effective", "2026-03-10", "--reason", "pain")


@pytest.fixture
def program(afoot: Program) -> Program:
    afoot.ok("patient", "add", "Anna", "--zone", "Europe/Berlin")
    return afoot


def set_(program: Program, *arguments: str) -> dict[str, object]:
    body = program.ok("prescription", "set", "Anna", *arguments, "--json").json
    assert isinstance(body, dict)
    return body


def test_versions_follow_one_another_and_old_ones_stay(program: Program) -> None:
    first = set_(program, *FIRST, "--baseline", "5600")
    assert (first["version"], first["baseline_steps"], first["author"]) == (1, 5600, "Dr B")
    second = set_(
        program, *NEXT, "--set", "P2.walks_per_day=3", "--set", "walking_aid=true", "--set", "thresholds.walking_spm=35"
    )
    assert (second["version"], second["baseline_steps"], second["walking_aid"]) == (2, 5600, True)
    phases = {phase["name"]: phase for phase in second["phases"]}  # type: ignore[attr-defined]
    assert (phases["P1"]["walks_per_day"], phases["P2"]["walks_per_day"]) == (3, 3)
    assert second["thresholds"]["walking_spm"] == 35  # type: ignore[index]
    assert program.ok("prescription", "show", "Anna", "--json").json == second
    assert program.ok("prescription", "show", "Anna", "--on", "2026-03-09", "--json").json == first
    assert program.ok("prescription", "show", "Anna", "--on", "2026-03-10", "--json").json == second
    assert "in force on 2026-02-15" in program.fails(2, "prescription", "show", "Anna", "--on", "2026-02-15")


def test_of_one_date_the_later_version_is_in_force(program: Program) -> None:
    set_(program, *FIRST)
    third = [set_(program, *FIRST[:-2], "--set", f"hourly_steps={steps}") for steps in (80, 90)][-1]
    assert third["version"] == 3
    assert program.ok("prescription", "show", "Anna", "--on", "2026-02-16", "--json").json == third


def test_each_day_is_judged_by_the_version_of_its_time(anna: Program) -> None:
    set_(anna, *FIRST)
    set_(anna, "--author", "Dr C", "--effective", "2026-03-04", "--reason", "pain", "--set", "walks_per_day=1")
    days = anna.ok("days", "Anna", "--from", "2026-02-15", "--to", "2026-03-04", "--json").lines
    versions = {day["day"]: day["verdict"] and day["verdict"]["version"] for day in days}
    assert versions["2026-02-15"] is None
    assert (versions["2026-02-16"], versions["2026-03-03"], versions["2026-03-04"]) == (1, 1, 2)


def test_the_table_shows_every_phase_and_what_is_off(program: Program) -> None:
    program.ok("prescription", "set", "Anna", *FIRST)
    said = program.ok("prescription", "show", "Anna").out
    for text in ("P1 d0-14", "P4 d85-182", "walks a day", "not known", "off", "Dr B"):
        assert text in said
    program.ok("prescription", "set", "Anna", *NEXT[:-1], "[bold]\x1b[31mpain", "--set", "P1.name=[red]")
    shown = program.ok("prescription", "show", "Anna").out
    assert "[bold]" in shown
    assert "[red]" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (NEXT, "needs --surgery"),
        (FIRST[2:], "Missing option '--author'"),
        ((*FIRST[:2], *FIRST[4:]), "Missing option '--effective'"),
        ((*FIRST, "--baseline", "0"), "baseline_steps"),
        ((*FIRST, "--baseline", "many"), "--baseline"),
        (("--author", "", *FIRST[2:]), "author"),
        (("--author", "x" * 201, *FIRST[2:]), "author"),
        ((*FIRST[:2], "--effective", "soon", *FIRST[4:]), "expected YYYY-MM-DD"),
        ((*FIRST[:-1], "2026-02-30"), "expected YYYY-MM-DD"),
        ((*FIRST, "--set", "walks_per_day"), "expected NAME=VALUE"),
        ((*FIRST, "--set", "=3"), "expected NAME=VALUE"),
        ((*FIRST, "--set", "P9.walks_per_day=3"), "P9.walks_per_day"),
        ((*FIRST, "--set", "P1.nonsense=3"), "P1.nonsense"),
        ((*FIRST, "--set", "version=7"), "version"),
        ((*FIRST, "--set", "phases=[]"), "phases"),
        ((*FIRST, "--set", "walks_per_day=99"), "walks_per_day"),
        ((*FIRST, "--set", "walks_per_day=many"), "walks_per_day"),
        ((*FIRST, "--set", "walks_per_day=NaN"), "walks_per_day"),
        ((*FIRST, "--set", "walks_per_day=[[[["), "walks_per_day"),
        ((*FIRST, "--set", "walks_per_day=" + "9" * 5000), "walks_per_day"),
        ((*FIRST, "--set", "floor_share=Infinity"), "floor_share"),
        ((*FIRST, "--set", "thresholds.walking_spm=-1"), "walking_spm"),
        ((*FIRST, "--set", "waking_window=25:00-26:00"), "waking_window"),
        ((*FIRST, "--set", "P1.last_day=3"), "P2"),
        ((*FIRST, "--set", "P2.credited_walk_min=100"), "walk_cap_min"),
        ((*FIRST, "--set", "walks_per_day=" + "[" * 50_000), "walks_per_day"),
    ],
    ids=lambda value: str(value)[-30:] if isinstance(value, tuple) else "",
)
def test_what_is_wrong_is_named_and_nothing_is_written(program: Program, arguments: tuple[str, ...], said: str) -> None:
    assert said in program.fails(2, "prescription", "set", "Anna", *arguments)
    assert "no prescription" in program.fails(2, "prescription", "show", "Anna")


def test_a_date_of_another_year_is_written_only_if_it_is_meant(program: Program) -> None:
    def dated(effective: str, *more: str) -> tuple[str, ...]:
        return ("prescription", "set", "Anna", "--author", "B", "--reason", "r", "--effective", effective, *more)

    future = dated("2062-02-16", "--surgery", "2026-02-16")
    assert "--effective 2062-02-16 is more than a year after today" in program.fails(2, *future)
    assert "--surgery 2062-02-16" in program.fails(2, *dated("2026-02-16", "--surgery", "2062-02-16"))
    past = program.fails(2, *dated("2026-02-16", "--surgery", "2016-02-16"))
    assert "--effective 2026-02-16 is more than a year from the day of the operation, 2016-02-16" in past
    assert "has no prescription" in program.fails(2, "prescription", "show", "Anna")
    assert program.ok(*future, "--yes", "--json").json["effective"] == "2062-02-16"
