"""From transitions to the text of one message, in the reader's language and the patient's own time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rules.alerts import RED_FLAG
from rules.finding import Finding, Priority, Recipient
from rules.words_en import ENGLISH, Language, Told

LANGUAGES: Mapping[str, Language] = {"en": ENGLISH}
FALLBACK = "en"
KINDS = ("opened", "reminder", "raised", "escalated", "resolved", "withdrawn", "test")

# A message with more stretches than these is read by nobody; the rest is counted.
STRETCHES_SHOWN = 5

# Kinds that speak of something that holds now: only they show when it was and why.
PRESENT = frozenset({"opened", "reminder", "raised", "escalated"})


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a message is about. name: for patient and therapist; pseudonym: for the operator, and in every log."""

    patient_id: int
    name: str
    pseudonym: str
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Notice:
    """One transition to tell: kind, rule and time of a row of the outbox, and its body (see `body_of`)."""

    rule: str
    kind: str
    priority: str
    at_ms: int
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Text:
    """title: one line; body: all of it; short: for channels of few characters, without evidence."""

    title: str
    body: str
    short: str


def body_of(finding: Finding) -> dict[str, Any]:
    """Return what a message needs of a finding, as JSON: the `body` of a row of the outbox."""
    evidence = finding.evidence
    return {
        "reason": finding.reason,
        "version": finding.version,
        "evidence": {
            "start_ms": evidence.start_ms,
            "end_ms": evidence.end_ms,
            "coverage": evidence.coverage,
            "wear_source": evidence.wear_source.value,
            "minutes": [list(stretch) for stretch in evidence.minutes],
            "measured": dict(evidence.measured),
            "thresholds": dict(evidence.thresholds),
        },
    }


def find_language(code: str) -> Language:
    """Return the table of `de-CH`, else of `de`, else English."""
    return LANGUAGES.get(code) or LANGUAGES.get(code.split("-")[0].lower()) or LANGUAGES[FALLBACK]


def find_told(language: Language, rule: str, recipient: Recipient) -> Told:
    """Return what this recipient is told about a rule; the general words where the table does not name it."""
    told: Mapping[str, Told] = getattr(language, recipient.value)
    return told.get(rule) or told[""]


def write_message(told: Sequence[Notice], recipient: Recipient, subject: Subject, language: Language, message_id: str) -> Text:
    """Return the one message that tells all of these transitions, in time order. Raises: ValueError if there are none."""
    if not told:
        raise ValueError("a message of no transitions")
    ordered = sorted(told, key=lambda one: (one.priority != Priority.HIGH, one.at_ms, one.rule))
    parts = [_part(one, recipient, subject, language) for one in ordered]
    labels = language.labels
    # What a patient said comes from no wearable, and is not to be doubted like one.
    said = recipient is not Recipient.PATIENT and all(one.rule == RED_FLAG for one in ordered)
    disclaimer = "disclaimer_said" if said else f"disclaimer_{recipient.value}"
    tail = f"{labels[disclaimer]}\n{labels['reference']} {message_id}"
    title = _title(ordered, recipient, subject, language)
    body = "\n\n".join(["\n".join([said, *facts]) for said, facts in parts] + [tail])
    short = "\n".join([said for said, _ in parts] + [tail])
    return Text(title, body, short)


def _title(told: Sequence[Notice], recipient: Recipient, subject: Subject, language: Language) -> str:
    labels = language.labels
    headings = list(dict.fromkeys(_heading(one, recipient, language) for one in told))
    heading = headings[0] if len(headings) == 1 else labels["several"].format(count=len(told))
    if recipient is Recipient.PATIENT:
        title = labels["subject_patient"].format(heading=heading)
    else:
        who = subject.name if recipient is Recipient.THERAPIST else subject.pseudonym
        title = labels["subject_about"].format(who=_plain(who), heading=heading)
    if recipient is not Recipient.PATIENT and any(one.priority == Priority.HIGH and one.kind in PRESENT for one in told):
        title = labels["subject_high"].format(subject=title)
    return title


