"""Every panel, variable and annotation of every dashboard, asked of a real database, answers what the store says.

A wrong name in a query returns nothing and no error, so each answer is held against the store, value by value.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from sqlalchemy import func, select

from afoot.app import App, open_app
from afoot.judging import JudgedDay, judge_days
from dashboards.grafana import DASHBOARDS
from ingest import groups, people, tables
from ingest.gaps import find_gaps
from ingest.people import Patient
from ingest.publishing.schema import OPERATORS_BUCKET
from rules import ledger
from rules.alerts import Kind, Transition
from rules.minutes import NA
from tests.influx import clinic
from tests.influx.asking import Rows, View, ask, ask_grafana
from tests.influx.clinic import END_MS
from tests.influx.rig import Rig

pytestmark = pytest.mark.live
SPINE = "afoot_spine"
FROM_MS = END_MS - 9 * clinic.DAY - 2 * 3_600_000  # before the midnight of her clock
TO_MS = END_MS + clinic.DAY
PIECE_S = 900
BUILT: dict[str, dict[str, Any]] = {name: build() for name, build in DASHBOARDS.items()}
PANELS = {(name, panel["title"]): panel for name, built in BUILT.items() for panel in built["panels"]}


class Store:
    """What the store says of Anna, and of Ida, who shares her group and has neither data nor a prescription."""

    def __init__(self, app: App) -> None:
        self.app, self.anna, self.ida = app, clinic.find(app, "Anna"), clinic.find(app, "Ida")

    @cached_property
    def judged(self) -> list[JudgedDay]:
        with self.app.store.reading() as connection:
            return list(judge_days(connection, self.anna))

    @cached_property
    def minutes(self) -> list[tuple[int, int | None, int | None, int]]:
        return clinic.merged_minutes(self.app, self.anna)

    @cached_property
    def transitions(self) -> list[Transition]:
        with self.app.store.reading() as connection:
            return ledger.list_transitions(connection, self.anna.id)

    @cached_property
    def open_alerts(self) -> list[ledger.Alert]:
        with self.app.store.reading() as connection:
            return ledger.list_alerts(connection, self.anna.id, open_only=True)

    @cached_property
    def last_data_ms(self) -> int:
        return (self.minutes[-1][0] + 60) * 1000

    @property
    def opened(self) -> list[Transition]:
        return [one for one in self.transitions if one.kind is Kind.OPENED]

    def count(self, table: Any) -> int:
        with self.app.store.reading() as connection:
            return int(connection.execute(select(func.count()).where(table.c.patient_id == self.anna.id)).scalar_one())

    def daily(self, of: Callable[[JudgedDay], Any]) -> dict[int, Any]:
        """What each local day says, by the second it begins; without the days of which nothing is said."""
        found = {one.summary.start_ms // 1000: of(one) for one in self.judged}
        return {at_s: value for at_s, value in found.items() if value is not None}

    def pieces(self, column: int) -> dict[int, list[int]]:
        """The known values of each piece of a chart."""
        found: dict[int, list[int]] = {}
        for minute in self.minutes:
            if minute[column] is not None:
                found.setdefault(minute[0] // PIECE_S * PIECE_S, []).append(minute[column])  # type: ignore[arg-type]
        return found


@dataclass(frozen=True)
class World:
    store: Store
    rig: Rig

    def view(self, dashboard: str) -> View:
        anna = self.store.anna
        bucket = OPERATORS_BUCKET if dashboard == "operations" else SPINE
        return View(bucket, FROM_MS, TO_MS, {"patient": anna.pseudonym, "zone": anna.zone}, f"{PIECE_S}s")

    def answers(self, dashboard: str, title: str) -> list[Rows]:
        targets = PANELS[dashboard, title]["targets"]
        return [ask(self.rig, self.view(dashboard), target["query"]) for target in targets]


@pytest.fixture(scope="module")
def world(influx_server: Rig, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    app = open_app(folder / "home")
    try:
        clinic.fill(app, clinic.make_exports(folder / "exports"))
        with app.store.writing() as connection:
            ida = people.add_patient(connection, "Ida", "Europe/Lisbon", END_MS - 300 * clinic.DAY)
            groups.assign(connection, ida.id, groups.find_group(connection, "spine").id)
        influx_server.reset()
        assert clinic.run(app, influx_server).state == "done"
        yield World(Store(app), influx_server)
    finally:
        app.close()


Check = Callable[[Store, list[Rows]], None]
CHECKS: dict[tuple[str, str], Check] = {}


def checks(*panels: tuple[str, str]) -> Callable[[Check], Check]:
    def keep(check: Check) -> Check:
        CHECKS.update(dict.fromkeys(panels, check))
        return check

    return keep


def only(answers: list[Rows], name: str) -> Any:
    ((row,),) = answers
    return row[name]


def column(rows: Rows, name: str) -> dict[int, Any]:
    return {row["time"]: row[name] for row in rows if row[name] is not None}


@checks(("ward", "Urgent alerts"), ("alerts", "Urgent"), ("patient", "Urgent alerts"))
def urgent(store: Store, answers: list[Rows]) -> None:
    assert only(answers, "open_high") == sum(one.priority.value == "high" for one in store.open_alerts)


@checks(("ward", "Not yet acknowledged"), ("alerts", "Not yet acknowledged"))
def unacknowledged(store: Store, answers: list[Rows]) -> None:
    assert only(answers, "unacknowledged") == len(store.open_alerts) > 0


@checks(("alerts", "Open"), ("patient", "Open alerts"))
def open_now(store: Store, answers: list[Rows]) -> None:
    assert only(answers, "open_alerts") == len(store.open_alerts) > 0


@checks(("ward", "Patients with data in this time"))
def not_silent(store: Store, answers: list[Rows]) -> None:
    assert store.last_data_ms >= FROM_MS
    assert only(answers, "last_data_ms") == 1


@checks(("ward", "Patients"))
def everybody(store: Store, answers: list[Rows]) -> None:
    assert only(answers, "devices") == 2


@checks(("ward", "Patients, who needs me first"))
def who_needs_me(store: Store, answers: list[Rows]) -> None:
    wards, days = ({row["patient"]: row for row in rows} for rows in answers)
    anna, silent, last = wards[store.anna.pseudonym], wards[store.ida.pseudonym], store.judged[-1]
    assert set(wards) == {store.anna.pseudonym, store.ida.pseudonym}
    assert anna["worst_text"] == min(store.open_alerts, key=lambda one: (one.opened_ms, one.rule)).finding.reason
    assert (anna["last_data_ms"], anna["last_state"]) == (store.last_data_ms, store.minutes[-1][3])
    assert (anna["last_sync_ms"], anna["phase"], anna["prescribed"]) == (END_MS, "P1", 1)
    # Of whom nothing is known, nothing is said, and no 0.
    assert [silent[name] for name in ("last_data_ms", "last_state", "last_sync_ms", "worst_text", "phase")] == [None] * 5
    assert (silent["open_alerts"], silent["prescribed"]) == (0, 0)
    assert list(days) == [store.anna.pseudonym]
    day = days[store.anna.pseudonym]
    assert last.verdict is not None
    walks = last.verdict.item("walks")
    assert (day["date"], day["steps"]) == (last.summary.day.isoformat(), last.summary.steps)
    assert (day["walks_done"], day["walks_target"]) == (walks.done, walks.target)
    assert (day["longest_still_min"], day["coverage"]) == (last.summary.longest_stationary_min, last.summary.coverage)
    assert day["days_since_surgery"] == last.verdict.days_since_surgery


@checks(("patient", "Last data"))
def last_data(store: Store, answers: list[Rows]) -> None:
    assert only(answers, "last_data_ms") == store.last_data_ms


@checks(("patient", "State at the last data"))
def last_state(store: Store, answers: list[Rows]) -> None:
    assert only(answers, "last_state") == store.minutes[-1][3]


@checks(("patient", "Phase"))
def phase(store: Store, answers: list[Rows]) -> None:
    assert only(answers, "phase") == "P1"


def medians(store: Store) -> dict[int, float]:
    """The median of the conclusive days of each week, of 4 at least, none from before surgery; by hand."""
    found = {}
    for row, one in enumerate(store.judged):
        week = [
            each.summary.steps
            for each in store.judged[max(0, row - 6) : row + 1]
            if each.summary.conclusive and each.summary.day >= clinic.SURGERY
        ]
        if len(week) >= 4:
            found[one.summary.start_ms // 1000] = float(np.median(np.array(week)))
    return found


@checks(("patient", "Last week against own baseline"))
def against_baseline(store: Store, answers: list[Rows]) -> None:
    newest = max(medians(store))
    assert newest == store.judged[-1].summary.start_ms // 1000
    assert only(answers, "median_7_share") == pytest.approx(medians(store)[newest] / clinic.ANNA.baseline)


@checks(("patient", "Why: open alerts"))
def why(store: Store, answers: list[Rows]) -> None:
    assert only(answers, "patient") == store.anna.pseudonym
    assert (only(answers, "worst_rule"), only(answers, "worst_text")) in {
        (one.rule, one.finding.reason) for one in store.open_alerts
    }


@checks(("patient", "Worn, still, moving, unknown"))
def states(store: Store, answers: list[Rows]) -> None:
    found, pieces = column(answers[0], "state"), store.pieces(3)
    assert set(found) == set(pieces)
    assert len({row["time"] for row in answers[0]} - set(found)) > 0, "time before and after the data is null"
    for at_s, values in pieces.items():
        counts = np.bincount(values)
        assert counts[found[at_s]] == counts.max(), at_s
    assert {0, 2, 3} <= set(found.values())


@checks(("patient", "Steps"))
def steps(store: Store, answers: list[Rows]) -> None:
    _same_means(column(answers[0], "steps"), store.pieces(1))


@checks(("patient", "Heart rate"))
def heart_rate(store: Store, answers: list[Rows]) -> None:
    _same_means(column(answers[0], "heart_rate"), store.pieces(2))


def _same_means(found: Mapping[int, float], pieces: Mapping[int, list[int]]) -> None:
    assert found == pytest.approx({at_s: sum(values) / len(values) for at_s, values in pieces.items()})
    assert len(found) > 400


@checks(("patient", "Bouts: walks and long stillness"))
def bouts(store: Store, answers: list[Rows]) -> None:
    expected: list[dict[int, int]] = [{}, {}, {}]
    for one in store.judged:
        if one.summary.walking is None or one.summary.stationary is None or one.prescription is None:
            continue
        begin, asked = one.summary.start_ms // 1000, one.prescription.phase_on(one.summary.day)
        for bout in one.summary.walking:
            counts = asked is not None and bout.length >= asked.credited_walk_min
            expected[0 if counts else 1][begin + 60 * bout.start] = bout.length
        for bout in one.summary.stationary.at_least(20):
            expected[2][begin + 60 * bout.start] = bout.length
    assert [column(rows, "minutes") for rows in answers] == expected
    assert all(expected)


STATUSES = ("walks", "stillness", "walk_length", "cadence", "hourly", "floor")


@checks(("patient", "Each day against its prescription"))
def each_day(store: Store, answers: list[Rows]) -> None:
    for name in STATUSES:
        of_days = store.daily(lambda one, name=name: one.verdict and one.verdict.item(name).status.value)  # type: ignore[misc]
        assert column(answers[0], f"{name}_status") == of_days
    # The day in which nothing was recorded stands there, as unknown.
    silent = next(one.summary.start_ms // 1000 for one in store.judged if not one.summary.has_data)
    (row,) = [row for row in answers[0] if row["time"] == silent]
    assert (row["verdict"], row["walks_status"]) == ("unknown", "unknown")


@checks(("patient", "Walks against prescription"))
def walks(store: Store, answers: list[Rows]) -> None:
    assert column(answers[0], "walks_done") == store.daily(lambda one: one.verdict and one.verdict.item("walks").done)
    assert column(answers[0], "walks_target") == store.daily(lambda one: one.verdict and one.verdict.item("walks").target)
    assert len(column(answers[0], "walks_done")) < len(column(answers[0], "walks_target")), "an unknown day is no day of 0 walks"


@checks(("patient", "Longest walk and longest stillness"))
def longest(store: Store, answers: list[Rows]) -> None:
    rows = answers[0]
    assert column(rows, "longest_still_min") == store.daily(lambda one: one.summary.longest_stationary_min)
    assert column(rows, "longest_walk_min") == store.daily(lambda one: one.summary.walking and one.summary.walking.longest)
    assert column(rows, "walk_cap_min") == store.daily(lambda one: one.verdict and one.verdict.item("walk_length").target)
    assert column(rows, "still_nudge_min") == store.daily(lambda one: one.verdict and one.verdict.item("stillness").target)


@checks(("patient", "Recovery against own baseline"))
def recovery(store: Store, answers: list[Rows]) -> None:
    whole, part, rest = answers
    assert column(whole, "steps") == store.daily(lambda one: None if one.summary.partial else one.summary.steps)
    assert column(part, "steps") == store.daily(lambda one: one.summary.steps if one.summary.partial else None)
    assert column(rest, "median_7") == pytest.approx(medians(store))
    assert set(column(rest, "baseline_steps").values()) == {clinic.ANNA.baseline}
    assert column(rest, "floor_steps") == store.daily(lambda one: one.verdict and one.verdict.item("floor").target)
    reference = list(column(rest, "reference_steps").values())
    assert reference == sorted(reference)
    assert len(reference) == len(store.judged)


@checks(("patient", "Hours"))
def hours(store: Store, answers: list[Rows]) -> None:
    zone = ZoneInfo(store.anna.zone)
    expected: dict[tuple[str, int], int] = {}
    for one in store.judged:
        # Steps of minutes that somebody walked: what a device counted while it was not worn is no step.
        for minute in np.flatnonzero(one.summary.cadence != NA).tolist():
            local = datetime.fromtimestamp(one.summary.start_ms // 1000 + 60 * minute, zone)
            key = local.date().isoformat(), local.hour
            expected[key] = expected.get(key, 0) + int(one.summary.cadence[minute])
    found = {
        (datetime.fromtimestamp(at_s, zone).date().isoformat(), hour): value
        for hour, rows in enumerate(answers)
        for at_s, value in column(rows, "steps").items()
    }
    assert found == expected
    # Every row begins at a midnight of the patient's clock, also over the night that is an hour short.
    assert {datetime.fromtimestamp(row["time"], zone).hour for rows in answers for row in rows} == {0}
    assert 0 in found.values()
    assert any(row["steps"] is None for rows in answers for row in rows)


@checks(("patient", "Pain, as the patient said"))
def pain(store: Store, answers: list[Rows]) -> None:
    assert column(answers[0], "value") == {(END_MS - 3 * clinic.DAY) // 1000: 4}


@checks(("patient", "What the patient said"))
def said(store: Store, answers: list[Rows]) -> None:
    assert {(row["code"], row["text"], row["red_flag"]) for row in answers[0]} == {
        ("pain", "pain: 4 of 10", 0),
        ("fever", "fever: no", 0),
        ("note", "note: written down", 0),
    }


@checks(("alerts", "Open alerts, and why"))
def open_and_why(store: Store, answers: list[Rows]) -> None:
    found = {(row["patient"], row["rule"], row["severity"], row["acknowledged"], row["opened_ms"] // 1000) for row in answers[0]}
    assert found == {(store.anna.pseudonym, one.rule, one.priority.value, 0, one.opened_ms // 1000) for one in store.open_alerts}
    texts = {row["rule"]: row["text"] for row in answers[0]}
    last = {one.rule: one.finding.reason for one in store.transitions}
    assert texts == {rule: last[rule] for rule in texts}


@checks(("alerts", "Opened each day"))
def opened_each_day(store: Store, answers: list[Rows]) -> None:
    zone = ZoneInfo(store.anna.zone)
    expected: dict[str, int] = {}
    for one in store.opened:
        day = datetime.fromtimestamp(one.at_ms / 1000, zone).date().isoformat()
        expected[day] = expected.get(day, 0) + 1
    found = {datetime.fromtimestamp(row["time"], zone).date().isoformat(): row["opened_s"] for row in answers[0]}
    assert found == expected


@checks(("alerts", "Opened by each rule"))
def opened_by_rule(store: Store, answers: list[Rows]) -> None:
    rules = [one.rule for one in store.opened]
    assert {row["rule"]: row["opened_s"] for row in answers[0]} == {rule: rules.count(rule) for rule in rules}


@checks(("alerts", "What happened"))
def happened(store: Store, answers: list[Rows]) -> None:
    assert {(row["rule"], row["event"], row["text"]) for row in answers[0]} == {
        (one.rule, one.kind.value, one.finding.reason) for one in store.transitions
    }


@checks(("quality", "Devices"))
def devices(store: Store, answers: list[Rows]) -> None:
    known = clinic.device_minutes(store.app, store.anna)
    rows = {row["source"]: row for row in answers[0]}
    assert set(rows) == set(known)
    for source, metrics in known.items():
        last_s = max(minutes[-1][0] for minutes in metrics.values())
        assert rows[source]["last_data_ms"] == (last_s + 60) * 1000
        assert rows[source]["patient"] == store.anna.pseudonym
        if "steps" in metrics:
            assert rows[source]["known_min"] == len(metrics["steps"])
        assert rows[source]["battery"] is None, "no device of theirs says it; it is no 0"
    with store.app.store.reading() as connection:
        vendors = {one.device.vendor for one in people.list_devices(connection, store.anna.id)}
    assert {row["vendor"] for row in answers[0]} == vendors


@checks(("quality", "Batteries"))
def batteries(store: Store, answers: list[Rows]) -> None:
    assert answers == [[]], "no device of theirs says it"


@checks(("quality", "Files"))
def files(store: Store, answers: list[Rows]) -> None:
    rows = {row["patient"]: row for row in answers[0]}
    anna, silent = rows[store.anna.pseudonym], rows[store.ida.pseudonym]
    assert anna["imports"] == store.count(tables.imports) > 0
    assert anna["devices"] == store.count(tables.devices) > 0
    assert (anna["imports_refused"], anna["imports_waiting"], anna["last_sync_ms"]) == (0, 0, END_MS)
    assert (silent["imports"], silent["last_sync_ms"]) == (0, None)


@checks(("quality", "Known of the waking day, each patient"))
def coverage(store: Store, answers: list[Rows]) -> None:
    assert {row["patient"] for row in answers[0]} == {store.anna.pseudonym}
    assert column(answers[0], "coverage") == pytest.approx(store.daily(lambda one: one.summary.coverage))


@checks(("quality", "Worn, not worn, unknown"))
def worn(store: Store, answers: list[Rows]) -> None:
    for name in ("worn_min", "not_worn_min", "unknown_min"):
        assert column(answers[0], name) == store.daily(lambda one, name=name: getattr(one.summary, name))  # type: ignore[misc]


@checks(("quality", "How wear is known"))
def wear(store: Store, answers: list[Rows]) -> None:
    assert column(answers[0], "wear_source") == store.daily(lambda one: one.summary.wear_source.value)
    assert column(answers[0], "waking_source") == store.daily(lambda one: one.summary.waking_source.value)
    assert "none" in column(answers[0], "wear_source").values()


@checks(("quality", "Gaps"))
def gaps(store: Store, answers: list[Rows]) -> None:
    with store.app.store.reading() as connection:
        end_ms = store.last_data_ms
        found = find_gaps(connection, store.anna.id, end_ms - 90 * clinic.DAY, end_ms, end_ms, metrics=("steps", "heart_rate"))
    expected = sorted((one.start_ms // 1000, (one.end_ms - one.start_ms) // 60_000) for one in found if not one.is_tail)
    assert sorted((row["time"], row["minutes"]) for row in answers[0]) == expected
    assert any(row["minutes"] > 1000 for row in answers[0]), "the silent day"


@checks(("operations", "Behind"))
def behind(store: Store, answers: list[Rows]) -> None:
    assert only(answers, "behind_s") == 0


@checks(("operations", "Lines refused"))
def refused(store: Store, answers: list[Rows]) -> None:
    assert only(answers, "refused") == 0


@checks(("operations", "Lines written"))
def lines_written(store: Store, answers: list[Rows]) -> None:
    assert only(answers, "lines") > len(store.minutes)


@checks(("operations", "Lines written by each run"))
def lines_by_run(store: Store, answers: list[Rows]) -> None:
    found = {row["bucket"]: row["lines"] for row in answers[0]}
    assert set(found) == {SPINE, OPERATORS_BUCKET}
    assert found[SPINE] > len(store.minutes)


@checks(("operations", "How long each run took"))
def took(store: Store, answers: list[Rows]) -> None:
    assert all(row["duration_ms"] > 0 for row in answers[0])
    assert {row["bucket"] for row in answers[0]} == {SPINE, OPERATORS_BUCKET}


@checks(("operations", "Patients published, by database"))
def patients_published(store: Store, answers: list[Rows]) -> None:
    assert {row["bucket"]: row["patients"] for row in answers[0]} == {SPINE: 2, OPERATORS_BUCKET: 1}


@checks(("operations", "Runs"))
def runs(store: Store, answers: list[Rows]) -> None:
    assert {row["bucket"]: (row["patients"], row["refused"], row["deleted"]) for row in answers[0]} == {
        SPINE: (2, 0, 0),
        OPERATORS_BUCKET: (1, 0, 0),
    }


def test_every_panel_has_its_check() -> None:
    assert set(CHECKS) == set(PANELS)


@pytest.mark.parametrize(("dashboard", "title"), PANELS)
def test_a_panel_answers_what_the_store_says(world: World, dashboard: str, title: str) -> None:
    CHECKS[dashboard, title](world.store, world.answers(dashboard, title))


@pytest.mark.parametrize(("dashboard", "title"), PANELS)
def test_a_panel_shows_the_columns_that_its_queries_return(world: World, dashboard: str, title: str) -> None:
    """A field that is set up for another name than the query's would be shown raw."""
    panel = PANELS[dashboard, title]
    if panel["type"] != "table":
        return
    named = {override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]} - {"Time"}
    returned = {name for rows in world.answers(dashboard, title) for row in rows for name in row}
    assert named <= returned


