"""What patients say of themselves, or others for them: timestamped observations beside the activity.

One table of codes says what can be said, in which unit and range, and by which question. A correction is a new observation that
replaces the old one; the old one stays.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, select

from devices.recording import DAY_MS
from ingest import dirty, tables
from ingest.entries import append, checked_text, find_standing, standing
from ingest.errors import Conflict

Answer = int | str | None

EMERGENCY = (
    "SEE A DOCTOR AT ONCE. Do not wait for a message or a report. Call your clinic or surgeon now. If nobody answers, or if it"
    " gets worse, call the emergency number (112 in Europe, 911 in North America). With chest pain or trouble breathing call the"
    " emergency number first."
)


class Group(StrEnum):
    """What a code is part of. PRECAUTION: yes is kept to. RED_FLAG: yes shows the emergency text and is told at once."""

    REPORT = "report"
    PRECAUTION = "precaution"
    RED_FLAG = "red flag"


class Source(StrEnum):
    """Who it comes from: the patient's own hand, or somebody who wrote down what the patient said or did."""

    PATIENT = "patient"
    CLINIC = "clinic"


class Kind(StrEnum):
    NUMBER = "number"
    YES_NO = "yes/no"
    WORD = "word"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Field:
    """One answer. low, high: the range of a number, both included, or the length of a text."""

    kind: Kind
    low: int = 0
    high: int = 1
    unit: str = ""
    needed: bool = True


@dataclass(frozen=True, slots=True)
class Code:
    """What can be observed. value: None where `detail` says it all. question: as the patient is asked."""

    name: str
    question: str
    value: Field | None
    detail: Mapping[str, Field] = field(default_factory=dict)
    group: Group = Group.REPORT


_YES_NO = Field(Kind.YES_NO)
_PAIN = Field(Kind.NUMBER, 0, 10, "of 10")


def _precaution(name: str, question: str) -> Code:
    return Code(name, question, _YES_NO, group=Group.PRECAUTION)


def _red_flag(name: str, question: str) -> Code:
    return Code(name, question, _YES_NO, group=Group.RED_FLAG)


_TABLE = (
    Code("pain", "How strong is your pain now? 0 is none, 10 the worst you can think of.", _PAIN),
    Code("mood", "How is your mood today? 0 is the worst, 10 the best.", Field(Kind.NUMBER, 0, 10, "of 10")),
    # PHQ-2: two questions of 0..3 each; Kroenke, Spitzer, Williams 2003.
    Code(
        "phq2",
        "The sum of the two questions of the PHQ-2 over the last two weeks.",
        Field(Kind.NUMBER, 0, 6, "of 6"),
    ),
    Code(
        "nicotine",
        "Did you smoke, vape or use other nicotine since you were last asked? How often a day?",
        _YES_NO,
        {"amount": Field(Kind.NUMBER, 1, 200, "times a day", needed=False)},
    ),
    Code(
        "exercise",
        "Which exercise did you do: how many sets, of how many repetitions, how hard was it, and how much did it hurt?",
        Field(Kind.NUMBER, 1, 50, "sets"),
        {
            "kind": Field(Kind.WORD, 1, 60),
            "repetitions": Field(Kind.NUMBER, 1, 500, "in each set", needed=False),
            "difficulty": Field(Kind.NUMBER, 0, 10, "of 10", needed=False),
            "pain": Field(Kind.NUMBER, 0, 10, "of 10", needed=False),
        },
    ),
    Code("note", "Anything else?", None, {"text": Field(Kind.TEXT, 1, 4000)}),
    _precaution("bending", "Did you avoid bending your back?"),
    _precaution("lifting", "Did you avoid lifting more than you were told?"),
    _precaution("twisting", "Did you avoid twisting your back?"),
    _precaution("log_roll", "Did you get up by rolling onto your side first?"),
    _precaution("brace", "Did you wear your brace as you were told?"),
    _precaution("driving", "Did you keep to what you were told about driving?"),
    _red_flag("new_weakness", "Is an arm, a leg or a foot weaker than before?"),
    _red_flag("saddle_numbness", "Are you numb between the legs, where you sit on a saddle?"),
    _red_flag("bladder_or_bowel_change", "Has something changed in passing water or stool, or in holding them?"),
    _red_flag("fever", "Do you have a fever?"),
    _red_flag("wound_discharge", "Does something come out of the wound?"),
    _red_flag("calf_swelling", "Is a calf swollen, warm or painful?"),
    _red_flag("chest_pain", "Do you have chest pain, or trouble breathing?"),
)
# What rules read: a day of which it becomes known is judged again.
_JUDGED = frozenset({"pain"})
CODES: Mapping[str, Code] = {code.name: code for code in _TABLE}


