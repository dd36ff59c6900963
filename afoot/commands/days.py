"""afoot day, days, gaps, compare."""

from typing import Annotated, Any

import typer

from afoot.commands.common import From, Json, PatientName, To, days_with_data, opened, parse_date, parse_range
from afoot.judging import JudgedDay, judge_days
from afoot.output import instant, print_json, print_table, print_text
from devices.recording import MINUTE_MS
from ingest import people
from ingest.comparison import compare_totals
from ingest.errors import NotKnown
from ingest.faults import find_faults
from ingest.gaps import find_gaps


def day(
    patient: PatientName,
    date: Annotated[str | None, typer.Argument(metavar="[DATE]", help="The local day; default: the last with data.")] = None,
    json: Json = False,
) -> None:
    """Show one local day: worn, still, walked, unknown, and how it compares with the prescription."""
    with opened() as app, app.store.reading() as connection:
        owner = people.find_patient(connection, patient)
        wanted = parse_date(date) if date else None
        judged = list(judge_days(connection, owner, wanted, wanted))[-1:]
        if not judged:
            missing = f"lived no {wanted}: the clock skipped it" if wanted else "has no data yet: import some with `afoot import`"
            raise NotKnown(f"patient {patient!r} {missing}")
        start_ms = judged[0].summary.start_ms
        end_ms = start_ms + judged[0].summary.n_min * MINUTE_MS
        aside = find_faults(connection, owner.id, start_ms, end_ms).faults
        names = {one.id: one.device.key for one in people.list_devices(connection, owner.id)}
    rows: list[list[object]] = [
        [names[one.device_id], instant(one.start_ms), instant(one.end_ms), one.kind.value] for one in aside
    ]
    columns = ["device", "from", "to", "because"]
    if json:
        aside_rows = [dict(zip(columns, row, strict=True)) for row in rows]
        print_json({**_plain(judged[0]), **({"set_aside": aside_rows} if rows else {})})
        return
    _print_day(judged[0])
    if rows:
        print_table("set aside, for it cannot be true", columns, rows)


def days(patient: PatientName, from_: From = None, to: To = None, json: Json = False) -> None:
    """Show local days, a line each; days without data in between are shown as unknown."""
    with opened() as app, app.store.reading() as connection:
        owner = people.find_patient(connection, patient)
        first, last = parse_range(from_, to)
        judged = judge_days(connection, owner, first, last)
        if json:
            for one in judged:
                print_json(_plain(one))
            return
        rows = [_line(one) for one in judged]
    if not rows:
        _say_nothing(patient)
        return
    numbers = ["worn h", "unknown h", "steps", "still max", "walks", "adherence"]
    print_table("", ["day", "phase", *numbers, "state"], rows, right=numbers)


def gaps(
    patient: PatientName,
    from_: From = None,
    to: To = None,
    longer: Annotated[int, typer.Option("--longer", metavar="MINUTES", help="Leave out the shorter ones.", min=15)] = 60,
    json: Json = False,
) -> None:
    """List the stretches for which a device said nothing, what is lost in them, and what it said that cannot be true."""
    with opened() as app, app.store.reading() as connection:
        owner = people.find_patient(connection, patient)
        local = days_with_data(connection, owner, from_, to)
        rows: list[dict[str, Any]] = []
        if local:
            names = {one.id: one.device.key for one in people.list_devices(connection, owner.id)}
            now, limit_ms = app.now_ms(), longer * MINUTE_MS
            rows = [
                {
                    "device": names[gap.device_id],
                    "from": instant(gap.start_ms),
                    "to": None if gap.is_tail else instant(gap.end_ms),
                    "minutes": gap.length_ms // MINUTE_MS,
                    "lost_steps": gap.unplaced,
                    "explained_by": [kind.value for kind in gap.explained_by],
                }
                for gap in find_gaps(connection, owner.id, local[0].start_ms, local[-1].end_ms, now, limit_ms=limit_ms)
            ]
            rows += [
                {
                    "device": names[fault.device_id],
                    "from": instant(fault.start_ms),
                    "to": instant(fault.end_ms),
                    "minutes": (fault.end_ms - fault.start_ms) // MINUTE_MS,
                    "lost_steps": 0,
                    "explained_by": [fault.kind.value],
                }
                for fault in find_faults(connection, owner.id, local[0].start_ms, local[-1].end_ms).faults
            ]
    if json:
        print_json(rows)
        return
    if not local:
        _say_nothing(patient)
        return
    if not rows:
        print_text(f"no device was silent for {longer} minutes or more, and none said what cannot be true")
        return
    cells = [[*list(row.values())[:5], ", ".join(row["explained_by"])] for row in rows]
    print_table("", ["device", "from", "to", "minutes", "lost steps", "because"], cells, right=["minutes", "lost steps"])