def _heading(one: Notice, recipient: Recipient, language: Language) -> str:
    return language.labels["test"] if one.kind == "test" else find_told(language, one.rule, recipient).heading


def _part(one: Notice, recipient: Recipient, subject: Subject, language: Language) -> tuple[str, list[str]]:
    """What is said, and the facts below it."""
    words = find_told(language, one.rule, recipient)
    frame = language.frames[recipient.value][one.kind]
    said = frame.format(heading=words.heading, seen=words.seen, next=words.next, over=words.over)
    if one.kind not in PRESENT:
        return said, []
    if recipient is Recipient.PATIENT:
        return said, _stretches(one.body, subject.zone, language)
    return said, _facts(one, recipient, subject.zone, language)


def _facts(one: Notice, recipient: Recipient, zone: ZoneInfo, language: Language) -> list[str]:
    """The evidence, one fact a line. The operator is told about the data, not about the patient."""
    labels, body = language.labels, one.body
    evidence: Mapping[str, Any] = body.get("evidence") or {}
    unknown = labels["unknown"]
    start, end, version = evidence.get("start_ms"), evidence.get("end_ms"), body.get("version")
    window = unknown if start is None or end is None else _span(int(start), int(end), zone, language)
    coverage = labels["no_coverage"] if evidence.get("coverage") is None else f"{100 * float(evidence['coverage']):.0f} %"
    facts = [
        ("window", window),
        ("coverage", coverage),
        ("wear_source", str(evidence.get("wear_source") or unknown)),
    ]
    if recipient is Recipient.THERAPIST:
        facts = [
            ("reason", _plain(str(body.get("reason") or unknown))),
            *facts,
            ("measured", _values(evidence.get("measured") or {}, unknown)),
            ("thresholds", _values(evidence.get("thresholds") or {}, unknown)),
            ("version", unknown if version is None else str(version or labels["no_version"])),
        ]
    told = [f"{labels[name]}: {value}" for name, value in facts]
    return told + (_stretches(body, zone, language) if recipient is Recipient.THERAPIST else [])


def _values(values: Mapping[str, Any], unknown: str) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {_number(value)}" for name, value in values.items()) or unknown


def _number(value: Any) -> str:
    """Integers as they are; others to two places, which is finer than any threshold."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def _stretches(body: Mapping[str, Any], zone: ZoneInfo, language: Language) -> list[str]:
    """When it was: the minutes that decide it, each with its length."""
    minutes: Sequence[Sequence[int]] = (body.get("evidence") or {}).get("minutes") or ()
    if not minutes:
        return []
    labels = language.labels
    shown = [
        f"{_span(start, end, zone, language)} ({labels['minutes'].format(minutes=round((end - start) / 60_000))})"
        for start, end in minutes[:STRETCHES_SHOWN]
    ]
    if len(minutes) > STRETCHES_SHOWN:
        shown.append(labels["more"].format(count=len(minutes) - STRETCHES_SHOWN))
    return [f"{labels['when']}: {'; '.join(shown)}"]


def _span(start_ms: int, end_ms: int, zone: ZoneInfo, language: Language) -> str:
    """`Thursday 5 March 2026, 14:05–14:52`, on the patient's clock; the second day only where it is another."""
    start, end = _local(start_ms, zone), _local(end_ms, zone)
    first, last = _date(start, language), _date(end, language)
    until = f"{end:%H:%M}" if first == last else f"{last}, {end:%H:%M}"
    if start.utcoffset() != end.utcoffset():
        # On the night of a clock change 02:30 alone would not tell which.
        return f"{first}, {start:%H:%M %Z}–{until}{end: %Z}"
    return f"{first}, {start:%H:%M}–{until}"


def _local(at_ms: int, zone: ZoneInfo) -> datetime:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)).astimezone(zone)


def _date(at: datetime, language: Language) -> str:
    return language.date.format(
        weekday=language.weekdays[at.weekday()], day=at.day, month=language.months[at.month - 1], year=at.year
    )


def _plain(text: str) -> str:
    """One line, nothing unprintable: a name must not write a header or a second line."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
