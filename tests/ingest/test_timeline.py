"""Several devices, one timeline: cases by hand, and any life against the written rule applied to one minute at a time."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.recording import SpanKind, Stream
from ingest import people, tables
from ingest.local_days import LocalDay, local_days
from ingest.minutes import ABSENT
from ingest.people import Patient
from ingest.store import Store, add, upsert
from ingest.timeline import MARK_EDGE_MIN, Timeline, known_range, read_days, read_timeline
from tests.ingest.making import DAY, MINUTE, counter, evidence, intervals, new_device, open_store

FIRST = date(2026, 3, 2)
T0 = (FIRST - date(1970, 1, 1)).days * DAY


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One store for all tests: each has a patient of its own."""
    with open_store(tmp_path_factory.mktemp("timeline")) as store:
        yield store


@dataclass
class Life:
    """A patient with devices, whose minutes count from midnight UTC of FIRST."""

    store: Store
    name: str
    zone: str = "UTC"
    owners: dict[str, tuple[int, int]] = field(default_factory=dict)

    def device(self, key: str) -> tuple[int, int]:
        if key not in self.owners:
            self.owners[key] = new_device(self.store, self.name, self.zone, key)
        return self.owners[key]

    def say(self, key: str, *streams: Stream) -> None:
        owner = self.device(key)
        with self.store.writing() as connection:
            for stream in streams:
                add(connection, *owner, stream.metric, evidence(stream))

    def steps(self, key: str, minutes: dict[int, int], covered: tuple[tuple[int, int], ...] = ()) -> None:
        rows = [(T0 + at * MINUTE, T0 + at * MINUTE + MINUTE, value) for at, value in minutes.items()]
        self.say(key, intervals(rows, [(T0 + first * MINUTE, T0 + last * MINUTE) for first, last in covered]))

    def still(self, key: str, first: int, last: int) -> None:
        self.steps(key, {}, ((first, last),))

    def pulse(self, key: str, minutes: dict[int, int]) -> None:
        rows = [(T0 + at * MINUTE, T0 + at * MINUTE, value) for at, value in minutes.items()]
        self.say(key, intervals(rows, metric="heart_rate"))

    def mark(self, key: str, kind: SpanKind, first: float, last: float, **attributes: str) -> None:
        patient, device = self.device(key)
        edges = {"start_ms": T0 + round(first * MINUTE), "end_ms": T0 + round(last * MINUTE)}
        row = {"patient_id": patient, "device_id": device, "kind": kind.value} | edges
        with self.store.writing() as connection:
            upsert(connection, tables.spans, [row | {"attributes": json.dumps(attributes)}])

    def prefer(self, key: str, priority: int) -> None:
        patient, _ = self.device(key)
        with self.store.writing() as connection:
            people.set_priority(connection, patient, f"maker/{key}/{self.name}-{key}", priority)

    def patient(self) -> Patient:
        with self.store.reading() as connection:
            return people.find_patient(connection, self.name)

    def timeline(self, first: date = FIRST, last: date = FIRST) -> Timeline:
        patient = self.patient()
        with self.store.reading() as connection:
            return read_timeline(connection, patient, read_days(connection, patient, first, last))


@pytest.fixture
def life(shared_store: Store, request: pytest.FixtureRequest) -> Life:
    return Life(shared_store, request.node.name)


def sources(timeline: Timeline, minutes: range) -> list[str | None]:
    names = [one.device.model for one in timeline.devices]
    return [names[row] if row >= 0 else None for row in timeline.source[minutes.start : minutes.stop].tolist()]


def test_two_devices_are_never_summed(life: Life) -> None:
    walk = dict.fromkeys(range(600, 610), 100)
    life.steps("phone", walk, ((590, 620),))
    life.steps("watch", walk, ((590, 620),))
    timeline = life.timeline()
    assert timeline.steps[600:610].tolist() == [100] * 10
    assert int(timeline.steps[timeline.steps != ABSENT].sum()) == 1000
    assert (timeline.steps != ABSENT).sum() == 30


