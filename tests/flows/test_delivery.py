"""From the bytes of a virtual wearer's watch to the messages that people get, on real servers of this machine."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from afoot.app import App
from devices import virtual
from devices.virtual import Habit, Wearer
from tests.afoot.conftest import Program
from tests.rules.delivery.servers import Post, Webhook, post, webhook

SURGERY = date(2026, 2, 16)
ZONE = ZoneInfo("Europe/Berlin")
OVERDOING = Wearer(14, SURGERY, habit=Habit.OVERDOING)
CAP_MIN, SPARE = 10, 1.2  # P1: longest single walk, and by how much it may be passed: MOVEMENT.md, 5 and 6


@dataclass
class Clinic:
    """The program at an instant that the test sets, with a mail server for therapists and a webhook each for the others."""

    program: Program
    folder: Path
    phone: Webhook
    office: Post
    operator: Webhook
    now_ms: int = 0
    pseudonyms: dict[str, str] = field(default_factory=dict)

    def at(self, day: int, hour: int, minute: int = 0) -> "Clinic":
        """Go to a time of the wall clock, so many days after surgery."""
        when = datetime(SURGERY.year, SURGERY.month, SURGERY.day, hour, minute, tzinfo=ZONE) + timedelta(days=day)
        self.now_ms = round(when.timestamp() * 1000)
        return self

    def admit(self, wearer: Wearer) -> None:
        name = wearer.name
        self.pseudonyms[name] = self.program.ok("patient", "add", name, "--zone", wearer.zone, "--json").json["pseudonym"]
        about = ("--effective", SURGERY, "--surgery", SURGERY, "--reason", "fusion", "--baseline", wearer.baseline)
        self.program.ok("prescription", "set", name, "--author", "Dr. B", *about)

    def channel(self, role: str, url: str, *arguments: str) -> None:
        (path := self.folder / "url").write_text(url)
        self.program.ok("notify", "add", role, "--url-file", path, *arguments)

    def sync(self, wearer: Wearer, first: int, last: int) -> None:
        """The watch hands over its days first..last, both included."""
        folder = self.folder / f"{wearer.name}-{first}-{last}"
        virtual.write_fit(wearer, virtual.days_from(SURGERY + timedelta(days=first), last - first + 1), folder, syncs=1)
        self.program.ok("import", folder, "--patient", wearer.name)

    def judge(self) -> list[str]:
        """Judge and send, and both again: that must say nothing new. Returns what was told, by rule."""
        told = [said["rule"] for one in self.program.ok("check", "--json").lines for said in one["told"]]
        self.program.ok("notify", "flush")
        assert [one["told"] for one in self.program.ok("check", "--json").lines] == [[] for _ in self.pseudonyms]
        assert self.program.ok("notify", "flush", "--json").json == []
        return told

    def titles(self) -> dict[str, list[str]]:
        return {
            "patient": [body["title"] for body in self.phone.bodies()],
            "therapist": [str(mail["Subject"]) for mail in self.office.got],
            "operator": [body["title"] for body in self.operator.bodies()],
        }


@pytest.fixture
def clinic(afoot: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clinic]:
    with webhook() as phone, post() as office, webhook() as operator:
        made = Clinic(afoot, tmp_path, phone, office, operator)
        monkeypatch.setattr(App, "now_ms", lambda _: made.now_ms)
        made.at(0, 8)
        made.admit(OVERDOING)
        made.channel("patient", phone.url(), "--patient", OVERDOING.name)
        made.channel("therapist", office.url())
        made.channel("operator", operator.url())
        yield made


def longest_walk_min(day: int) -> int:
    """By the wearer's own truth, not by what the watch wrote."""
    (lived,) = virtual.truth(OVERDOING, [SURGERY + timedelta(days=day)])
    return max((walk.minutes for walk in lived.walks), default=0)