def codes_of(group: Group) -> tuple[str, ...]:
    return tuple(code.name for code in _TABLE if code.group is group)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing said. value: yes and no are 1 and 0."""

    code: str
    value: int | None = None
    detail: Mapping[str, Answer] = field(default_factory=dict)

    @property
    def is_red_flag(self) -> bool:
        """It is a yes to a red-flag question."""
        return self.value == 1 and self.code in CODES and CODES[self.code].group is Group.RED_FLAG


@dataclass(frozen=True, slots=True)
class Said:
    """By whom, when it was so, and when it was entered."""

    at_ms: int
    source: Source
    entered_by: str
    entered_ms: int


@dataclass(frozen=True, slots=True)
class Observation:
    """One entry as it is kept. replaces: the number of the one that it corrects; withdrawn: nothing stands in its place."""

    number: int
    entry: Entry
    said: Said
    replaces: int | None = None
    withdrawn: bool = False


def checked(entry: Entry) -> Entry:
    """Return the entry with only what was answered. Raises: ValueError naming the answer and what was expected"""
    code = CODES.get(entry.code)
    if code is None:
        raise ValueError(f"{entry.code!r}: expected one of {', '.join(CODES)}")
    if unknown := [name for name in entry.detail if name not in code.detail]:
        raise ValueError(f"{entry.code}: {unknown[0]!r} is not asked; expected {', '.join(code.detail) or 'the value alone'}")
    if code.value is None and entry.value is not None:
        raise ValueError(f"{entry.code}: expected no number")
    value = None if code.value is None else _answer(entry.code, code.value, entry.value)
    answers = {name: _answer(f"{entry.code}: {name}", one, entry.detail.get(name)) for name, one in code.detail.items()}
    assert value is None or isinstance(value, int)  # values are numbers or yes and no
    return Entry(entry.code, value, {name: answer for name, answer in answers.items() if answer is not None})


def _answer(name: str, wanted: Field, answer: Answer) -> Answer:
    if answer is None:
        if wanted.needed:
            raise ValueError(f"{name}: expected an answer")
        return None
    if wanted.kind in (Kind.WORD, Kind.TEXT):
        return checked_text(name, str(answer), most=wanted.high, lines=wanted.kind is Kind.TEXT)
    if not isinstance(answer, int) or not wanted.low <= answer <= wanted.high:
        expected = "yes or no" if wanted.kind is Kind.YES_NO else f"a whole number from {wanted.low} to {wanted.high}"
        raise ValueError(f"{name}: expected {expected}, found {answer!r}"[:200])
    return int(answer)


def add_observations(connection: Connection, patient_id: int, entries: Sequence[Entry], said: Said) -> list[Observation]:
    """Store what was said at one instant, in the caller's transaction. Raises: ValueError for an entry that cannot be"""
    rows = [_row(checked(entry), said) for entry in entries]
    return [_keep(connection, patient_id, row) for row in rows]


def correct_observation(connection: Connection, patient_id: int, number: int, entry: Entry, said: Said) -> Observation:
    """Say what an observation should have been.

    Raises: NotKnown; Conflict if it stands no more, or was of another code; ValueError
    """
    before = find_standing(connection, tables.observations, patient_id, number)
    if before.code != entry.code:
        raise Conflict(f"entry {number} is of {before.code}: expected a correction of that, found {entry.code}")
    return _keep(connection, patient_id, _row(checked(entry), said), _observation(before))


def withdraw_observation(connection: Connection, patient_id: int, number: int, said: Said) -> Observation:
    """Say that an observation was not so, and nothing in its place. It counts at its own instant, whatever `said` says."""
    before = find_standing(connection, tables.observations, patient_id, number)
    row = _row(Entry(before.code), said) | {"at_ms": before.at_ms, "withdrawn": True}
    return _keep(connection, patient_id, row, _observation(before))


def find_observation(connection: Connection, patient_id: int, number: int) -> Observation:
    """Return one that stands. Raises: NotKnown, Conflict"""
    return _observation(find_standing(connection, tables.observations, patient_id, number))


def list_observations(
    connection: Connection,
    patient_id: int,
    start_ms: int | None = None,
    end_ms: int | None = None,
    *,
    codes: Collection[str] = (),
    history: bool = False,
) -> list[Observation]:
    """Return what was so within [start_ms, end_ms), in the order of time; a side that is None is open.

    codes:   only these; none: all
    history: with what was replaced and taken back
    """
    table = tables.observations
    wanted = select(table).where(table.c.patient_id == patient_id)
    if start_ms is not None:
        wanted = wanted.where(table.c.at_ms >= start_ms)
    if end_ms is not None:
        wanted = wanted.where(table.c.at_ms < end_ms)
    if codes:
        wanted = wanted.where(table.c.code.in_(sorted(codes)))
    if not history:
        wanted = wanted.where(standing(table))
    return [_observation(row) for row in connection.execute(wanted.order_by(table.c.at_ms, table.c.number))]


def read_pain(connection: Connection, patient_id: int, start_ms: int, end_ms: int) -> list[tuple[int, int]]:
    """Return (at_ms, pain 0..10) of [start_ms, end_ms) in time order, as the rules take it: pain at exercise is another thing."""
    found = list_observations(connection, patient_id, start_ms, end_ms, codes=["pain"])
    return [(one.said.at_ms, one.entry.value) for one in found if one.entry.value is not None]


def _keep(connection: Connection, patient_id: int, row: dict[str, Any], replaced: Observation | None = None) -> Observation:
    kept = _observation(append(connection, tables.observations, patient_id, row, replaced.number if replaced else None))
    if kept.entry.code in _JUDGED:
        instants = [kept.said.at_ms, *([replaced.said.at_ms] if replaced else [])]
        dirty.mark(connection, [(patient_id, at_ms // DAY_MS) for at_ms in instants])
    return kept


def _row(entry: Entry, said: Said) -> dict[str, Any]:
    return {
        "at_ms": said.at_ms,
        "code": entry.code,
        "value": entry.value,
        "detail": dict(entry.detail),
        "source": said.source.value,
        "entered_by": checked_text("by", said.entered_by, most=200),
        "entered_ms": said.entered_ms,
        "withdrawn": False,
    }


def _observation(row: Row[tuple[object, ...]]) -> Observation:
    return Observation(
        number=row.number,
        entry=Entry(row.code, row.value, row.detail),
        said=Said(row.at_ms, Source(row.source), row.entered_by, row.entered_ms),
        replaces=row.replaces,
        withdrawn=row.withdrawn,
    )
