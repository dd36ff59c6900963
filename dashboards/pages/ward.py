"""The ward: one line per patient, those who need somebody today first, each with the reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from zoneinfo import ZoneInfo

from dashboards.pages.language import Words
from dashboards.pages.marks import STATUSES, Known, Verdict, tell_known
from dashboards.pages.today import Slots, build_slots, is_fresh, tell_since, tell_walks
from devices.recording import DAY_MS
from rules.alerts import RED_FLAG, Standing
from rules.checks import RULES
from rules.day import DaySummary
from rules.finding import Priority
from rules.ledger import Alert
from rules.verdict import DayVerdict

# Without data for so long nobody knows how a patient is: somebody should ask [G].
SILENT_MS = 2 * DAY_MS
SILENCE = "device_silent"
TITLES = {rule.name: rule.title for rule in RULES}


class Need(IntEnum):
    """Why a patient comes where in the list; the first is the most urgent."""

    WARNING_SIGN = 0
    URGENT = 1
    ALERT = 2
    SILENT = 3
    TAKEN_ON = 4
    NONE = 5


@dataclass(frozen=True, slots=True, eq=False)
class PatientFacts:
    """What the ward needs of one patient.

    key:        the pseudonym: what stands in addresses
    days:       yesterday and today up to now, as far as they are there
    known_ms:   the end of the last known minute; received_ms: when something arrived last
    alerts:     the open ones, acknowledged ones included
    """

    key: str
    name: str
    zone: ZoneInfo
    today: tuple[DaySummary, DayVerdict | None] | None = None
    yesterday: tuple[DaySummary, DayVerdict | None] | None = None
    known_ms: int | None = None
    received_ms: int | None = None
    alerts: Sequence[Alert] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """What a day came to. verdict: its sign; None where nothing is judged."""

    text: str
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One patient. late: the data end so long ago that today cannot be told."""

    key: str
    name: str
    need: Need
    why: tuple[str, ...]
    since: str
    today: str
    slots: Slots
    yesterday: Cell
    synced: str
    late: bool


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    note: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Ward:
    headline: str
    groups: tuple[Group, ...]


def build_ward(patients: Sequence[PatientFacts], at_ms: int, words: Words) -> Ward:
    """Return the ward in order of need; within one need the longest waiting first, then by name."""
    waited = sorted(
        patients, key=lambda one: (min((alert.opened_ms for alert in one.alerts), default=at_ms), one.name.casefold())
    )
    rows = sorted((build_row(one, at_ms, words) for one in waited), key=lambda row: row.need)
    parts = (
        ("first", [row for row in rows if row.need <= Need.URGENT]),
        ("today", [row for row in rows if Need.URGENT < row.need <= Need.SILENT]),
        ("rest", [row for row in rows if row.need > Need.SILENT]),
    )
    groups = tuple(Group(words(f"ward_{name}"), words(f"ward_{name}_note"), tuple(found)) for name, found in parts if found)
    waiting = sum(row.need <= Need.SILENT for row in rows)
    headline = words.many("ward_waiting", waiting) if waiting else words("ward_calm")
    return Ward(words("ward_empty") if not rows else headline, groups)


def build_row(one: PatientFacts, at_ms: int, words: Words) -> Row:
    need, why = find_need(one, at_ms, words)
    summary, verdict = one.today or (None, None)
    fresh = is_fresh(one.known_ms, at_ms)
    return Row(
        key=one.key,
        name=one.name,
        need=need,
        why=why,
        since=_since(verdict, words),
        today=tell_walks(summary, verdict, words, fresh=fresh),
        slots=build_slots(summary, verdict, words, fresh=fresh),
        yesterday=_yesterday(one, words),
        synced=_ago(one.known_ms, at_ms, words),
        late=one.known_ms is None or at_ms - one.known_ms > DAY_MS,
    )


def find_need(one: PatientFacts, at_ms: int, words: Words) -> tuple[Need, tuple[str, ...]]:
    """Return what a patient needs, and every reason, the most urgent first."""
    found: list[tuple[Need, str]] = []
    for alert in one.alerts:
        title = title_of(alert, words)
        since = tell_began(alert, one.known_ms, at_ms, one.zone, words)
        if alert.standing is Standing.ACKNOWLEDGED:
            found.append((Need.TAKEN_ON, words("why_taken", title=title, by=alert.acknowledged_by)))
        elif alert.rule == RED_FLAG:
            when = words.when(alert.opened_ms, at_ms, one.zone)
            found.append((Need.WARNING_SIGN, words("why_warning", title=title, when=when)))
        elif alert.priority is Priority.HIGH:
            found.append((Need.URGENT, words("why_urgent", title=title, since=since)))
        else:
            found.append((Need.ALERT, words("why_alert", title=title, since=since)))
    silent = any(alert.rule == SILENCE for alert in one.alerts)
    if one.known_ms is None:
        found.append((Need.NONE, words("why_never")))
    elif not silent and at_ms - one.known_ms > SILENT_MS:
        found.append((Need.SILENT, words("why_silent", ago=words.length(at_ms - one.known_ms))))
    found.sort(key=lambda reason: reason[0])
    return (found[0][0] if found else Need.NONE), tuple(text for _, text in found)


def tell_began(alert: Alert, known_ms: int | None, at_ms: int, zone: ZoneInfo, words: Words) -> str:
    """Return since when it is as the alert says, where that is known: a silence begins with the end of the data, a warning sign
    with the answer. Of anything else only when it was noticed is: it may have been so for long before the data came.
    """
    if alert.rule == SILENCE and known_ms is not None:
        return words("began_since", day=words.which_day(min(alert.opened_ms, known_ms), at_ms, zone))
    key = "began_since" if alert.rule == RED_FLAG else "began_noticed"
    return words(key, day=words.which_day(alert.opened_ms, at_ms, zone))


def title_of(alert: Alert, words: Words) -> str:
    """Return what an alert is of; a warning sign is named."""
    if alert.rule != RED_FLAG:
        return TITLES.get(alert.rule, alert.rule)
    return words("warning_of", what=", ".join(words(f"label_{code}") for code in alert.finding.evidence.measured))


def _since(verdict: DayVerdict | None, words: Words) -> str:
    if verdict is None:
        return words("no_prescription")
    return ", ".join([tell_since(verdict, words), *([words("in_phase", phase=verdict.phase)] if verdict.phase else [])])


def _yesterday(one: PatientFacts, words: Words) -> Cell:
    if one.yesterday is None:
        return Cell(words("day_unknown"))
    summary, verdict = one.yesterday
    known = tell_known(summary)
    if known in (Known.UNKNOWN, Known.NOT_WORN):
        return Cell(words("day_unknown" if known is Known.UNKNOWN else "day_not_worn"))
    item = verdict.item("walks") if verdict else None
    if item is None or item.target is None or item.done is None:
        return Cell(words.many("walks_on_day", len(summary.walking)) if summary.walking is not None else words("walks_coarse"))
    key = "walks_partial" if known is Known.PARTIAL else "walks_of"
    return Cell(words(key, done=f"{item.done:g}", target=f"{item.target:g}"), STATUSES[item.status])


def _ago(known_ms: int | None, at_ms: int, words: Words) -> str:
    return words("never") if known_ms is None else words("ago", length=words.length(max(0, at_ms - known_ms)))
