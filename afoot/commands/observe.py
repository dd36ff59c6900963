"""afoot observe, observations."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated

import typer
from rich.panel import Panel
from sqlalchemy import Connection

from afoot.app import App
from afoot.commands.common import From, Json, PatientName, To, opened, parse_range
from afoot.commands.entering import At, Corrects, Withdraw, parse_whole, parse_yes_no, when
from afoot.delivering import send_due
from afoot.observing import keep_said
from afoot.output import instant, print_json, print_table, say, stderr, stdout
from afoot.plain import plain_observation
from ingest import people
from ingest.observations import (
    CODES,
    EMERGENCY,
    Entry,
    Group,
    Kind,
    Observation,
    Said,
    Source,
    codes_of,
    find_observation,
    list_observations,
    withdraw_observation,
)
from ingest.people import Patient
from ingest.timeline import read_days
from rules.outbox import State

NONE_OF_THEM = "none"
_RED_FLAGS, _PRECAUTIONS = codes_of(Group.RED_FLAG), codes_of(Group.PRECAUTION)
_TWO_DAYS = timedelta(days=2)

Many = list[str] | None
RedFlag = Annotated[
    Many,
    typer.Option(
        "--red-flag", metavar="NAME", help=f"A warning sign that is there: {', '.join(_RED_FLAGS)}. NAME=no or none: is not."
    ),
]
Precautions = Annotated[
    Many, typer.Option("--precautions", metavar="NAME=yes|no,...", help=f"Kept to or not: {', '.join(_PRECAUTIONS)}.")
]
Exercise = Annotated[
    Many, typer.Option("--exercise", metavar="KIND:SETS[xTIMES][:DIFFICULTY[:PAIN]]", help="Done; difficulty and pain 0 to 10.")
]


def observe(
    patient: PatientName,
    red_flag: RedFlag = None,
    pain: Annotated[str | None, typer.Option("--pain", metavar="0-10", help="Pain now.")] = None,
    mood: Annotated[str | None, typer.Option("--mood", metavar="0-10", help="Mood today; 10 is the best.")] = None,
    phq2: Annotated[str | None, typer.Option("--phq2", metavar="0-6", help="Sum of the PHQ-2.")] = None,
    nicotine: Annotated[str | None, typer.Option("--nicotine", metavar="yes|no|N", help="Used; N: times a day.")] = None,
    exercise: Exercise = None,
    precautions: Precautions = None,
    note: Annotated[str | None, typer.Option("--note", help="Anything else.")] = None,
    at: At = None,
    by: Annotated[str | None, typer.Option("--by", metavar="WHO", help="Who enters it; default: the patient.")] = None,
    corrects: Corrects = None,
    withdraw: Withdraw = None,
    json: Json = False,
) -> None:
    """Keep what a patient says. A warning sign shows what to do at once and is told to the therapist."""
    flags = red_flag or []
    # Before anything else: no wrong name, wrong number or busy store keeps the patient from reading it.
    alarm = any(not text.endswith("=no") and text != NONE_OF_THEM for text in flags)
    if alarm:
        _show_emergency(json)
    with opened() as app:
        now_ms = app.now_ms()
        with app.store.reading() as connection:
            owner = people.find_patient(connection, patient)
            before = _replaced(connection, owner, corrects, withdraw)
        at_ms = when(at, now_ms, before.said.at_ms if before else None)
        said = Said(at_ms, Source.PATIENT if by is None else Source.CLINIC, by or Source.PATIENT.value, now_ms)
        kept, told = _keep(app, owner, _flag_entries(flags), said, corrects)
        numbers = (("pain", pain), ("mood", mood), ("phq2", phq2))
        entries = [Entry(code, parse_whole(f"--{code}", text)) for code, text in numbers if text is not None]
        entries += [_nicotine(nicotine)] if nicotine is not None else []
        entries += map(_exercise, exercise or [])
        entries += _precautions(precautions or [])
        entries += [Entry("note", None, {"text": note})] if note is not None else []
        if withdraw is not None:
            if kept or entries or corrects is not None:
                raise ValueError("--withdraw: expected nothing else beside it")
            with app.store.writing() as connection:
                kept = [withdraw_observation(connection, owner.id, withdraw, said)]
        elif not (kept or entries):
            raise ValueError("nothing was said: expected at least one of --pain, --mood, --red-flag and so on")
        else:
            kept += _keep(app, owner, entries, said, corrects)[0]
    if json:
        warning = {"emergency": EMERGENCY if alarm else None, "therapist_told": told}
        print_json({"observations": [plain_observation(one) for one in kept]} | warning)
    else:
        _print(kept)


def observations(
    patient: PatientName,
    from_: From = None,
    to: To = None,
    code: Annotated[Many, typer.Option("--code", help=f"Only of this: {', '.join(CODES)}. As often as needed.")] = None,
    history: Annotated[bool, typer.Option("--history", help="With what was corrected and taken back.")] = False,
    json: Json = False,
) -> None:
    """List what a patient said, or others for them, in the order of time."""
    if unknown := [one for one in code or [] if one not in CODES]:
        raise typer.BadParameter(f"expected one of {', '.join(CODES)}, found {unknown[0]!r}", param_hint="--code")
    with opened() as app, app.store.reading() as connection:
        owner = people.find_patient(connection, patient)
        start_ms, end_ms = _bounds(connection, owner, *parse_range(from_, to))
        found = list_observations(connection, owner.id, start_ms, end_ms, codes=code or (), history=history)
    if json:
        print_json([plain_observation(one) for one in found])
    else:
        _print(found)


def _show_emergency(json: bool) -> None:
    for console in (stderr,) if json else (stdout, stderr):
        console.print(Panel(EMERGENCY, title="WARNING SIGN", style="bold red", width=min(console.width, 100)), soft_wrap=False)


def _replaced(connection: Connection, owner: Patient, corrects: int | None, withdraw: int | None) -> Observation | None:
    number = corrects if corrects is not None else withdraw
    return None if number is None else find_observation(connection, owner.id, number)


def _keep(
    app: App, owner: Patient, entries: Sequence[Entry], said: Said, corrects: int | None
) -> tuple[list[Observation], bool | None]:
    """Store entries and queue what is urgent of them in one commit, then send. Returns also whether the therapist was told."""
    if not entries:
        return [], None
    if corrects is not None and len(entries) > 1:
        raise ValueError(f"--corrects: expected one answer, found {len(entries)}")
    with app.store.writing() as connection:
        kept, urgent = keep_said(connection, owner.id, entries, said, corrects)
    return kept, None if urgent is None else _tell(app, urgent)


def _tell(app: App, urgent: str) -> bool:
    """Send what waits. Returns whether this one has reached a channel; if not, says so."""
    tried = [one for one in send_due(app) if urgent in one.transitions]
    if any(one.state is State.SENT for one in tried):
        say("The therapist has been told.")
        return True
    why = next((one.reason for one in tried if one.reason), "it is being sent by another process, or no channel is set")
    say(f"THE THERAPIST HAS NOT BEEN TOLD YET: {why}. The message waits; call the clinic.")
    return False


def _flag_entries(texts: Sequence[str]) -> list[Entry]:
    """Raises: ValueError naming the questions"""
    if NONE_OF_THEM in texts:
        if len(texts) > 1:
            raise ValueError("--red-flag none: expected no other beside it")
        return [Entry(name, 0) for name in _RED_FLAGS]
    answers = dict(_answer("--red-flag", text if "=" in text else f"{text}=yes", _RED_FLAGS) for text in texts)
    return [Entry(name, answer) for name, answer in answers.items()]


def _precautions(texts: Sequence[str]) -> list[Entry]:
    """Raises: ValueError naming the questions"""
    parts = [part for text in texts for part in text.split(",")]
    answers = dict(_answer("--precautions", part, _PRECAUTIONS) for part in parts)
    return [Entry(name, answer) for name, answer in answers.items()]


def _answer(option: str, text: str, names: Sequence[str]) -> tuple[str, int]:
    name, _, answer = (part.strip() for part in text.partition("="))
    if name not in names:
        raise ValueError(f"{option} {name!r}: expected one of {', '.join(names)}")
    return name, parse_yes_no(f"{option} {name}", answer)


def _nicotine(text: str) -> Entry:
    if not text.isdigit():
        return Entry("nicotine", parse_yes_no("--nicotine", text))
    amount = parse_whole("--nicotine", text)
    return Entry("nicotine", 1, {"amount": amount}) if amount else Entry("nicotine", 0)


def _exercise(text: str) -> Entry:
    """Raises: ValueError naming the form"""
    kind, *parts = text.split(":")
    if not 1 <= len(parts) <= 3:
        raise ValueError(f"--exercise {text!r}: expected KIND:SETS[xTIMES][:DIFFICULTY[:PAIN]]")
    sets, times, repetitions = parts[0].partition("x")
    detail: dict[str, int | str | None] = {"kind": kind}
    if times:
        detail["repetitions"] = parse_whole("--exercise times", repetitions)
    for name, part in zip(("difficulty", "pain"), parts[1:], strict=False):
        detail[name] = parse_whole(f"--exercise {name}", part) if part else None
    return Entry("exercise", parse_whole("--exercise sets", sets), detail)


def _bounds(connection: Connection, owner: Patient, first: date | None, last: date | None) -> tuple[int | None, int | None]:
    """Return the instants at which the local days begin and end; around a date that the clock skipped, the next ones."""
    start = read_days(connection, owner, first, first + _TWO_DAYS)[0].start_ms if first else None
    end = read_days(connection, owner, last - _TWO_DAYS, last)[-1].end_ms if last else None
    return start, end


def _print(found: Sequence[Observation]) -> None:
    rows = [[one.number, instant(one.said.at_ms), one.entry.code, _said(one), one.said.entered_by, one.replaces] for one in found]
    print_table("", ["number", "at", "what", "said", "by", "corrects"], rows, right=["number", "corrects"])


def _said(one: Observation) -> str:
    if one.withdrawn:
        return "taken back"
    code, value = CODES[one.entry.code], one.entry.value
    said = []
    if code.value is not None:
        said = [("no", "yes")[bool(value)] if code.value.kind is Kind.YES_NO else f"{value} {code.value.unit}"]
    for name, answer in one.entry.detail.items():
        wanted = code.detail[name]
        said.append(str(answer) if wanted.kind in (Kind.WORD, Kind.TEXT) else f"{name} {answer} {wanted.unit}")
    return ", ".join(said)
