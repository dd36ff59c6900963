"""The patient's own page: today so far, the last movement, what was sent, in plain words of the patient's language."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from zoneinfo import ZoneInfo

from dashboards.pages.language import Words
from dashboards.pages.patient_de import GERMAN
from dashboards.pages.patient_en import ENGLISH
from dashboards.pages.strips import Layer, Strip, build_strip
from dashboards.pages.today import Slots, build_slots, is_fresh, tell_since, tell_walks
from dashboards.pages.words import duration
from devices.radio.codecs import find_codec
from devices.recording import DAY_MS, MINUTE_MS, Reject
from ingest import ledger
from ingest.observations import CODES, Kind, Observation
from ingest.store import Change
from ingest.wearables import Wearable
from rules.day import DaySummary
from rules.minutes import DAY_MINUTES
from rules.prescription import Phase, Prescription
from rules.verdict import DayVerdict

LANGUAGES: Mapping[str, Words] = MappingProxyType({one.code: one for one in (ENGLISH, GERMAN)})
DETAILS_SHOWN = 8
SPARE_DAYS = 2  # how long before a wearable forgets the page says so
CAPTURE = "capture"  # the reader of what came over the radio


@dataclass(frozen=True, slots=True)
class Movement:
    """The last steps that were seen.

    moved_ms: the end of the last minute of movement in the last days; None if there is none
    worn_ms:  the end of the last minute that was worn and known; None if there is none
    whole:    so was every minute between the two
    """

    moved_ms: int | None = None
    worn_ms: int | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file that was handed over, as the ledger has it. rejects: of it, what was left out

    strangers: of the lines of `error`, those that say that a device is another patient's
    """

    name: str
    received_ms: int
    state: str
    readers: str
    error: str
    change: Change
    rejects: Sequence[Reject] = ()
    strangers: Collection[str] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """All that the page shows of one patient. key: the pseudonym, under which a phone keeps answers; day: today up to now.

    known_ms: the end of the last minute that anything is known of; received_ms: when something arrived last
    """

    name: str
    key: str
    at_ms: int
    zone: ZoneInfo
    day: DaySummary | None = None
    verdict: DayVerdict | None = None
    prescription: Prescription | None = None
    movement: Movement = Movement()
    known_ms: int | None = None
    received_ms: int | None = None
    files: Sequence[SentFile] = ()
    said: Sequence[Observation] = ()
    wearables: Sequence[Wearable] = ()

    @property
    def fresh(self) -> bool:
        return is_fresh(self.known_ms, self.at_ms)


@dataclass(frozen=True, slots=True)
class Today:
    """slots: one a prescribed walk; none where nothing is prescribed. rules: sentences on what counts."""

    title: str
    since: str
    walks: str
    slots: Slots
    rules: tuple[str, ...]
    known: str
    still: str
    steps: str
    strip: Strip | None
    legend: tuple[tuple[Layer, str], ...]


@dataclass(frozen=True, slots=True)
class FileResult:
    """kind: reading, new, same, empty, partly or refused. details: for whoever helps, in the words of the machine."""

    kind: str
    name: str
    when: str
    headline: str
    sentences: tuple[str, ...]
    details: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Worn:
    """A wearable. lines: how it stands. is_here: this page can sync it. is_own: it was paired here, and can be let go of here"""

    id: str
    name: str
    lines: tuple[str, ...]
    is_here: bool
    is_own: bool


@dataclass(frozen=True, slots=True)
class PatientPage:
    name: str
    key: str
    today: Today
    moved: str
    received: str
    reaches: str
    files: tuple[FileResult, ...]
    said: tuple[str, ...]
    wearables: tuple[Worn, ...]


def choose_language(wanted: str) -> Words:
    """Return the words of `de`, `de-AT` or an Accept-Language header, by its first language known here; else English."""
    for part in wanted.split(","):
        code = part.split(";")[0].strip().lower().split("-")[0]
        if code in LANGUAGES:
            return LANGUAGES[code]
    return ENGLISH


