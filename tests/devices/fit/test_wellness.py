"""Sleep, stress and rest."""

from datetime import UTC, date, datetime

from devices.recording import Span, SpanKind, VendorTotal
from tests.devices.fit.read import one, read
from tests.devices.fit.writer import ENUM, SINT16, UINT8, UINT32, file_id, fit, fit_time, message

SLEEP_FILE, MONITORING_B = 49, 32
NIGHT = int(datetime(2024, 6, 5, 4, 30, tzinfo=UTC).timestamp())
UNMEASURABLE, AWAKE, LIGHT, DEEP, REM = range(5)
MINUTE = 60


def sleep_event(at: int, event_type: int, event: int = 74) -> bytes:
    return message(1, 21, [(253, UINT32, "I"), (0, ENUM, "B"), (1, ENUM, "B")], (fit_time(at), event, event_type))


def levels(*rows: tuple[int, int]) -> bytes:
    return message(2, 275, [(253, UINT32, "I"), (0, ENUM, "B")], *((fit_time(at), level) for at, level in rows))


def stress(*rows: tuple[int, int]) -> bytes:
    return message(3, 227, [(0, SINT16, "h"), (1, UINT32, "I")], *((value, fit_time(at)) for at, value in rows))


def stages(spans: tuple[Span, ...]) -> list[tuple[int, int, object]]:
    """(first minute, last minute, stage) of the night"""
    assert all(span.kind is SpanKind.SLEEP for span in spans)
    return [
        ((span.start_ms // 1000 - NIGHT) // MINUTE, (span.end_ms // 1000 - NIGHT) // MINUTE, span.attributes["stage"])
        for span in spans
    ]


def test_a_stage_ends_at_its_time_and_the_first_starts_with_the_sleep() -> None:
    at = [NIGHT + MINUTE * m for m in (0, 20, 50, 80, 90, 100)]
    data = fit(
        file_id(SLEEP_FILE),
        sleep_event(at[0], 0),
        levels((at[1], LIGHT), (at[2], DEEP), (at[3], REM), (at[4], UNMEASURABLE), (at[5], AWAKE)),
        sleep_event(at[5], 1),
    )
    assert stages(one(data).spans) == [(0, 20, "light"), (20, 50, "deep"), (50, 80, "rem"), (90, 100, "awake")]


def test_a_first_stage_without_a_start_is_left_out_for_nobody_knows_how_long_it_was() -> None:
    data = fit(file_id(SLEEP_FILE), levels((NIGHT, LIGHT), (NIGHT + 30 * MINUTE, DEEP)))
    assert stages(one(data).spans) == [(0, 30, "deep")]


def test_other_events_start_no_sleep_and_a_day_between_is_no_stage() -> None:
    data = fit(
        file_id(SLEEP_FILE),
        sleep_event(NIGHT, 0, event=0),
        levels((NIGHT + 10 * MINUTE, LIGHT), (NIGHT + 20 * MINUTE, DEEP), (NIGHT + 86_400, LIGHT)),
    )
    assert stages(one(data).spans) == [(10, 20, "deep")]


def test_naps_unless_taken_back() -> None:
    nap = message(
        4,
        412,
        [(0, UINT32, "I"), (2, UINT32, "I"), (5, ENUM, "B")],
        (fit_time(NIGHT), fit_time(NIGHT + 1_200), 0),
        (fit_time(NIGHT + 9_000), fit_time(NIGHT + 9_900), 1),
        (fit_time(NIGHT + 19_000), fit_time(NIGHT + 18_000), 0),
    )
    assert one(fit(file_id(SLEEP_FILE), nap)).spans == (
        Span(SpanKind.SLEEP, NIGHT * 1000, (NIGHT + 1_200) * 1000, {"stage": "asleep"}),
    )


def test_off_the_wrist_is_minus_one_and_nothing_else() -> None:
    every = 3 * MINUTE
    values = [30, -1, -1, -1, -2, -3, -4, -5, 22, -1]
    (recording,), rejects = read(fit(file_id(MONITORING_B), stress(*((NIGHT + i * every, v) for i, v in enumerate(values)))))
    assert not rejects
    t = NIGHT * 1000
    assert [(s.kind, (s.start_ms - t) // 60_000, (s.end_ms - t) // 60_000) for s in recording.spans] == [
        (SpanKind.NOT_WORN, 3, 12),
        (SpanKind.NOT_WORN, 27, 30),
    ]


def test_a_reading_stands_for_three_minutes_at_most() -> None:
    recording = one(fit(file_id(MONITORING_B), stress((NIGHT, -1), (NIGHT + 3_600, -1), (NIGHT + 3_660, 40))))
    t = NIGHT * 1000
    assert [((s.start_ms - t) // 1000, (s.end_ms - t) // 1000) for s in recording.spans] == [(0, 180), (3_600, 3_660)]


def test_the_resting_heart_rate_is_the_vendors_total_of_its_local_day() -> None:
    rest = message(
        4, 211, [(253, UINT32, "I"), (0, UINT8, "B"), (1, UINT8, "B")], (fit_time(NIGHT), 58, 61), (fit_time(NIGHT + 60), 58, 60)
    )
    recording = one(fit(file_id(MONITORING_B), rest), "America/Denver")
    assert recording.totals == (VendorTotal(date(2024, 6, 4), "resting_heart_rate", 60),)
    # Without an offset or a zone nobody knows of which day.
    assert read(fit(file_id(MONITORING_B), rest)) == ([], [])