def test_of_equal_devices_the_one_that_counted_more_then_the_first_by_key(life: Life) -> None:
    life.steps("a", {600: 10, 601: 5, 602: 7})
    life.steps("b", {600: 5, 601: 10, 602: 7})
    timeline = life.timeline()
    assert timeline.steps[600:603].tolist() == [10, 10, 7]
    assert sources(timeline, range(599, 604)) == [None, "a", "b", "a", None]


def test_a_preferred_device_is_believed_even_where_it_counted_less(life: Life) -> None:
    life.steps("a", {600: 90, 601: 80, 602: 70}, ((600, 700),))
    life.steps("b", {600: 60, 601: 0, 603: 50}, ((600, 650),))
    life.prefer("b", 5)
    timeline = life.timeline()
    assert timeline.steps[600:604].tolist() == [60, 0, 0, 50]
    # Where it knows nothing, the other one does.
    assert sources(timeline, range(649, 651)) == ["b", "a"]
    life.prefer("b", -5)
    assert life.timeline().steps[600:604].tolist() == [90, 80, 70, 0]


def test_the_watch_lies_on_the_table_and_the_phone_walks(life: Life) -> None:
    life.still("watch", 0, 1440)
    life.pulse("watch", dict.fromkeys(range(600), 60))
    life.mark("watch", SpanKind.NOT_WORN, 600, 720)
    life.steps("phone", dict.fromkeys(range(630, 660), 80))
    timeline = life.timeline()
    assert sources(timeline, range(628, 632)) == [None, None, "phone", "phone"]
    assert timeline.steps[640] == 80
    assert not timeline.says_worn[640]
    assert timeline.says_worn[599]
    # Where no device is to be believed, what they say about that stands; where the phone knows, it does not.
    assert timeline.not_worn[600:630].all()
    assert not timeline.not_worn[630:660].any()
    assert timeline.not_worn[660:720].all()
    assert not timeline.not_worn[720]


def test_a_mark_begins_and_ends_where_the_steps_do(life: Life) -> None:
    """It is made of samples some minutes apart; steps in its midst are those of a watch that was carried about."""
    steps = {598: 50, 599: 60, 600: 70, 601: 80, 610: 5, 618: 30, 619: 90, 620: 90}
    life.steps("watch", steps, ((590, 630),))
    life.mark("watch", SpanKind.NOT_WORN, 600, 620)
    timeline = life.timeline()
    assert timeline.steps[598:602].tolist() == [50, 60, 70, 80]
    assert timeline.not_worn.nonzero()[0].tolist() == list(range(602, 618))
    assert timeline.steps[610] == ABSENT
    assert timeline.steps[618:621].tolist() == [30, 90, 90]
    # The edges are some minutes, not all of it.
    life.steps("watch", dict.fromkeys(range(600, 620), 40))
    assert life.timeline().not_worn.nonzero()[0].tolist() == list(range(605, 615))


def test_a_watch_on_the_charger_knows_nothing_and_says_so(life: Life) -> None:
    life.still("watch", 0, 1440)
    life.pulse("watch", {610: 70, 650: 65})
    life.mark("watch", SpanKind.CHARGING, 600, 630)
    timeline = life.timeline()
    assert timeline.charging.nonzero()[0].tolist() == list(range(600, 630))
    assert (timeline.steps[600:630] == ABSENT).all()
    assert timeline.heart_rate[610] == ABSENT
    assert timeline.heart_rate[650] == 65
    # It never said that it was not worn: that it says so is not known of it.
    assert not timeline.says_worn.any()


def test_a_pulse_says_which_device_is_worn(life: Life) -> None:
    """A watch that should have a pulse and has none lies somewhere: the phone, which takes none, knows better."""
    life.steps("watch", dict.fromkeys(range(1), 0), ((0, 1440),))
    life.steps("phone", {605: 20, 700: 30}, ((0, 1440),))
    life.pulse("watch", {600: 62, 720: 64})
    timeline = life.timeline()
    assert sources(timeline, range(588, 592)) == ["phone", "phone", "watch", "watch"]
    assert sources(timeline, range(609, 613)) == ["watch", "watch", "phone", "phone"]
    assert timeline.steps[605] == 0
    assert timeline.steps[700] == 30
    assert timeline.heart_rate[[600, 601, 720]].tolist() == [62, ABSENT, 64]