def build_patient(facts: Facts, words: Words) -> PatientPage:
    return PatientPage(
        name=facts.name,
        key=facts.key,
        today=_today(facts, words),
        moved=tell_moved(facts, words),
        received=words("sync_never") if facts.received_ms is None else words.when(facts.received_ms, facts.at_ms, facts.zone),
        reaches=_reaches(facts, words),
        files=build_files(facts.files, facts.at_ms, facts.zone, words),
        said=tuple(tell_said(one, words) for one in facts.said),
        wearables=tuple(_worn(one, facts, words) for one in facts.wearables),
    )


def tell_moved(facts: Facts, words: Words) -> str:
    """Return how long ago the patient moved last; that it is not known where it is not, and what was seen last."""
    last = facts.movement
    if last.moved_ms is None:
        return words("moved_never")
    seen = words.when(last.moved_ms, facts.at_ms, facts.zone)
    if not facts.fresh:
        return words("moved_unknown", when=seen)
    if not last.whole or not is_fresh(last.worn_ms, facts.at_ms):
        return words("moved_blind", when=seen)
    ago = (facts.at_ms - last.moved_ms) // MINUTE_MS
    return words("moved_now") if ago < 2 else words("moved_ago", ago=duration(ago), time=_clock(last.moved_ms, facts.zone))


def build_files(files: Sequence[SentFile], at_ms: int, zone: ZoneInfo, words: Words) -> tuple[FileResult, ...]:
    return tuple(_file(one, at_ms, zone, words) for one in files)


def _worn(one: Wearable, facts: Facts, words: Words) -> Worn:
    def when(at_ms: int) -> str:
        return words.when(at_ms, facts.at_ms, facts.zone)

    lines = [words("wearables_never") if one.synced_ms is None else words("wearables_synced", when=when(one.synced_ms))]
    if one.synced_ms is not None and _is_almost_full(one, facts.at_ms):
        lines.append(words("wearables_soon"))
    if one.problem and one.tried_ms is not None:
        lines.append(words("wearables_problem", when=when(one.tried_ms)))
    if one.battery is not None:
        lines.append(words("radio_battery", percent=one.battery))
    name = one.paired.name or one.paired.id
    return Worn(one.paired.id, name, tuple(lines), one.can_sync_by_page, not one.paired.address)


def _is_almost_full(one: Wearable, at_ms: int) -> bool:
    """Whether it will soon have to forget what it has not told yet."""
    codec = find_codec(one.paired.codec)
    keeps = codec.chooser.keeps_days if codec is not None and codec.chooser is not None else None
    return keeps is not None and at_ms - (one.synced_ms or 0) >= (keeps - SPARE_DAYS) * DAY_MS


def tell_said(one: Observation, words: Words) -> str:
    """Return one answer as a line: "Pain: 4 of 10"."""
    code, entry = CODES[one.entry.code], one.entry
    said = []
    if code.value is not None and entry.value is not None:
        if code.value.kind is Kind.YES_NO:
            said.append(words("yes" if entry.value else "no"))
        elif code.name in ("pain", "mood"):
            said.append(words("said_of_ten", n=entry.value))
        else:
            said.append(str(entry.value))
    said += [str(answer) for name, answer in entry.detail.items() if name in ("kind", "text")]
    return words("said_value", what=words(f"label_{code.name}"), value=", ".join(said))


def _today(facts: Facts, words: Words) -> Today:
    day, verdict = facts.day, facts.verdict
    phase = facts.prescription.phase_on(day.day) if facts.prescription and day else None
    strip = build_strip(day, None, max(day.n_min, DAY_MINUTES), facts.at_ms) if day and day.has_data else None
    layers = strip.layers if strip else ()
    named = tuple((layer, words(f"state_{layer.look.key}")) for layer in layers if layer.minutes)
    alt = words("strip_alt", parts=", ".join(f"{name} {duration(layer.minutes)}" for layer, name in named))
    local = datetime.fromtimestamp(facts.at_ms / 1000, facts.zone).date()
    return Today(
        title=words.day(day.day if day else local),
        since=tell_since(verdict, words) if verdict else "",
        walks=tell_walks(day, verdict, words, fresh=facts.fresh),
        slots=build_slots(day, verdict, words, fresh=facts.fresh),
        rules=_what_counts(phase, words),
        known=_known(facts, words),
        still=_still(facts, words),
        steps=words("steps_least", steps=words.number(day.steps)) if day and day.steps is not None and day.worn_min else "",
        strip=None if strip is None else replace(strip, alt=alt, too_long=""),
        legend=named,
    )


