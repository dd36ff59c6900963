"""One patient for each rule: a virtual wearer's days, with trouble of exactly that rule's kind laid over the last of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pytest
from sqlalchemy import select

from afoot.app import App, open_app
from afoot.delivering import send_due
from afoot.evaluating import Checked, check_patients
from afoot.executing import Serial
from devices import virtual
from devices.files.reader import ReadOptions
from devices.files.source import FileSource
from devices.virtual import Trip, Wearer
from ingest import people, prescriptions
from ingest.collect.files import import_files
from ingest.observations import Entry, Said, Source, add_observations
from ingest.people import Patient
from rules import ledger, outbox, routes
from rules.checks import RULES
from rules.finding import Finding, Recipient
from rules.messages import find_told
from rules.outbox import State
from rules.prescription import Prescription, revise
from rules.words_en import ENGLISH
from tests.rules.delivery.servers import Post, Webhook, post, webhook

HOME = "Europe/Berlin"
MINUTE_MS = 60_000
# Days after surgery: known from FIRST on, which is before the best week of `secondary_decline`; judged in the evening of NOW.
FIRST, NOW = 8, 37
HOUR = 18
DAYS_AFTER = 12  # of good days, in which the alert of every rule resolves


@dataclass
class Minutes:
    """A local day by the clock on the wall, as a device recorded it; -1 where it recorded nothing.

    wall: (n,) minute of the day; steps, pulse: (n,)
    """

    start_ms: int
    wall: npt.NDArray[np.int64]
    steps: npt.NDArray[np.int64]
    pulse: npt.NDArray[np.int64]

    def between(self, start: str, end: str) -> npt.NDArray[np.bool_]:
        first, last = (int(one[:2]) * 60 + int(one[3:]) for one in (start, end))
        return (self.wall >= first) & (self.wall < last)


Trouble = Callable[[Minutes, int], None]


def walk(start: str, end: str, spm: int) -> Trouble:
    """So many steps in each minute between two times."""

    def lay(day: Minutes, _: int) -> None:
        day.steps[day.between(start, end)] = spm

    return lay


def share(first: float, change: float = 0.0) -> Trouble:
    """Only this share of the steps, on each further day by so much another."""

    def lay(day: Minutes, nth: int) -> None:
        day.steps = np.floor(day.steps * (first + change * nth)).astype(np.int64)

    return lay


def still(*stretches: tuple[str, str]) -> Trouble:
    """No step between these times."""

    def lay(day: Minutes, _: int) -> None:
        for start, end in stretches:
            day.steps[day.between(start, end)] = 0

    return lay


def stroll(day: Minutes, _: int) -> None:
    """No minute at walking cadence: no walk that counts."""
    day.steps = np.minimum(day.steps, 30)


def nothing(day: Minutes, _: int) -> None:
    """The device recorded nothing."""
    day.steps[:], day.pulse[:] = -1, -1


def off_the_wrist(day: Minutes, _: int) -> None:
    """It lay on a table all day: no pulse, and, as vendors do, steps of zero."""
    waking = day.between("07:00", "22:00")
    day.steps[waking], day.pulse[waking] = 0, -1


def thin(day: Minutes, _: int) -> None:
    """Of the evening and of the night nothing is known: too little to judge the day, enough for one on which it was worn."""
    for start, end in (("16:30", "20:30"), ("01:00", "05:00")):
        day.steps[day.between(start, end)], day.pulse[day.between(start, end)] = -1, -1


def no_evening(day: Minutes, _: int) -> None:
    """Of a day that is known until HOUR nothing more comes."""
    day.steps[day.between("18:00", "24:00")], day.pulse[day.between("18:00", "24:00")] = -1, -1


@dataclass(frozen=True)
class Story:
    """What brings one rule about.

    days: so many days, the last of them the day before NOW; today: NOW itself as well
    """

    rule: str
    trouble: Trouble
    days: int
    today: bool = False
    changes: Mapping[str, Any] = field(default_factory=dict)

    def hit(self, day: int) -> bool:
        return NOW - self.days <= day < NOW + self.today


STORIES = (
    Story("stationary_now", still(("17:00", "18:00")), 0, today=True),
    Story("prolonged_stationary_day", still(("10:00", "13:00"), ("14:00", "17:00")), 5),
    Story("frequency_low", stroll, 4),
    # This wearer passes 50 steps an hour on good days, not the 100 of the default.
    Story(
        "hourly_coverage",
        still(("07:00", "10:30"), ("11:00", "17:30")),
        5,
        changes={"P2.hourly_steps": 50, "P3.hourly_steps": 50},
    ),
    Story("too_long", walk("18:30", "19:10", 60), 1),
    Story("too_brisk", walk("18:30", "18:40", 115), 1),
    Story("spike", walk("17:00", "18:40", 90), 1, changes={"rules.spike.cap_steps": 8000}),
    Story("load_ratio", walk("17:00", "19:30", 90), 3),
    Story("sudden_drop", share(0.3), 2),
    Story("below_floor", share(0.15), 3),
    Story("no_progress", share(0.7, -0.03), 14),
    Story("secondary_decline", share(0.5), 16),
    Story("avoidance_pattern", share(0.15), 9),
    Story("night_activity", walk("03:30", "04:30", 20), 3, today=True, changes={"rules.night_activity.enabled": True}),
    Story("device_silent", nothing, 1, today=True),
    Story("device_fault", walk("18:30", "18:32", 240), 1),
)
BY_RULE = {story.rule: story for story in STORIES}


@dataclass(frozen=True)
class Setting:
    """Where and when it is lived. moves: so many days after surgery, at noon, to another zone."""

    surgery: date = date(2026, 1, 12)
    moves: int | None = None
    zone: str = HOME

    def wearer(self) -> Wearer:
        trips = () if self.moves is None else (Trip(self.surgery + timedelta(days=self.moves), self.zone),)
        return Wearer(5, self.surgery, HOME, trips=trips, faults=0.0)

    def at(self, day: int, hour: int, minute: int = 0) -> int:
        there = self.moves is not None and day > self.moves
        zone = ZoneInfo(self.zone if there else HOME)
        when = self.surgery + timedelta(days=day)
        return round(datetime(when.year, when.month, when.day, hour, minute, tzinfo=zone).timestamp() * 1000)


@cache
def lived(setting: Setting, last: int) -> list[virtual.Day]:
    return virtual.truth(setting.wearer(), virtual.days_from(setting.surgery + timedelta(days=FIRST), last - FIRST + 1))


def recorded(day: virtual.Day, phone: bool = False) -> Minutes:
    wall = (day.at_ms // 1000 + day.offset_s) % 86_400 // 60
    steps = day.phone.astype(np.int64) if phone else day.recorded.astype(np.int64)
    pulse = np.full(len(wall), -1, np.int64) if phone else day.heart_rate.astype(np.int64)
    return Minutes(day.start_ms, wall.astype(np.int64), steps, pulse)


def write_days(days: Sequence[Minutes], until_ms: int, path: Path, device: str) -> Path:
    """Write a table of our own form: steps, a pulse every five minutes, and for which time the device vouches."""
    rows = ["start,end,kind,metric,value,device"]
    for day in days:
        at_ms = day.start_ms + MINUTE_MS * np.arange(len(day.wall))
        known = (day.steps >= 0) & (at_ms < until_ms)
        edges = np.flatnonzero(np.diff(np.concatenate(([0], known.astype(np.int8), [0]))))
        for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            first, last = stamp(day.start_ms + start * MINUTE_MS), stamp(day.start_ms + end * MINUTE_MS)
            rows.append(f"{first},{last},covered,,,{device}")
        stamps = [f"{one}Z" for one in at_ms.astype("datetime64[ms]").astype("datetime64[s]").astype(str).tolist()]
        steps, pulse = day.steps.tolist(), day.pulse.tolist()
        rows += [f"{stamps[one]},,,,{steps[one]},{device}" for one in np.flatnonzero(known & (day.steps > 0)).tolist()]
        beats = np.flatnonzero(known & (day.pulse > 0) & (np.arange(len(known)) % 5 == 4))
        rows += [f"{stamps[one]},,,heart_rate,{pulse[one]},{device}" for one in beats.tolist()]
    path.write_text("\n".join(rows) + "\n")
    return path


def stamp(at_ms: int) -> str:
    return str(np.datetime64(int(at_ms), "ms").astype("datetime64[s]")) + "Z"


@dataclass
class Clinic:
    """All patients of the stories in one store, their people's channels, and a clock that the test moves."""

    app: App
    folder: Path
    setting: Setting
    hook: Webhook
    office: Post
    patients: dict[str, Patient] = field(default_factory=dict)
    now_ms: int = 0

    def admit(self, story: Story, changes: Mapping[str, Any]) -> None:
        surgery = self.setting.surgery
        body = Prescription(author="Dr. B", effective=surgery, reason="fusion", surgery_date=surgery, baseline_steps=5_600)
        own = revise(body, {**story.changes, **changes}, author="Dr. B", effective=surgery, reason="as this patient needs")
        with self.app.store.writing() as connection:
            patient = people.add_patient(connection, story.rule, HOME, 0)
            prescriptions.add_version(connection, patient.id, surgery, own.model_dump(mode="json"), 0)
            if self.setting.moves is not None:
                people.set_zone(connection, patient.id, self.setting.zone, self.setting.at(self.setting.moves, 12))
            routes.add_route(connection, Recipient.PATIENT, self.hook.url(story.rule), patient_id=patient.id)
            if story.rule == "avoidance_pattern":
                said_ms = self.setting.at(NOW - 2, 9)
                add_observations(connection, patient.id, [Entry("pain", 2)], Said(said_ms, Source.PATIENT, "patient", said_ms))
        self.patients[story.rule] = patient

    def give(
        self,
        story: Story,
        first: int,
        last: int,
        *,
        troubles: Sequence[tuple[Callable[[int], bool], Trouble]] = (),
        phone: bool = False,
        until_ms: int = 2**62,
    ) -> None:
        """The device hands over the days first..last, each with the troubles that hit it."""
        days = []
        for row in range(first, last + 1):
            day = recorded(lived(self.setting, NOW + DAYS_AFTER + 1)[row - FIRST], phone)
            for hits, trouble in troubles:
                if hits(row):
                    trouble(day, row - (NOW - story.days))
            days.append(day)
        name = "Phone" if phone else "Watch"
        path = write_days(days, until_ms, self.folder / f"{story.rule}-{name}-{first}-{last}.csv", name)
        patient = self.patients[story.rule]
        files = [FileSource(path, path.name)]
        for outcome in import_files(self.app.store, self.app.archive, patient, files, ReadOptions(ZoneInfo(HOME)), self.now_ms):
            assert not outcome.refused

    def check(self, at_ms: int) -> dict[str, Checked]:
        """Judge everybody, and send."""
        self.now_ms = at_ms
        checked = {one.patient.name: one for one in check_patients(self.app.store, list(self.patients.values()), at_ms, Serial())}
        assert not [one.problem for one in checked.values() if one.problem]
        send_due(self.app)
        return checked

    def opened(self, rule: str) -> list[str]:
        """Return how the rule's alerts of its patient stand, oldest first."""
        with self.app.store.reading() as connection:
            found = ledger.list_alerts(connection, self.patients[rule].id)
        return ["withdrawn" if one.withdrawn else one.standing.value for one in found if one.rule == rule]

    def messages(self, rule: str) -> list[str]:
        """Return to whom the opening of the rule's alert went and arrived on the server, in order."""
        arrived = {*self.hook.ids, *(str(mail["X-Afoot-Id"]) for mail in self.office.got)}
        with self.app.store.reading() as connection:
            table = outbox.transitions
            mine = (table.c.patient_id == self.patients[rule].id, table.c.rule == rule, table.c.kind == "opened")
            queued = connection.execute(select(table).where(*mine).order_by(table.c.at_ms, table.c.id)).all()
            sent = outbox.list_deliveries(connection, patient_id=self.patients[rule].id, state=State.SENT)
            texts = {one.message_id: one for one in connection.execute(select(outbox.deliveries)).all()}
        told = []
        for row in queued:
            if row.message_id in {one.message_id for one in sent}:
                assert row.message_id in arrived
                assert find_told(ENGLISH, rule, Recipient(row.recipient)).seen in texts[row.message_id].text
                told.append(row.recipient)
        return told


@contextmanager
def clinic(
    folder: Path, setting: Setting, monkeypatch: pytest.MonkeyPatch, changes: Callable[[str], Mapping[str, Any]] = lambda _: {}
) -> Iterator[Clinic]:
    """changes: to each patient's prescription, by the rule that the patient is for"""
    app = open_app(folder / "home")
    with webhook() as hook, post() as office:
        made = Clinic(app, folder, setting, hook, office)
        monkeypatch.setattr(App, "now_ms", lambda _: made.now_ms)
        with app.store.writing() as connection:
            routes.add_route(connection, Recipient.THERAPIST, office.url())
            routes.add_route(connection, Recipient.OPERATOR, hook.url("operator"))
        for story in STORIES:
            made.admit(story, changes(story.rule))
        try:
            yield made
        finally:
            app.close()


def finding(checked: Checked, rule: str) -> Finding:
    return next(one for one in checked.findings if one.rule == rule)


FIRST_TOLD = {rule.name: rule.recipients[0].value for rule in RULES}
