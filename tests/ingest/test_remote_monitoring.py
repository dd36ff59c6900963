"""Days with data, minutes, live contacts: against counting minute by minute, over clock changes, months and journeys."""

from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from devices.recording import Stream
from ingest import people
from ingest.errors import Conflict, NotKnown
from ingest.people import Patient
from ingest.remote_monitoring import (
    CONTACTS,
    Care,
    CareKind,
    add_care,
    find_care,
    find_data_days,
    list_care,
    local_date,
    read_evidence,
    withdraw_care,
)
from ingest.store import Store, add
from tests.ingest.making import DAY, MINUTE, evidence, intervals, new_device

BERLIN = ZoneInfo("Europe/Berlin")


def ms(zone: ZoneInfo, *parts: int) -> int:
    return round(datetime(*parts, tzinfo=zone).timestamp() * 1000)  # type: ignore[misc, arg-type]  # parts are the date's


def patient(store: Store, name: str = "p", zone: str = "Europe/Berlin") -> Patient:
    with store.writing() as connection:
        return people.add_patient(connection, name, zone, 0)


def say(store: Store, *streams: Stream, name: str = "p", key: str = "ring") -> None:
    owner = new_device(store, name, key=key)
    with store.writing() as connection:
        for stream in streams:
            add(connection, *owner, stream.metric, evidence(stream))


def minute(at_ms: int, metric: str = "steps") -> Stream:
    return intervals([(at_ms, at_ms + MINUTE, 70)], metric=metric)


def data_days(store: Store, owner: Patient, first: date, last: date) -> list[date]:
    with store.reading() as connection:
        return find_data_days(connection, owner, first, last)


def keep(store: Store, owner: Patient, at_ms: int, kind: CareKind, minutes: int, *, live: bool = False) -> int:
    with store.writing() as connection:
        return add_care(connection, owner.id, Care(at_ms, kind, minutes, "M. Lang", 0, live)).number


def test_one_minute_makes_a_day_and_a_second_device_no_second_one(store: Store) -> None:
    owner = patient(store)
    say(store, minute(ms(BERLIN, 2026, 3, 3, 0, 0)), minute(ms(BERLIN, 2026, 3, 4, 23, 59)))
    say(store, minute(ms(BERLIN, 2026, 3, 4, 12, 0)), minute(ms(BERLIN, 2026, 3, 6, 12, 0), "heart_rate"), key="watch")
    # An hour in which a device vouches that nobody stepped is data: zero is known.
    still = ms(BERLIN, 2026, 3, 8, 12, 0)
    say(store, intervals([], [(still, still + 60 * MINUTE)]))
    expected = [date(2026, 3, day) for day in (3, 4, 6, 8)]
    assert data_days(store, owner, date(2026, 3, 1), date(2026, 3, 31)) == expected
    assert data_days(store, owner, date(2026, 3, 4), date(2026, 3, 6)) == expected[1:3]
    assert data_days(store, owner, date(2025, 1, 1), date(2025, 1, 31)) == []


def test_nobody_else_is_counted(store: Store) -> None:
    anna = patient(store, "anna")
    patient(store, "ben")
    say(store, minute(ms(BERLIN, 2026, 3, 3, 12, 0)), name="ben")
    assert data_days(store, anna, date(2026, 3, 1), date(2026, 3, 5)) == []


@pytest.mark.parametrize(
    ("zone", "first"),
    [
        ("Europe/Berlin", date(2026, 3, 15)),  # 23 hours on the 29th
        ("Europe/Berlin", date(2026, 10, 10)),  # 25 hours on the 25th
        ("America/New_York", date(2026, 2, 20)),
        ("Australia/Lord_Howe", date(2026, 3, 20)),  # half an hour
        ("Asia/Kathmandu", date(2026, 1, 1)),
        ("Africa/Casablanca", date(2026, 2, 1)),
    ],
)
def test_days_as_counted_minute_by_minute(store: Store, zone: str, first: date) -> None:
    owner, clock, chance = patient(store, zone=zone), ZoneInfo(zone), Random(f"{zone}{first}")
    begin = (first - date(1970, 1, 1)).days * DAY
    instants = sorted({begin + chance.randrange(30 * 1440) * MINUTE for _ in range(24)})
    # The last minute before a local midnight and the first after one.
    for day in (first + timedelta(days=9), first + timedelta(days=14)):
        instants.append(round(datetime(day.year, day.month, day.day, tzinfo=clock).timestamp() * 1000) - MINUTE)
    say(store, *(minute(at) for at in instants))
    expected = sorted({datetime.fromtimestamp(at / 1000, UTC).astimezone(clock).date() for at in instants})
    last = first + timedelta(days=29)
    assert data_days(store, owner, first, last) == [day for day in expected if first <= day <= last]


def test_the_rolling_days_end_with_the_month_or_today(store: Store) -> None:
    owner = patient(store)
    for day in range(45):
        say(store, minute(ms(BERLIN, 2026, 2, 1, 12, 0) + day * DAY))
    with store.reading() as connection:
        march = read_evidence(connection, owner, date(2026, 3, 7), date(2026, 3, 10))
        february = read_evidence(connection, owner, date(2026, 2, 1), date(2026, 3, 10))
    assert (march.first, march.last, len(march.data_days)) == (date(2026, 2, 9), date(2026, 3, 10), 30)
    assert (february.first, february.last, len(february.data_days)) == (date(2026, 1, 30), date(2026, 2, 28), 28)


