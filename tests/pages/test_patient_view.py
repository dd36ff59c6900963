"""What the patient reads: unknown is said as unknown, a day in progress as one, and a file's fate in plain words."""

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from afoot.presenting import find_movement
from dashboards.pages.language import Words
from dashboards.pages.patient import Facts, Movement, SentFile, build_files, build_patient, choose_language
from dashboards.pages.patient_de import GERMAN
from dashboards.pages.patient_en import ENGLISH
from dashboards.pages.today import Slot
from devices.recording import Reject
from ingest import ledger
from ingest.collect.pairing import Paired
from ingest.store import Change
from ingest.wearables import Wearable
from rules.day import DaySummary, summarise_day
from rules.minutes import NA, build_day
from rules.prescription import Prescription
from rules.verdict import judge_day

ZONE = ZoneInfo("Europe/Berlin")
DAY = date(2026, 3, 12)
START_MS = round(datetime(2026, 3, 11, 23, tzinfo=UTC).timestamp() * 1000)
MIN_MS = 60_000
PRESCRIPTION = Prescription(author="a", effective=date(2026, 3, 1), reason="r", surgery_date=date(2026, 3, 5))


def day(*walks: tuple[int, int], until: int = 900, not_worn: tuple[int, int] = (0, 0)) -> DaySummary:
    """A day known until that minute, with walks (start, length) of 60 steps a minute."""
    steps = np.where(np.arange(1440) < until, 0, NA)
    for start, length in walks:
        steps[start : start + length] = 60
    off = (np.arange(1440) >= not_worn[0]) & (np.arange(1440) < not_worn[1])
    steps[off] = NA
    made = build_day(DAY, steps, start_ms=START_MS, device_says_worn=True, not_worn=off)
    return summarise_day(made, PRESCRIPTION.day_settings(DAY))


def facts(summary: DaySummary, now: int, known: int, *, prescribed: bool = True) -> Facts:
    return Facts(
        name="Anna",
        key="k",
        at_ms=START_MS + now * MIN_MS,
        zone=ZONE,
        day=summary,
        verdict=judge_day(summary, PRESCRIPTION) if prescribed else None,
        prescription=PRESCRIPTION if prescribed else None,
        movement=find_movement([summary]),
        known_ms=START_MS + known * MIN_MS,
    )


def test_walks_of_a_day_in_progress_are_counted_and_the_rest_is_to_come() -> None:
    page = build_patient(facts(day((540, 6), (700, 6)), 905, 900), ENGLISH)
    assert page.today.walks == "2 of 3 walks so far"
    assert [slot for slot, _ in page.today.slots] == [Slot.DONE, Slot.DONE, Slot.OPEN]
    assert page.today.known == ""


def test_where_the_data_ended_the_rest_is_not_known() -> None:
    page = build_patient(facts(day((540, 6), until=600), 905, 600), ENGLISH)
    assert page.today.walks == "1 of 3 walks, as far as is known"
    assert [slot for slot, _ in page.today.slots] == [Slot.DONE, Slot.UNKNOWN, Slot.UNKNOWN]
    assert "Known until 10:00" in page.today.known
    assert page.moved.startswith("How long ago is not known")
    assert "today, 09:06" in page.moved


def test_a_day_without_data_shows_no_zero() -> None:
    page = build_patient(facts(day(until=0), 905, -500), ENGLISH)
    assert page.today.walks == "Your walks of today are not known yet"
    assert [slot for slot, _ in page.today.slots] == [Slot.UNKNOWN] * 3
    assert page.today.strip is None
    assert (page.today.still, page.today.steps) == ("Not known", "")
    assert "0" not in page.today.walks + page.today.still


def test_what_is_to_come_of_the_day_is_neither_still_nor_unknown() -> None:
    page = build_patient(facts(day((540, 6)), 905, 900), ENGLISH)
    assert page.today.strip is not None
    drawn = {layer.look.key: layer.minutes for layer in page.today.strip.layers}
    assert sum(drawn.values()) == 905
    assert drawn["unknown"] == 5


@pytest.mark.parametrize(("now", "expected"), [(706, "Just now"), (708, "2 min ago, at 11:46"), (736, "30 min ago, at 11:46")])
def test_time_since_the_last_movement(now: int, expected: str) -> None:
    assert build_patient(facts(day((700, 6), until=now), now, now), ENGLISH).moved == expected


def test_time_without_the_device_is_not_counted_as_time_without_movement() -> None:
    summary = day((700, 6), until=800, not_worn=(720, 760))
    page = build_patient(facts(summary, 800, 800), ENGLISH)
    assert page.moved.startswith("How long ago is not known: the device was not worn")


def test_no_movement_in_sight_is_no_long_stillness() -> None:
    assert build_patient(facts(day(until=0), 905, 900), ENGLISH).moved.startswith("Not known")
    assert find_movement([day(until=0)]) == Movement()


def test_without_a_prescription_nothing_is_held_against_anybody() -> None:
    page = build_patient(facts(day((540, 6)), 905, 900, prescribed=False), ENGLISH)
    assert page.today.walks == "1 walk so far"
    assert page.today.slots == ()
    assert page.today.rules == (ENGLISH("no_prescription"),)