def compare(patient: PatientName, from_: From = None, to: To = None, json: Json = False) -> None:
    """Compare our sum of each day with what the vendor says it amounts to; neither is corrected by the other."""
    with opened() as app, app.store.reading() as connection:
        owner = people.find_patient(connection, patient)
        local = days_with_data(connection, owner, from_, to)
        names = {one.id: one.device.key for one in people.list_devices(connection, owner.id)}
        rows: list[dict[str, Any]] = [
            {
                "day": one.day.isoformat(),
                "device": names[one.device_id],
                "ours": one.ours,
                "vendor": one.vendor,
                "difference": one.difference,
                "share_known": round(one.share, 3),
            }
            for one in compare_totals(connection, owner.id, local)
        ]
    if json:
        print_json(rows)
        return
    if not local:
        _say_nothing(patient)
        return
    if not rows:
        print_text("there is nothing to compare: no device says what a day of these comes to")
        return
    numbers = ["ours", "vendor", "difference", "share known"]
    print_table("", ["day", "device", *numbers], [list(row.values()) for row in rows], right=numbers)


def _say_nothing(patient: str) -> None:
    """Where a table would be empty because no day is in question: a patient without data, or dates beyond them."""
    print_text(f"there are no data of patient {patient!r} in these days; `afoot import` and `afoot sync` bring some")


def _plain(judged: JudgedDay) -> dict[str, Any]:
    return {**judged.summary.to_json(), "verdict": judged.verdict.to_json() if judged.verdict else None}


def _line(judged: JudgedDay) -> list[object]:
    summary, verdict = judged.summary, judged.verdict
    walks = summary.credited_walks
    prescribed = verdict.item("walks").target if verdict else None
    state = "no data" if not summary.has_data else "partial" if summary.partial else ""
    return [
        summary.day.isoformat(),
        verdict.phase if verdict else None,
        f"{summary.worn_min / 60:.1f}",
        f"{summary.unknown_min / 60:.1f}",
        summary.steps,
        summary.longest_stationary_min,
        None if walks is None else f"{walks}/{prescribed:g}" if prescribed is not None else str(walks),
        None if verdict is None or verdict.adherence is None else f"{verdict.adherence:.0%}",
        state,
    ]


def _print_day(judged: JudgedDay) -> None:
    summary, verdict = judged.summary, judged.verdict
    facts: list[list[object]] = [
        ["steps", summary.steps, "steps"],
        ["worn", summary.worn_min, "min"],
        ["not worn", summary.not_worn_min, "min"],
        ["unknown", summary.unknown_min, "min"],
        ["asleep", summary.asleep_min, "min"],
        ["still", summary.still_min, "min"],
        ["moving", summary.moving_min, "min"],
        ["walking", summary.walking_min, "min"],
        ["longest stillness", summary.longest_stationary_min, "min"],
        ["breaks", summary.breaks, ""],
        ["coverage of the waking day", f"{summary.coverage:.0%}", ""],
        ["wear known from", summary.wear_source.value, ""],
    ]
    state = "no data" if not summary.has_data else "partial day" if summary.partial else "valid day"
    print_table(f"{summary.day} ({state})", ["measured", "", "unit"], facts, right=[""])
    if verdict is None:
        print_table("", ["no prescription was in force on this day"], [])
        return
    rows = [
        [item.name, item.status.value, _number(item.done), _number(item.target), item.unit, item.reason] for item in verdict.items
    ]
    title = f"prescription version {verdict.version}, phase {verdict.phase or '–'}"
    print_table(title, ["prescribed", "", "done", "target", "unit", "because"], rows, right=["done", "target"])


def _number(value: float | None) -> str | None:
    return None if value is None else f"{round(value, 2):,.9g}"