def test_a_week_of_overdoing_reaches_each_person_once(clinic: Clinic) -> None:
    told = []
    for day in range(6):
        clinic.at(day + 1, 10).sync(OVERDOING, day, day)
        told.append(clinic.judge())
        long = longest_walk_min(day) > CAP_MIN * SPARE
        assert long or "too_long" not in told[-1], (day, longest_walk_min(day))
    assert told == [[], ["too_brisk"], [], ["too_long"], ["frequency_low"], ["frequency_low", "hourly_coverage", "too_long"]]
    assert clinic.titles() == {
        "patient": [
            "Your movement: a fast walk",
            "Your movement: a long walk",
            "Your movement: your walks",
            "Your movement: a long walk",
        ],
        # The second walk beyond the cap within seven days is the therapist's as well, and so is what nobody answered for a day.
        "therapist": [f"{OVERDOING.name}: 3 notes"],
        "operator": [],
    }
    assert len(set(clinic.phone.ids)) == len(clinic.phone.ids)
    # What the patient reads is the walk that was walked.
    (minutes,) = re.findall(r"\((\d+) min\)", clinic.phone.bodies()[1]["message"])
    assert abs(int(minutes) - longest_walk_min(3)) <= 1
    (mail,) = clinic.office.got
    for text in ("Nobody has acknowledged this yet", "Prescription version: 1", "Coverage: ", "Wear source: "):
        assert text in mail.get_content()


def test_what_is_acknowledged_goes_no_further(clinic: Clinic) -> None:
    clinic.at(5, 10).sync(OVERDOING, 0, 4)
    assert "frequency_low" in clinic.judge()
    (alert,) = [one for one in clinic.program.ok("alerts", "--open", "--json").json if one["rule"] == "frequency_low"]
    clinic.at(5, 11).program.ok("ack", alert["alert"], "--by", "M. Lang", "--note", "spoke with him")
    clinic.at(6, 12).sync(OVERDOING, 5, 5)
    clinic.judge()
    assert not any("Nobody has acknowledged" in mail.get_content() for mail in clinic.office.got)
    (still,) = [one for one in clinic.program.ok("alerts", "--open", "--json").json if one["rule"] == "frequency_low"]
    assert (still["state"], still["acknowledged_by"]) == ("acknowledged", "M. Lang")


def test_at_night_the_patient_sleeps_and_the_message_waits(clinic: Clinic) -> None:
    clinic.at(2, 3).sync(OVERDOING, 0, 1)
    assert clinic.judge() == ["too_brisk"]
    assert clinic.phone.got == []
    clinic.at(2, 6, 59).program.ok("notify", "flush")
    assert clinic.phone.got == []
    clinic.at(2, 7).program.ok("notify", "flush")
    assert clinic.titles()["patient"] == ["Your movement: a fast walk"]


def test_a_silent_watch_is_the_operators_and_never_an_inactive_patient(clinic: Clinic) -> None:
    clinic.at(1, 10).sync(OVERDOING, 0, 0)
    clinic.judge()
    before = clinic.titles()
    for day in range(2, 7):
        clinic.at(day, 10).judge()
    after = clinic.titles()
    assert after["therapist"] == before["therapist"]
    assert {title.removeprefix("Your movement: ") for title in after["patient"]} <= {"nothing heard from your wearable"}
    assert after["operator"]
    assert set(after["operator"]) == {f"{clinic.pseudonyms[OVERDOING.name]}: no data from the wearable"}
    assert OVERDOING.name not in "".join(body["message"] for body in clinic.operator.bodies())
    # A warning sign is no finding of a rule: silence holds nothing back.
    clinic.at(6, 23).program.ok("observe", OVERDOING.name, "--red-flag", "new_weakness")
    assert clinic.titles()["therapist"][-1] == f"[urgent] {OVERDOING.name}: warning sign answered with yes"
    # The watch hands over all of it at last. What was so on those days is in the record; told is what is so now.
    clinic.at(7, 10).sync(OVERDOING, 1, 6)
    told = clinic.judge()
    record = clinic.program.ok("alerts", "--json").json
    # One walk too long lies in those days, and was over before they were known: nobody hears of it.
    assert [one["rule"] for one in record if one["state"] == "resolved"] == ["too_long"]
    assert told == sorted(one["rule"] for one in record if one["state"] == "open" and one["rule"] != "red_flag")
    assert "device_silent" not in told