def sent(state: str, change: Change, error: str = "", *rejects: Reject) -> SentFile:
    return SentFile("export.zip", START_MS, state, "fit", error, change, rejects)


@pytest.mark.parametrize(
    ("file", "kind", "headline"),
    [
        (sent("archived", Change()), "reading", "Received, and being read"),
        (sent("done", Change(inserted=1440)), "new", "Taken"),
        (sent("done", Change(unchanged=1440)), "same", "Nothing new in it"),
        (sent("done", Change()), "empty", "Read, but without steps"),
        (sent("refused", Change(), "x.jpg: no reader knows it"), "refused", "Not taken"),
        (sent("refused", Change(inserted=5), "b.fit: broken"), "partly", "Taken in part"),
    ],
)
def test_a_file_s_fate_is_told(file: SentFile, kind: str, headline: str) -> None:
    (result,) = build_files([file], START_MS + MIN_MS, ZONE, ENGLISH)
    assert (result.kind, result.headline) == (kind, headline)
    assert all(line in result.details for line in file.error.splitlines())


@pytest.mark.parametrize(
    ("change", "more", "said"),
    [
        (Change(), "", ["file_other_why"]),
        (Change(), "\nb.fit: broken", ["file_other_part_why", "file_refused_why"]),
        (Change(unchanged=5), "", ["file_other_part_why"]),
        (Change(unchanged=5), "\nb.fit: broken", ["file_other_part_why", "file_partly_why"]),
    ],
)
@pytest.mark.parametrize("words", [ENGLISH, GERMAN])
def test_a_device_of_somebody_else_is_no_file_that_cannot_be_read(
    words: Words, change: Change, more: str, said: list[str]
) -> None:
    theirs = "device fit/1: expected a device of this patient, found another's"
    file = replace(sent("refused", change, theirs + more), strangers=[theirs])
    (result,) = build_files([file], START_MS, ZONE, words)
    assert list(result.sentences) == [words(key) for key in said]


def test_numbers_and_reasons_of_a_file() -> None:
    rejects = [Reject(f"row {n}", "a number", "x", 2) for n in range(10)]
    (result,) = build_files([sent("done", Change(1440, 1), "", *rejects)], START_MS, ZONE, ENGLISH)
    assert result.sentences == (
        "1,440 new minutes of steps or pulse.",
        "1 minute became more exact.",
        "20 entries were left out because they cannot be right, or are not measurements.",
    )
    assert len(result.details) == 9
    assert result.details[-1] == "2 further reasons"


@pytest.mark.parametrize(
    ("header", "code"), [("", "en"), ("de-AT,de;q=0.9,en;q=0.8", "de"), ("fr-FR, de;q=0.5", "de"), ("fr", "en"), ("*", "en")]
)
def test_language_of_the_browser(header: str, code: str) -> None:
    assert choose_language(header).code == code


def worn(name: str, codec: str, address: str = "", *, days_ago: float | None = None, problem: str = "") -> Wearable:
    synced_ms = None if days_ago is None else START_MS + 905 * MIN_MS - round(days_ago * 24 * 60 * MIN_MS)
    return Wearable(1, Paired("ID", address, name, codec), 55, None, START_MS, synced_ms, problem, "")


@pytest.mark.parametrize(
    ("one", "lines", "is_here", "is_own"),
    [
        (worn("R02_341C", "colmi"), ["Not synced yet.", "Battery: 55 %."], True, True),
        (worn("R02_341C", "colmi", "F0:01", days_ago=1), ["Last synced yesterday, 15:05.", "Battery: 55 %."], True, False),
        (
            worn("R02_341C", "colmi", days_ago=5.1, problem="gone"),
            ["Please sync it today: it forgets what is older than some days.", "The last try, today, 00:00, did not work."],
            True,
            True,
        ),
        (worn("Bangle.js 1a2b", "bangle", days_ago=30), ["Battery: 55 %."], True, True),
        # Names that could be anybody's, and kinds that no browser reaches.
        (worn("Bangle.js", "bangle", "F0:01"), ["Not synced yet.", "Battery: 55 %."], False, False),
        (worn("InfiniTime", "pinetime", "F0:01"), ["Not synced yet.", "Battery: 55 %."], False, False),
        (worn("R02_341C", "pinetime", "F0:01"), ["Not synced yet.", "Battery: 55 %."], False, False),
    ],
    ids=range(7),
)
def test_wearables_say_how_they_stand(one: Wearable, lines: list[str], is_here: bool, is_own: bool) -> None:
    (said,) = build_patient(replace(facts(day(), 905, 900), wearables=[one]), ENGLISH).wearables
    assert set(lines) <= set(said.lines)
    assert ("Please sync it today" in "".join(said.lines)) == ("Please sync it today" in "".join(lines))
    assert (said.is_here, said.is_own) == (is_here, is_own)


def test_a_capture_is_called_what_it_is_and_not_an_export() -> None:
    for state, change in ((ledger.DONE, Change(inserted=3)), (ledger.REFUSED, Change())):
        sent = SentFile("colmi-1-0.capture", START_MS, state, "capture", "", change)
        (said,) = build_files([sent], START_MS, ZONE, ENGLISH)
        assert said.name == "From your ring or watch"
        assert "export" not in " ".join(said.sentences)
