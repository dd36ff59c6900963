"""One patient for the therapist: what is asked of them, alerts with their evidence, what was said, and the days."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from dashboards.pages.heat import Week, build_weeks, shade_words
from dashboards.pages.language import Words
from dashboards.pages.marks import WEAR_SOURCES
from dashboards.pages.recovery import Recovery, build_recovery
from dashboards.pages.stillness import Stillness, build_stillness
from dashboards.pages.strips import Strip, build_strips
from dashboards.pages.walks import Walks, build_walks
from dashboards.pages.ward import TITLES, PatientFacts, Row, build_row, tell_began, title_of
from dashboards.pages.weeks import Comparison, build_comparison
from dashboards.pages.words import duration, percent
from devices.recording import MINUTE_MS
from ingest.observations import CODES, Group, Kind, Observation
from ingest.remote_monitoring import CONTACTS, CareKind, Evidence, KeptCare
from rules.alerts import RED_FLAG, Standing
from rules.day import DaySummary
from rules.finding import Priority
from rules.ledger import Alert, Snooze
from rules.prescription import Prescription
from rules.verdict import DayVerdict

STRIP_DAYS = 14
STRETCHES_SHOWN = 5


@dataclass(frozen=True, slots=True, eq=False)
class CaseFacts:
    """All that the page shows of one patient.

    patient:  as on the ward
    days:     local days in order without a hole, today up to now the last
    alerts:   of the time shown, and all that are open
    said:     observations of the time shown
    shown:    the first and the last local day that were asked for; None: those of `days`
    begins_ms: the first known minute of all; None if there is none
    """

    patient: PatientFacts
    at_ms: int
    days: Sequence[tuple[DaySummary, DayVerdict | None]]
    prescription: Prescription | None
    alerts: Sequence[Alert] = ()
    snoozes: Sequence[Snooze] = ()
    said: Sequence[Observation] = ()
    evidence: Evidence | None = None
    shown: tuple[date, date] | None = None
    begins_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Earlier:
    """That more is known than is shown. until: the last day of the time before, as ISO; empty where nothing is known of it"""

    said: str
    until: str
    is_past: bool


@dataclass(frozen=True, slots=True)
class AlertCard:
    """One alert. waits: for somebody to take it on. can_close: it ends when a person says so. facts: of its evidence."""

    id: str
    title: str
    urgent: bool
    state: str
    is_open: bool
    waits: bool
    can_close: bool
    since: str
    reason: str
    facts: tuple[tuple[str, str], ...]
    taken: str
    note: str
    closed: str


@dataclass(frozen=True, slots=True)
class SaidDay:
    """What was said in one local day, by column."""

    day: str
    cells: tuple[str, ...]
    warning: str


@dataclass(frozen=True, slots=True)
class CareRow:
    when: str
    kind: str
    minutes: int
    live: bool
    by: str
    note: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """The evidence of remote monitoring of one calendar month. facts: (what, how much, counted over)."""

    month: str
    facts: tuple[tuple[str, str, str], ...]
    care: tuple[CareRow, ...]


@dataclass(frozen=True, slots=True)
class Charts:
    comparison: Comparison | None
    strips: list[Strip]
    walks: Walks
    stillness: Stillness
    recovery: Recovery
    weeks: list[Week]
    shades: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """What the page shows. no_days: what is said where there are no charts."""

    row: Row
    zone: str
    open_alerts: tuple[AlertCard, ...]
    closed_alerts: tuple[AlertCard, ...]
    snoozes: tuple[str, ...]
    rules: tuple[tuple[str, str], ...]
    said_heads: tuple[str, ...]
    said: tuple[SaidDay, ...]
    ledger: Ledger | None
    charts: Charts | None
    no_days: str
    earlier: Earlier | None


# A column of the table of what was said, and the codes in it.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "pain": ("pain",),
    "mood": ("mood", "phq2"),
    "exercise": ("exercise",),
    "precautions": tuple(code.name for code in CODES.values() if code.group is Group.PRECAUTION),
    "nicotine": ("nicotine",),
    "note": ("note",),
}


def build_case(facts: CaseFacts, words: Words) -> Case:
    zone = facts.patient.zone
    known_ms = facts.patient.known_ms
    cards = [_alert(one, known_ms, facts.at_ms, zone, words) for one in reversed(facts.alerts)]
    return Case(
        row=build_row(facts.patient, facts.at_ms, words),
        zone=str(zone),
        open_alerts=tuple(sorted((card for card in cards if card.is_open), key=lambda card: not card.urgent)),
        closed_alerts=tuple(card for card in cards if not card.is_open),
        snoozes=tuple(_snooze(one, facts.at_ms, zone, words) for one in facts.snoozes),
        rules=tuple(TITLES.items()),
        said_heads=tuple(words(f"said_{name}") for name in COLUMNS),
        said=build_said(facts.said, zone, words),
        ledger=build_ledger(facts.evidence, facts.at_ms, zone, words) if facts.evidence else None,
        charts=build_charts(facts.days, facts.prescription, facts.at_ms),
        no_days=_no_days(known_ms, zone, words),
        earlier=_earlier(facts, zone, words),
    )


def _earlier(facts: CaseFacts, zone: ZoneInfo, words: Words) -> Earlier | None:
    """Return what there is beside the days shown; None if that is all."""
    if facts.shown is None or facts.begins_ms is None:
        return None
    (first, last), begins = facts.shown, _local(facts.begins_ms, zone).date()
    is_past = last < _local(facts.at_ms, zone).date()
    if begins >= first and not is_past:
        return None
    # Days alone could be of any year here.
    told = {name: f"{words.day(day)} {day.year}" for name, day in (("first", first), ("last", last), ("begins", begins))}
    said = words("case_more_days", **told)
    return Earlier(said, (first - timedelta(days=1)).isoformat() if begins < first else "", is_past)


def _no_days(known_ms: int | None, zone: ZoneInfo, words: Words) -> str:
    """Return why there is nothing to draw. known_ms: the end of the last known minute, which may be midnight."""
    if known_ms is None:
        return words("case_no_days")
    return words("case_days_before", last=words.day(_local(known_ms - 1, zone).date()))


def build_charts(
    days: Sequence[tuple[DaySummary, DayVerdict | None]], prescription: Prescription | None, at_ms: int
) -> Charts | None:
    """Return the drawings that the report shows too; None if there is no day."""
    if not days:
        return None
    return Charts(
        comparison=build_comparison(days),
        strips=build_strips(days[-STRIP_DAYS:], at_ms),
        walks=build_walks(days),
        stillness=build_stillness(days),
        recovery=build_recovery(days, prescription),
        weeks=build_weeks(days),
        shades=shade_words(),
    )


def build_said(said: Sequence[Observation], zone: ZoneInfo, words: Words) -> tuple[SaidDay, ...]:
    """Return what was said, newest day first; what nobody said is empty, never a 0."""
    by_day: dict[date, list[Observation]] = {}
    for one in said:
        by_day.setdefault(_local(one.said.at_ms, zone).date(), []).append(one)
    rows = []
    for day, entries in sorted(by_day.items(), reverse=True):
        cells = tuple("; ".join(_tell(one, words) for one in entries if one.entry.code in codes) for codes in COLUMNS.values())
        flags = [words(f"label_{one.entry.code}") for one in entries if one.entry.is_red_flag]
        rows.append(SaidDay(words.day(day), cells, ", ".join(flags)))
    return tuple(rows)


def _tell(one: Observation, words: Words) -> str:
    code, entry = CODES[one.entry.code], one.entry
    said = []
    if code.group is Group.PRECAUTION:
        said.append(words("kept" if entry.value else "not_kept", what=words(f"label_{code.name}")))
    elif code.value is not None and entry.value is not None:
        yes_no = code.value.kind is Kind.YES_NO
        said.append(words("yes" if entry.value else "no") if yes_no else words("amount", n=entry.value, unit=code.value.unit))
    for name, answer in entry.detail.items():
        field = code.detail[name]
        plain = field.kind in (Kind.WORD, Kind.TEXT)
        said.append(str(answer) if plain else words("detail", what=words(f"detail_{name}"), n=answer, unit=field.unit))
    return ", ".join(said)


def _alert(one: Alert, known_ms: int | None, at_ms: int, zone: ZoneInfo, words: Words) -> AlertCard:
    is_open = one.standing is not Standing.RESOLVED
    ended = "" if one.closed_ms is None else words.when(one.closed_ms, at_ms, zone)
    state = "withdrawn" if one.withdrawn else one.standing.value
    taken = "" if one.acknowledged_ms is None else words.when(one.acknowledged_ms, at_ms, zone)
    return AlertCard(
        id=one.id,
        title=title_of(one, words),
        urgent=one.priority is Priority.HIGH,
        state=words(f"alert_{state}", when=ended),
        is_open=is_open,
        waits=one.standing is Standing.OPEN,
        can_close=one.rule == RED_FLAG and one.standing is Standing.ACKNOWLEDGED,
        since=tell_began(one, known_ms if is_open else None, at_ms, zone, words),
        reason=one.finding.reason,
        facts=_evidence(one, at_ms, zone, words),
        taken=words("alert_taken", by=one.acknowledged_by, when=taken) if taken else "",
        note=one.note,
        closed=words("alert_closed", by=one.closed_by, note=one.closing_note) if one.closed_by else "",
    )


def _evidence(one: Alert, at_ms: int, zone: ZoneInfo, words: Words) -> tuple[tuple[str, str], ...]:
    evidence = one.finding.evidence
    window = words("from_to", start=words.when(evidence.start_ms, at_ms, zone), end=words.when(evidence.end_ms, at_ms, zone))
    stretches = [
        words(
            "stretch",
            start=words.when(start_ms, at_ms, zone),
            end=f"{_local(end_ms, zone):%H:%M}",
            length=duration((end_ms - start_ms) // MINUTE_MS),
        )
        for start_ms, end_ms in evidence.minutes[:STRETCHES_SHOWN]
    ]
    if len(evidence.minutes) > STRETCHES_SHOWN:
        stretches.append(words("more", n=len(evidence.minutes) - STRETCHES_SHOWN))
    version = one.finding.version
    facts = [
        ("window", window),
        ("coverage", words("no_minutes") if evidence.coverage is None else percent(evidence.coverage)),
        ("wear", WEAR_SOURCES[evidence.wear_source]),
        ("measured", _numbers(evidence.measured)),
        ("thresholds", _numbers(evidence.thresholds)),
        ("minutes", "; ".join(stretches)),
        ("version", words("no_version") if not version else str(version)),
    ]
    return tuple((words(f"evidence_{name}"), value) for name, value in facts if value)


def _numbers(values: Mapping[str, int | float]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {_number(value)}" for name, value in values.items())


def _number(value: int | float) -> str:
    return f"{value:,.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else f"{value:,}"


def _snooze(one: Snooze, at_ms: int, zone: ZoneInfo, words: Words) -> str:
    title = TITLES.get(one.rule, one.rule) if one.rule else words("every_rule")
    return words("snoozed", title=title, until=words.when(one.until_ms, at_ms, zone), by=one.by, why=one.why)


def build_ledger(evidence: Evidence, at_ms: int, zone: ZoneInfo, words: Words) -> Ledger:
    """Return the evidence of a month as rows; `month` is the one that its work was counted over."""
    rolling = words("ledger_rolling", first=words.day(evidence.first), last=words.day(evidence.last))
    calendar = words("ledger_calendar")
    counted = (
        ("data_days", len(evidence.data_days), rolling),
        ("review_minutes", evidence.review_min, calendar),
        ("contact_minutes", evidence.contact_min, calendar),
        ("contacts", len(evidence.contacts), calendar),
        ("live_contacts", evidence.live_contacts, calendar),
    )
    month = words("month", month=words.months[evidence.last.month - 1], year=evidence.last.year)
    facts = tuple((words(f"ledger_{name}"), f"{n:,}", over) for name, n, over in counted)
    return Ledger(month, facts, tuple(_care(one, at_ms, zone, words) for one in evidence.care))


def _care(kept: KeptCare, at_ms: int, zone: ZoneInfo, words: Words) -> CareRow:
    care = kept.care
    when = words.when(care.at_ms, at_ms, zone)
    return CareRow(when, words(f"care_{care.kind.value}"), care.minutes, care.live, care.entered_by, care.note)


def care_kinds(words: Words) -> tuple[tuple[str, str], ...]:
    """Return (value, name) of what can be entered."""
    return tuple((kind.value, words(f"care_{kind.value}")) for kind in (CareKind.REVIEW, *CONTACTS))


def _local(at_ms: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, zone)