def test_a_channel_that_is_down_keeps_nobody_else_waiting_and_repeats_with_one_id(clinic: Clinic) -> None:
    other = Wearer(15, SURGERY, habit=Habit.OVERDOING)
    clinic.admit(other)
    with webhook() as second:
        clinic.channel("patient", second.url(), "--patient", other.name)
        clinic.phone.statuses = [503]
        clinic.at(5, 10)
        for wearer in (OVERDOING, other):
            clinic.sync(wearer, 0, 4)
        clinic.program.ok("check")
        assert clinic.program("notify", "flush").code == 1
        assert len(second.got) == 1
        clinic.phone.statuses = [200]
        clinic.at(5, 11).program.ok("notify", "flush")
        assert len(set(clinic.phone.ids)) == 1
        assert len(clinic.phone.ids) == 2
        assert len(second.got) == 1
        assert clinic.phone.got[0][1] == clinic.phone.got[1][1]


def test_a_warning_sign_stays_open_until_somebody_says_that_it_is_looked_after(clinic: Clinic) -> None:
    """At night, from a silent watch, after surgery or before: it waits for no check, and no check closes it."""
    name, ok = OVERDOING.name, clinic.program.ok
    sign = f"[urgent] {name}: warning sign answered with yes"
    waits = f"[urgent] {clinic.pseudonyms[name]}: an urgent alert waits for a therapist"
    clinic.at(3, 2).judge()
    clinic.operator.got.clear()
    clinic.at(3, 2, 30).program.ok("observe", name, "--red-flag", "saddle_numbness")
    assert clinic.titles() == {"patient": [], "therapist": [sign], "operator": []}
    (alert,) = [one for one in ok("alerts", "--open", "--json").json if one["rule"] == "red_flag"]
    assert (alert["state"], alert["priority"], alert["measured"]) == ("open", "high", {"saddle_numbness": 1})
    # Nobody answers: in turn the therapist and who runs the service, at night, without a check in between.
    for minute, therapist, operator in ((59, 1, 0), (60, 2, 0), (89, 2, 0), (90, 2, 1), (120, 3, 1), (150, 3, 2), (900, 3, 2)):
        clinic.at(3, 2 + minute // 60, minute % 60).program.ok("notify", "flush")
        assert clinic.titles()["therapist"] == [sign] * therapist, minute
        assert clinic.titles()["operator"].count(waits) == operator, minute
    assert name not in "".join(body["message"] for body in clinic.operator.bodies())
    assert "saddle" not in "".join(body["message"] for body in clinic.operator.bodies())
    # Checks come and go, data too, the past is judged again: it stays as it is.
    clinic.at(4, 12).sync(OVERDOING, 0, 3)
    clinic.judge()
    clinic.at(4, 13).program.ok("check", "--backfill")
    assert [one for one in ok("alerts", "--open", "--json").json if one["rule"] == "red_flag"] == [alert]
    assert "acknowledged" in clinic.program.fails(2, "close", alert["alert"], "--by", "M. Lang", "--note", "seen")
    ok("ack", alert["alert"], "--by", "M. Lang", "--note", "called; comes in")
    said = clinic.at(4, 14).titles()
    ok("notify", "flush")
    clinic.at(4, 18).program.ok("notify", "flush")
    assert clinic.titles()["therapist"] == said["therapist"]
    # Said again, somebody has to look again.
    ok("observe", name, "--red-flag", "new_weakness")
    assert clinic.titles()["therapist"] == [*said["therapist"], sign]
    (again,) = [one for one in ok("alerts", "--open", "--json").json if one["rule"] == "red_flag"]
    assert (again["alert"], again["state"], again["measured"]) == (alert["alert"], "open", {"new_weakness": 1})
    ok("ack", alert["alert"], "--by", "M. Lang", "--note", "called again")
    closed = ok("close", alert["alert"], "--by", "M. Lang", "--note", "scan clear", "--json").json
    assert (closed["state"], closed["closed_by"], closed["closing_note"]) == ("resolved", "M. Lang", "scan clear")
    assert "expected an open one" in clinic.program.fails(2, "close", alert["alert"], "--by", "x", "--note", "y")
    assert "expected an open one" in clinic.program.fails(2, "ack", alert["alert"], "--by", "x", "--note", "y")