def test_a_device_that_ever_took_a_pulse_takes_one_on_every_day(life: Life) -> None:
    """Whichever days are asked for: the watch takes a pulse on the second day alone."""
    life.still("watch", 0, 2880)
    life.pulse("watch", {2000: 60})
    life.steps("a phone", {600: 9}, ((0, 2880),))
    life.prefer("watch", 9)
    both, first = life.timeline(FIRST, date(2026, 3, 3)), life.timeline()
    assert sources(both, range(599, 602)) == sources(first, range(599, 602)) == ["a phone"] * 3
    assert both.source[:1440].tolist() == first.source.tolist()


def test_the_pulse_is_that_of_the_chosen_device_where_it_has_one(life: Life) -> None:
    life.still("watch", 600, 700)
    life.pulse("watch", {600: 60, 620: 61, 640: 62})
    life.pulse("strap", {600: 100, 605: 101, 640: 102})
    life.mark("strap", SpanKind.NOT_WORN, 605, 606)
    timeline = life.timeline()
    assert timeline.heart_rate[[600, 605, 620, 640]].tolist() == [60, ABSENT, 61, 62]


def test_sleep_of_any_device_and_what_is_awake_within_it(life: Life) -> None:
    life.still("watch", 0, 1440)
    life.mark("ring", SpanKind.SLEEP, 0, 60, stage="light")
    life.mark("ring", SpanKind.SLEEP, 60, 90, stage="awake")
    life.mark("watch", SpanKind.SLEEP, 80, 120, stage="asleep")
    life.mark("watch", SpanKind.IN_BED, 0, 300)
    timeline = life.timeline()
    assert timeline.asleep.nonzero()[0].tolist() == [*range(60), *range(80, 120)]
    assert timeline.recorded.nonzero()[0].tolist() == list(range(120))


def test_a_minute_is_marked_if_half_of_it_or_more_is_wherever_the_day_begins(life: Life) -> None:
    life.mark("watch", SpanKind.NOT_WORN, 600.4, 601.4)
    life.mark("watch", SpanKind.NOT_WORN, 610.6, 611.6)
    life.mark("watch", SpanKind.NOT_WORN, 620.5, 622.5)
    life.mark("watch", SpanKind.NOT_WORN, 631.5, 633.5)
    life.mark("watch", SpanKind.NOT_WORN, 640.4, 640.45)
    day = life.timeline()
    assert day.not_worn.nonzero()[0].tolist() == [600, 611, 621, 622, 632, 633]
    # From days that begin an odd number of minutes later, the same.
    odd = [LocalDay(FIRST, T0 + 59 * MINUTE, T0 + DAY, np.zeros(1381, dtype=np.int16))]
    with life.store.reading() as connection:
        again = read_timeline(connection, life.patient(), odd)
    assert again.not_worn.tolist() == day.not_worn[59:].tolist()


def test_a_patient_without_devices_is_unknown_throughout(life: Life) -> None:
    with life.store.writing() as connection:
        patient = people.add_patient(connection, life.name, "Europe/Berlin", 0)
        assert known_range(connection, patient) is None
    timeline = life.timeline(date(2026, 3, 28), date(2026, 3, 29))
    assert len(timeline.steps) == 1440 + 1380
    assert (timeline.steps == ABSENT).all()
    assert (timeline.source == -1).all()
    assert not (timeline.says_worn | timeline.not_worn | timeline.charging | timeline.asleep).any()
    assert timeline.resolution_s.tolist() == [60, 60]


def test_a_date_that_nobody_lived_has_no_days(life: Life) -> None:
    with life.store.writing() as connection:
        patient = people.add_patient(connection, life.name, "Pacific/Apia", 0)
        assert read_days(connection, patient, date(2011, 12, 30), date(2011, 12, 30)) == []