def _what_counts(phase: Phase | None, words: Words) -> tuple[str, ...]:
    if phase is None:
        return (words("no_prescription"),)
    said = [words("walk_length", length=duration(phase.credited_walk_min))] if phase.walks_per_day else []
    return (*said, *([words("walk_cap", length=duration(phase.walk_cap_min))] if phase.walk_cap_min is not None else []))


def _known(facts: Facts, words: Words) -> str:
    day, known_ms = facts.day, facts.known_ms
    if day is None or not day.has_data or known_ms is None or known_ms <= day.start_ms:
        return words("nothing_today")
    return "" if facts.fresh else words("known_until", time=_clock(known_ms, facts.zone))


def _still(facts: Facts, words: Words) -> str:
    day = facts.day
    if day is None or day.longest_stationary_min is None or not day.worn_waking_min:
        return words("still_unknown")
    item = facts.verdict.item("stillness") if facts.verdict else None
    longest = duration(day.longest_stationary_min)
    if item is None or item.target is None:
        return words("still_only", longest=longest)
    return words("still_longest", longest=longest, limit=duration(item.target))


def _reaches(facts: Facts, words: Words) -> str:
    known_ms = facts.known_ms
    return "" if known_ms is None else words("sync_holds", when=words.when(known_ms, facts.at_ms, facts.zone))


def _file(one: SentFile, at_ms: int, zone: ZoneInfo, words: Words) -> FileResult:
    kind = _kind(one)
    change = one.change
    of_radio = one.readers == CAPTURE
    name = words("file_radio") if of_radio else one.name
    said = _why(one, kind, words)
    if kind in ("new", "partly"):
        said += [words.many("file_minutes", change.inserted)] if change.inserted else []
        said += [words.many("file_changed", change.changed)] if change.changed else []
    left = sum(reject.count for reject in one.rejects)
    if left and kind != "refused":
        said.append(words.many("file_left", left))
    lines = [*one.error.splitlines(), *(_reject(reject, words) for reject in one.rejects)]
    details = lines[:DETAILS_SHOWN]
    if len(lines) > DETAILS_SHOWN:
        details.append(words("file_more", n=len(lines) - DETAILS_SHOWN))
    when = words.when(one.received_ms, at_ms, zone)
    return FileResult(kind, name, when, words(f"file_{kind}"), tuple(said), tuple(details))


def _why(one: SentFile, kind: str, words: Words) -> list[str]:
    """Return why not all of a file is new; a device of somebody else's is no fault of the file, nor of whoever sent it."""
    said = []
    if one.strangers and kind in ("partly", "refused"):
        # Of a refused one in which more was wrong, another part could not be read either.
        only = set(one.error.splitlines()) <= set(one.strangers)
        said = [words("file_other_why" if kind == "refused" and only else "file_other_part_why")]
        if only:
            return said
    told = kind in ("same", "empty", "partly", "refused") and one.readers != CAPTURE
    return [*said, words(f"file_{kind}_why")] if told else said


def _kind(one: SentFile) -> str:
    change = one.change
    if one.state == ledger.ARCHIVED:
        return "reading"
    if one.state == ledger.REFUSED:
        return "partly" if change.inserted or change.changed or change.unchanged else "refused"
    if change.inserted or change.changed:
        return "new"
    return "same" if change.unchanged else "empty"


def _reject(reject: Reject, words: Words) -> str:
    return words("reject_line", place=reject.place, expected=reject.expected, found=reject.found)


def _clock(at_ms: int, zone: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, zone):%H:%M}"