def variables() -> Iterator[tuple[str, str]]:
    for name, built in BUILT.items():
        yield from ((name, one["name"]) for one in built["templating"]["list"] if one["type"] == "query")


@pytest.mark.parametrize(("dashboard", "name"), list(variables()))
def test_a_variable_offers_what_the_store_knows(world: World, dashboard: str, name: str) -> None:
    (variable,) = [one for one in BUILT[dashboard]["templating"]["list"] if one["name"] == name]
    store, rows = world.store, ask(world.rig, world.view(dashboard), variable["query"])
    values = {row["value"] if name == "patient" else row["zone"] for row in rows}
    if name == "patient":
        assert values == {store.anna.pseudonym, store.ida.pseudonym}
    else:
        assert values == {store.anna.zone} | ({store.ida.zone} if dashboard == "alerts" else set())


def test_annotations_mark_alerts_and_what_was_said(world: World) -> None:
    alerts, observed = (
        ask(world.rig, world.view("patient"), one["target"]["query"]) for one in BUILT["patient"]["annotations"]["list"]
    )
    opened = world.store.opened
    assert {(row["rule"], row["text"], row["time"]) for row in alerts} == {
        (one.rule, one.finding.reason, one.at_ms // 1000) for one in opened
    }
    assert {row["code"] for row in observed} == {"pain", "fever", "note"}


def test_another_patients_dashboard_shows_nothing_of_anna(world: World) -> None:
    view = world.view("patient")
    silent = View(view.bucket, view.from_ms, view.to_ms, {"patient": world.store.ida.pseudonym, "zone": "Europe/Lisbon"}, "15m")
    for panel in BUILT["patient"]["panels"]:
        for target in panel["targets"]:
            rows = ask(world.rig, silent, target["query"])
            assert world.store.anna.pseudonym not in json.dumps(rows)
            if "minutes" in target["query"] or '"daily"' in target["query"]:
                assert rows == [], panel["title"]


def test_a_group_sees_nothing_of_another_one(world: World) -> None:
    """Ben is in no group: what is known of him lies in the operators' database alone."""
    for measurement in ("minutes", "daily", "ward", "alerts", "sync"):
        found = world.rig.query(SPINE, f'SHOW TAG VALUES FROM "{measurement}" WITH KEY = "patient"')
        ben: Patient = clinic.find(world.store.app, "Ben")
        assert ben.pseudonym not in {row["value"] for row in found}


def test_unknown_minutes_are_no_zero(world: World) -> None:
    """The silent day: its minutes have a state, unknown, and neither steps nor pulse."""
    silent = [one for one in world.store.judged if not one.summary.has_data]
    assert len(silent) == 1
    begin = silent[0].summary.start_ms // 1000
    view = world.view("patient")
    day = View(view.bucket, begin * 1000, (begin + 86_399) * 1000, view.variables, "1h")
    state, steps = (
        ask(world.rig, day, PANELS["patient", title]["targets"][0]["query"])
        for title in ("Worn, still, moving, unknown", "Steps")
    )
    assert {row["state"] for row in state} == {0}
    assert {row["steps"] for row in steps} <= {None}
    assert NA not in {row["state"] for row in state}


@pytest.mark.parametrize(("dashboard", "title"), PANELS)
def test_a_real_grafana_answers_the_same(world: World, dashboard: str, title: str) -> None:
    url, token = os.environ.get("AFOOT_TEST_GRAFANA_URL"), os.environ.get("AFOOT_TEST_GRAFANA_TOKEN", "")
    if not url:
        pytest.skip("needs a Grafana: AFOOT_TEST_GRAFANA_URL, _TOKEN, and a data source `afoot` on AFOOT_TEST_INFLUX_URL")
    if dashboard == "operations":
        pytest.skip("its data source is another organisation's")
    expected = world.answers(dashboard, title)
    for target, rows in zip(PANELS[dashboard, title]["targets"], expected, strict=True):
        frames = ask_grafana(url.rstrip("/"), token, world.view(dashboard), target)
        found = {value for frame in frames for values in frame.values() for value in values}
        fields = {name for name in target["query"].partition(" FROM ")[0].replace("(", '"').split('"') if name.islower()}
        assert {row[name] for row in rows for name in fields & set(row) if row[name] is not None} <= found


def test_who_was_moved_to_another_group_is_offered_there_alone(influx: Rig, tmp_path: Path) -> None:
    app = open_app(tmp_path)
    try:
        with app.store.writing() as connection:
            ida = people.add_patient(connection, "Ida", "Europe/Lisbon", END_MS)
            spine, other = groups.add_group(connection, "spine"), groups.add_group(connection, "other")
            groups.assign(connection, ida.id, spine.id)
        query = BUILT["patient"]["templating"]["list"][0]["query"]
        offered = []
        for group in (spine, other):
            with app.store.writing() as connection:
                groups.assign(connection, ida.id, group.id)
            assert clinic.run(app, influx).state == "done"
            views = (View(bucket, FROM_MS, TO_MS) for bucket in (SPINE, "afoot_other"))
            offered.append([[row["value"] for row in ask(influx, view, query)] for view in views])
        assert offered == [[[ida.pseudonym], []], [[], [ida.pseudonym]]]
    finally:
        app.close()