def test_minutes_and_live_contacts_of_a_month_of_the_patients_clock(store: Store) -> None:
    owner = patient(store, zone="Pacific/Auckland")
    clock = ZoneInfo(owner.zone)
    keep(store, owner, ms(clock, 2026, 3, 31, 23, 59), CareKind.REVIEW, 7)
    keep(store, owner, ms(clock, 2026, 4, 1, 0, 0), CareKind.REVIEW, 5)
    keep(store, owner, ms(clock, 2026, 4, 5, 2, 30), CareKind.CALL, 12, live=True)  # the hour that comes twice
    keep(store, owner, ms(clock, 2026, 4, 6, 9, 0), CareKind.CALL, 1)  # nobody answered
    keep(store, owner, ms(clock, 2026, 4, 7, 9, 0), CareKind.MESSAGE, 3)
    keep(store, owner, ms(clock, 2026, 4, 30, 23, 59), CareKind.VIDEO, 8, live=True)
    keep(store, owner, ms(clock, 2026, 5, 1, 0, 0), CareKind.VISIT, 30, live=True)
    with store.reading() as connection:
        march, april, may = (read_evidence(connection, owner, date(2026, month, 15), date(2026, 6, 1)) for month in (3, 4, 5))
    assert [(one.review_min, one.contact_min, one.live_contacts, len(one.contacts)) for one in (march, april, may)] == [
        (7, 0, 0, 0), (5, 24, 2, 4), (0, 30, 1, 1),
    ]  # fmt: skip


def test_sums_are_those_of_any_log_counted_by_hand(store: Store) -> None:
    owner, chance = patient(store), Random(3)
    log = []
    for _ in range(60):
        at = ms(BERLIN, 2026, 9, 20, 0, 0) + chance.randrange(60 * 1440) * MINUTE
        kind = chance.choice(list(CareKind))
        live = kind in (CareKind.CALL, CareKind.VIDEO, CareKind.VISIT) and chance.random() < 0.5
        log.append((at, kind, chance.randint(1, 40), live))
        keep(store, owner, *log[-1][:3], live=live)
    for month in (9, 10, 11):
        with store.reading() as connection:
            found = read_evidence(connection, owner, date(2026, month, 1), date(2026, 12, 1))
        mine = [one for one in log if datetime.fromtimestamp(one[0] / 1000, BERLIN).month == month]
        assert found.review_min == sum(minutes for _, kind, minutes, _ in mine if kind is CareKind.REVIEW)
        assert found.contact_min == sum(minutes for _, kind, minutes, _ in mine if kind in CONTACTS)
        assert found.live_contacts == sum(live for *_, live in mine)
        assert [one.care.at_ms for one in found.care] == sorted(at for at, *_ in mine)


def test_the_log_is_corrected_and_nothing_of_it_is_lost(store: Store) -> None:
    owner = patient(store)
    at = ms(BERLIN, 2026, 3, 3, 12, 0)
    first = keep(store, owner, at, CareKind.CALL, 20, live=True)
    second = keep(store, owner, at, CareKind.REVIEW, 5)
    with store.writing() as connection:
        shorter = add_care(connection, owner.id, Care(at, CareKind.CALL, 2, "M. Lang", 1, note="[b]no answer"), replaces=first)
        withdraw_care(connection, owner.id, second, "M. Lang", 2)
        assert find_care(connection, owner.id, shorter.number) == shorter
    with store.reading() as connection:
        assert list_care(connection, owner.id, at, at + 1) == [shorter]
        history = list_care(connection, owner.id, at, at + 1, history=True)
        assert list_care(connection, owner.id, at + 1, at + DAY) == []
    assert [(one.number, one.replaces, one.withdrawn) for one in history] == [
        (1, None, False), (2, None, False), (3, 1, False), (4, 2, True),
    ]  # fmt: skip
    for number, error in ((first, Conflict), (second, Conflict), (4, Conflict), (9, NotKnown)):
        with pytest.raises(error), store.writing() as connection:
            withdraw_care(connection, owner.id, number, "x", 3)


@pytest.mark.parametrize(
    ("care", "expected"),
    [
        (Care(0, CareKind.CALL, 0, "x", 0), "1 to 600"),
        (Care(0, CareKind.CALL, 601, "x", 0), "1 to 600"),
        (Care(0, CareKind.MESSAGE, 5, "x", 0, live=True), "never live"),
        (Care(0, CareKind.REVIEW, 5, "x", 0, live=True), "never live"),
        (Care(0, CareKind.CALL, 5, "", 0), "by '': expected printable"),
        (Care(0, CareKind.CALL, 5, "x", 0, note="a\0"), "note 'a"),
    ],
)
def test_what_cannot_be_is_refused(store: Store, care: Care, expected: str) -> None:
    owner = patient(store)
    with pytest.raises(ValueError, match=expected), store.writing() as connection:
        add_care(connection, owner.id, care)


def test_the_patients_date_is_the_one_on_their_wall(store: Store) -> None:
    owner = patient(store, zone="America/Los_Angeles")
    with store.writing() as connection:
        for instant, expected in (
            ((2026, 3, 1, 7, 59), date(2026, 2, 28)),
            ((2026, 3, 1, 8, 0), date(2026, 3, 1)),
            ((2026, 3, 9, 6, 59), date(2026, 3, 8)),  # summer time since that morning
            ((2026, 3, 9, 7, 0), date(2026, 3, 9)),
        ):
            assert local_date(connection, owner, ms(ZoneInfo("UTC"), *instant)) == expected
        people.set_zone(connection, owner.id, "Pacific/Kiritimati", ms(ZoneInfo("UTC"), 2026, 4, 1, 0, 0))
        assert local_date(connection, owner, ms(ZoneInfo("UTC"), 2026, 4, 1, 12, 0)) == date(2026, 4, 2)