def test_of_two_clocks_that_disagree_the_same_device_is_believed_as_of_two_counts(life: Life) -> None:
    """`a` is in New York from Tuesday noon on, `b` stayed in Berlin."""
    life.zone = "Europe/Berlin"
    rows = [("a", 12 * 60, -4), ("b", 12 * 60, 2), ("a", 24 * 60, -4), ("b", 24 * 60, 2)]
    base = (date(2026, 5, 5) - FIRST).days * 1440
    for key, minute, offset_h in rows:
        patient, device = life.device(key)
        row = {"patient_id": patient, "device_id": device, "at_ms": T0 + (base + minute) * MINUTE, "offset_s": offset_h * 3600}
        with life.store.writing() as connection:
            upsert(connection, tables.offsets, [row])

    def hours() -> list[int]:
        patient = life.patient()
        with life.store.reading() as connection:
            days = read_days(connection, patient, date(2026, 5, 5), date(2026, 5, 6))
        return [len(day) // 60 for day in days]

    assert hours() == [30, 24]
    life.prefer("b", 1)
    assert hours() == [24, 24]
    life.prefer("a", 2)
    assert hours() == [30, 24]


def test_a_local_day_is_made_of_two_utc_days(life: Life) -> None:
    life.zone = "Asia/Tokyo"
    life.steps("watch", {899: 5, 900: 1, 1439: 2, 1440: 3, 2339: 4, 2340: 6}, ((0, 2880),))
    timeline = life.timeline(date(2026, 3, 3), date(2026, 3, 3))
    assert timeline.days[0].start_ms == T0 + 900 * MINUTE
    assert {int(at): int(timeline.steps[at]) for at in timeline.steps.nonzero()[0]} == {0: 1, 539: 2, 540: 3, 1439: 4}
    assert len(timeline.steps) == 1440


@pytest.mark.parametrize(
    ("day", "first", "last"), [(date(2026, 3, 29), 1380, 2760), (date(2026, 10, 25), 1320, 2820)], ids=["23 hours", "25 hours"]
)
def test_days_of_23_and_25_hours_hold_all_of_their_minutes(life: Life, day: date, first: int, last: int) -> None:
    """A step every minute for three UTC days: a day's total is its length."""
    life.zone = "Europe/Berlin"
    base = ((day - FIRST).days - 1) * 1440
    life.steps("watch", {base + minute: 1 for minute in range(3 * 1440)})
    timeline = life.timeline(day, day)
    assert timeline.days[0].start_ms == T0 + (base + first) * MINUTE
    assert int(timeline.steps.sum()) == last - first


def quarter_hours(first: int, last: int, value: int) -> Stream:
    return intervals([(T0 + at * MINUTE, T0 + (at + 15) * MINUTE, value) for at in range(first, last, 15)])


def test_the_resolution_is_that_of_what_the_day_is_made_of(life: Life) -> None:
    life.say("phone", quarter_hours(0, 1440, 150))
    assert life.timeline().resolution_s.tolist() == [900]
    # A watch worn all day takes the phone's place, and with it its resolution.
    life.steps("watch", dict.fromkeys(range(1440), 20))
    life.prefer("watch", 1)
    assert life.timeline().resolution_s.tolist() == [60]
    # A little of the phone does not spoil the day; more of it does.
    life.mark("watch", SpanKind.NOT_WORN, 600, 750)
    assert life.timeline().resolution_s.tolist() == [60]
    life.mark("watch", SpanKind.NOT_WORN, 750, 760)
    assert life.timeline().resolution_s.tolist() == [900]


def test_the_resolution_of_local_days_that_share_a_utc_day(life: Life) -> None:
    life.zone = "America/New_York"
    life.say("phone", quarter_hours(1440, 2880, 150))
    life.steps("watch", dict.fromkeys(range(1440), 20))
    # 5 of the first day's 24 hours lie on the coarse UTC day, 19 of the next one's do.
    assert life.timeline(FIRST, date(2026, 3, 3)).resolution_s.tolist() == [900, 900]
    life.mark("phone", SpanKind.NOT_WORN, 1440, 1440 + 190)
    assert life.timeline(FIRST, date(2026, 3, 3)).resolution_s.tolist() == [60, 900]


def test_a_day_made_by_a_dozen_devices_has_a_resolution(life: Life) -> None:
    for number in range(12):
        life.say(f"d{number:02}", intervals([(T0 + number * 30 * MINUTE, T0 + (number * 30 + 2 + number) * MINUTE, 1)]))
        life.mark(f"d{number:02}", SpanKind.NOT_WORN, number * 30 - 10, number * 30 + number)
    assert life.timeline().resolution_s.tolist() == [13 * 60]


def test_what_was_counted_and_has_no_minutes_is_told(life: Life) -> None:
    rows = [(T0 + 600 * MINUTE, T0, 6, 500), (T0 + 610 * MINUTE, T0, 6, 520)]
    life.say("watch", counter(rows))
    timeline = life.timeline()
    assert timeline.unplaced == 500
    assert int(timeline.steps[timeline.steps != ABSENT].sum()) == 20


def test_the_known_range_holds_every_minute_in_any_zone(life: Life) -> None:
    life.zone = "Pacific/Kiritimati"
    life.steps("watch", {1439: 5, 1440: 5})
    with life.store.reading() as connection:
        first, last = known_range(connection, life.patient()) or (date.max, date.min)
    assert (first, last) == (date(2026, 3, 1), date(2026, 3, 4))
    days = local_days([(-(2**62), life.zone)], first, last)
    assert days[0].start_ms <= T0 + 1439 * MINUTE < T0 + 1441 * MINUTE <= days[-1].end_ms


@pytest.mark.parametrize(("first", "last"), [(1440, 1450), (1430, 1440), (1430, 1450), (1437, 1442), (1000, 1441), (1439, 1900)])
def test_a_mark_at_midnight_has_its_edges_whichever_days_are_asked_for(life: Life, first: int, last: int) -> None:
    life.steps("watch", dict.fromkeys(range(2880), 10))
    life.mark("watch", SpanKind.NOT_WORN, first, last)
    expected = np.full(2880, 10)
    expected[first + MARK_EDGE_MIN : last - MARK_EDGE_MIN] = ABSENT
    second = date(2026, 3, 3)
    assert life.timeline(FIRST, second).steps.tolist() == expected.tolist()
    assert life.timeline().steps.tolist() == expected[:1440].tolist()
    assert life.timeline(second, second).steps.tolist() == expected[1440:].tolist()


@dataclass
class Worn:
    """What one device of any life says, minute by minute. A mark: (kind, stage, first second, last second)."""

    priority: int
    steps: dict[int, int]
    pulse: dict[int, int]
    marks: list[tuple[SpanKind, str, int, int]]


SPAN = 1440 + 240  # minutes that devices may speak of
STRETCHES = st.lists(st.tuples(st.integers(0, SPAN - 1), st.integers(1, 400), st.integers(0, 3)), max_size=4)
MARKS = st.lists(
    st.tuples(
        st.sampled_from([SpanKind.NOT_WORN, SpanKind.CHARGING, SpanKind.SLEEP]),
        st.sampled_from(["light", "awake"]),
        st.integers(0, SPAN * 60),
        st.integers(1, 300 * 60),
    ),
    max_size=4,
    unique_by=lambda mark: (mark[0], mark[2]),
)


@st.composite
def devices(draw: st.DrawFn) -> Worn:
    steps: dict[int, int] = {}
    for first, length, value in draw(STRETCHES):
        steps |= {minute: (value * minute) % 5 for minute in range(first, min(first + length, SPAN))}
    pulse = {minute: 50 + minute % 40 for minute in draw(st.lists(st.integers(0, SPAN - 1), max_size=12))}
    marks = [(kind, stage, first, first + length) for kind, stage, first, length in draw(MARKS)]
    return Worn(draw(st.integers(-1, 1)), steps, pulse, marks)


def marked(one: Worn, minute: int, *kinds: SpanKind, stages: tuple[str, ...] = ("light", "awake")) -> bool:
    """Is half of this minute or more, from its first half second on, within one of these marks?"""
    return any(
        kind in kinds and (kind is not SpanKind.SLEEP or stage in stages) and (first + 30) // 60 <= minute < (last + 30) // 60
        for kind, stage, first, last in one.marks
    )


def is_off(one: Worn, minute: int) -> bool:
    """Marked off the body, but for the up to five minutes with steps by which a mark begins or ends late."""

    def mark(at: int) -> bool:
        return marked(one, at, SpanKind.NOT_WORN, SpanKind.CHARGING)

    def reaches_an_edge(direction: int) -> bool:
        at = minute
        while mark(at) and one.steps.get(at, 0) > 0:
            at += direction
        return not mark(at) and abs(at - minute) <= 5

    return mark(minute) and not (reaches_an_edge(-1) or reaches_an_edge(1))


def believed(worn: dict[str, Worn], minute: int) -> str | None:
    """The rule as it is written, for one minute."""
    candidates = []
    for key, one in worn.items():
        if minute not in one.steps or is_off(one, minute):
            continue
        near = any(abs(minute - at) <= 10 for at in one.pulse)
        trust = 2 if near else 0 if one.pulse else 1
        candidates.append((-trust, -one.priority, -one.steps[minute], key))
    return min(candidates)[-1] if candidates else None


@given(worn=st.dictionaries(st.sampled_from("abcd"), devices(), max_size=3), zone=st.sampled_from(["UTC", "Asia/Tokyo"]))
@settings(max_examples=40, deadline=None)
def test_any_life_follows_the_rule_minute_by_minute(
    shared_store: Store, tmp_path_factory: pytest.TempPathFactory, worn: dict[str, Worn], zone: str
) -> None:
    with shared_store.reading() as connection:
        life = Life(shared_store, f"any {len(people.list_patients(connection))}", zone)
    life.device("z")  # a device that never said anything
    for key, one in worn.items():
        life.steps(key, one.steps)
        life.pulse(key, one.pulse)
        life.prefer(key, one.priority)
        for kind, stage, first, last in one.marks:
            life.mark(key, kind, first / 60, last / 60, stage=stage)
    timeline = life.timeline(FIRST, date(2026, 3, 4))
    start = (timeline.days[0].start_ms - T0) // MINUTE
    found = dict(enumerate(zip(sources(timeline, range(len(timeline.steps))), timeline.steps.tolist(), strict=True), start))
    by_trust = sorted(worn, key=lambda key: (-worn[key].priority, key))
    for minute in range(max(start, 0), SPAN):
        key = believed(worn, minute)
        assert found[minute] == (key, ABSENT if key is None else worn[key].steps[minute]), minute
        at = minute - start
        off = {other for other in worn if is_off(worn[other], minute)}
        order = [other for other in ([key] if key else []) + by_trust if other not in off and minute in worn[other].pulse]
        assert timeline.heart_rate[at] == (worn[order[0]].pulse[minute] if order else ABSENT)
        says = key is not None and any(kind is SpanKind.NOT_WORN for kind, *_ in worn[key].marks)
        assert timeline.says_worn[at] == says
        for column, kinds, stages in (
            (timeline.asleep, (SpanKind.SLEEP,), ("light",)),
            (timeline.recorded, (SpanKind.SLEEP,), ("light", "awake")),
        ):
            assert column[at] == any(marked(one, minute, *kinds, stages=stages) for one in worn.values())
        for column, kind in ((timeline.not_worn, SpanKind.NOT_WORN), (timeline.charging, SpanKind.CHARGING)):
            assert column[at] == (key is None and any(marked(one, minute, kind) for one in worn.values()))
    assert (timeline.source[SPAN - start :] == -1).all()
