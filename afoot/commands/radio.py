"""afoot device scan, add, remove; afoot sync, live, doctor: wearables over Bluetooth."""

import asyncio
import re
import time
from typing import Annotated, Any

import typer
from rich.live import Live as LiveLine
from rich.text import Text

from afoot import syncing
from afoot.app import App
from afoot.commands.common import Json, PatientOption, opened
from afoot.commands.people import device
from afoot.output import REFUSED, instant, print_json, print_table, say, stderr
from devices.radio.codec import Action, Live, Progress
from devices.radio.codecs import CODECS, find_codec
from ingest import people, wearables
from ingest.collect.bluetooth import SCAN_S, Heard, scan
from ingest.collect.links import Unreachable
from ingest.collect.pairing import Paired, Seen, keep_leftovers
from ingest.collect.rounds import Rules
from ingest.errors import NotKnown

Seconds = Annotated[float, typer.Option("--seconds", help="How long to listen.", min=1, max=120)]
_DURATION = re.compile(r"(\d+)(s|m|h)")
_UNITS = {"s": 1, "m": 60, "h": 3600}
_SHORTEST_S = 10
# A Bluetooth address, or what macOS gives instead of one.
_ADDRESS = re.compile(r"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}|[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}", re.IGNORECASE)


def _listen(app: App, seconds: float) -> list[Heard]:
    return asyncio.run(scan(syncing.radio_of(app), seconds))


def _failed(error: Unreachable) -> typer.Exit:
    say(f"afoot: {error}")
    if error.hint:
        say(error.hint)
    return typer.Exit(REFUSED)


@device.command("scan")
def scan_(
    seconds: Seconds = SCAN_S,
    all_: Annotated[bool, typer.Option("--all", help="Show what afoot cannot read, too.")] = False,
    json: Json = False,
) -> None:
    """Listen for wearables nearby, the nearest first."""
    with opened() as app:
        try:
            heard = [one for one in _listen(app, seconds) if all_ or one.codec]
        except Unreachable as error:
            raise _failed(error) from error
    rows = [
        {"address": one.address, "name": one.name, "kind": one.codec.name if one.codec else None, "signal_dbm": one.rssi}
        for one in heard
    ]
    if json:
        print_json(rows)
    else:
        print_table("", ["address", "name", "kind", "signal dBm"], [list(row.values()) for row in rows], right=["signal dBm"])


@device.command("add")
def add(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="The device, as `afoot device scan` shows it.")],
    patient: PatientOption,
    kind: Annotated[
        str, typer.Option("--kind", help=f"What it is: {', '.join(codec.name for codec in CODECS)}. Default: as it is heard.")
    ] = "",
    name: Annotated[str, typer.Option("--name", help="What it advertises. Default: as it is heard.")] = "",
    one_foot: Annotated[bool, typer.Option("--one-foot", help="A foot pod that counts the steps of one foot.")] = False,
    seconds: Seconds = SCAN_S,
) -> None:
    """Pair a wearable with a patient: from now on it is synced for them."""
    if not _ADDRESS.fullmatch(address):
        expected = "expected an address as `afoot device scan` shows it, such as 70:CB:0D:D0:34:1C, or of macOS a UUID"
        raise typer.BadParameter(f"{expected}, found {address!r}", param_hint="ADDRESS")
    if kind and find_codec(kind) is None:
        raise typer.BadParameter(
            f"expected one of {', '.join(codec.name for codec in CODECS)}, found {kind!r}", param_hint="--kind"
        )
    with opened() as app:
        with app.store.reading() as connection:
            owner = people.find_patient(connection, patient)
        if not (kind and name):
            try:
                found = next((one for one in _listen(app, seconds) if one.address.upper() == address.upper()), None)
            except Unreachable as error:
                raise _failed(error) from error
            if found is None:
                raise NotKnown(f"device {address}: not heard; is it near, charged, and not connected to a phone?")
            kind, name = kind or (found.codec.name if found.codec else ""), name or found.name
            if not kind:
                raise NotKnown(f"device {address} ({name}): afoot does not know what it is; say so with --kind")
        facts = {"both_feet": 0} if one_foot else {}
        with app.store.writing() as connection:
            wearables.add_wearable(connection, owner.id, Paired(address.upper(), address, name, kind, facts=facts))


@device.command("remove")
def remove(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="The device, as `afoot device wearables` shows it.")],
    patient: PatientOption,
) -> None:
    """Let go of a wearable. What it said stays."""
    with opened() as app, syncing.alone(app) as roster:
        # What a killed process left is of whoever wore it then; the next who is paired with it must not get it.
        keep_leftovers(roster)
        with app.store.writing() as connection:
            wearables.remove_wearable(connection, people.find_patient(connection, patient).id, address)


@device.command("wearables")
def list_wearables(patient: PatientOption, json: Json = False) -> None:
    """List a patient's wearables: battery, last sync, what went wrong; `page` is one that only the patient's page reaches."""
    with opened() as app, app.store.reading() as connection:
        owner = people.find_patient(connection, patient)
        rows: list[dict[str, Any]] = [
            {
                "address": one.paired.address or one.paired.id,
                "name": one.paired.name,
                "kind": one.paired.codec,
                "radio": "machine" if one.paired.address else "page",
                "battery": one.battery,
                "charging": one.charging,
                "tried": None if one.tried_ms is None else instant(one.tried_ms),
                "synced": None if one.synced_ms is None else instant(one.synced_ms),
                "problem": one.problem,
                "hint": one.hint,
            }
            for one in wearables.list_wearables(connection, [owner.id])
        ]
    if json:
        print_json(rows)
        return
    columns = ["address", "name", "kind", "radio", "battery", "tried", "synced", "problem"]
    print_table("", columns, [[row[column] for column in columns] for row in rows], right=["battery"])


def sync(
    patient: Annotated[str | None, typer.Option("--patient", help="Only the wearables of this patient.")] = None,
    every: Annotated[
        str | None, typer.Option("--every", metavar="TIME", help="Again and again: 30s, 15m, 1h. Default: once.")
    ] = None,
    json: Json = False,
) -> None:
    """Fetch what paired wearables have kept, over Bluetooth. Whatever breaks off goes on where it was."""
    pause_s = None if every is None else parse_duration(every)
    with opened() as app:
        while True:
            with app.store.reading() as connection:
                ids = None if patient is None else [people.find_patient(connection, patient).id]
                paired = {one.paired.id: one.paired for one in wearables.list_wearables(connection, ids) if one.paired.address}
            if not paired and pause_s is None:
                raise NotKnown("no wearable is paired; `afoot device scan`, then `afoot device add`")
            seen = syncing.sync(app, syncing.radio_of(app), paired, told=_progress) if paired else {}
            _report(paired, seen, json)
            if pause_s is None:
                raise typer.Exit(REFUSED if any(one.problem for one in seen.values()) else 0)
            time.sleep(pause_s)


def parse_duration(text: str) -> int:
    """Return seconds. Raises: typer.BadParameter naming the form"""
    match = _DURATION.fullmatch(text)
    seconds = int(match[1]) * _UNITS[match[2]] if match else 0
    if not _SHORTEST_S <= seconds <= 24 * 3600:
        raise typer.BadParameter(
            f"expected a time such as 30s, 15m or 1h, from {_SHORTEST_S}s to 24h, found {text!r}", param_hint="--every"
        )
    return seconds


def _progress(one: Paired, action: Action) -> None:
    if isinstance(action, Progress) and action.of and stderr.is_terminal:
        stderr.print(f"{one.address}: {action.done} of {action.of}", end="\r")


def _report(paired: dict[str, Paired], seen: dict[str, Seen], json: bool) -> None:
    rows = [
        {"address": paired[id].address, "name": paired[id].name, "battery": one.battery, "problem": one.problem, "hint": one.hint}
        for id, one in sorted(seen.items())
    ]
    if json:
        for row in rows:
            print_json(row)
        return
    print_table("", ["address", "name", "battery", "problem", "hint"], [list(row.values()) for row in rows], right=["battery"])


def live(
    address: Annotated[
        str, typer.Argument(metavar="ADDRESS", help="A paired wearable that measures now: heart rate, cadence, steps.")
    ],
    patient: PatientOption,
    minutes: Annotated[float, typer.Option("--minutes", help="How long to follow it.", min=0.1, max=720)] = 10,
) -> None:
    """Follow what a wearable measures now, on one line; all of it is kept."""
    with opened() as app:
        with app.store.reading() as connection:
            owner = people.find_patient(connection, patient)
            one = wearables.find_wearable(connection, owner.id, address).paired
        if not one.address:
            raise NotKnown(f"wearable {address!r}: expected one that this machine reaches; only the patient's page reaches this")
        values: dict[str, float] = {}
        with LiveLine(Text("listening"), console=stderr, refresh_per_second=4) as line:

            def told(_: Paired, action: Action) -> None:
                if isinstance(action, Live):
                    values[action.metric] = action.value
                    line.update(Text("   ".join(f"{metric} {value:g}" for metric, value in sorted(values.items()))))

            rules = Rules(longest_s=minutes * 60, tries=1, live=True)
            seen = syncing.sync(app, syncing.radio_of(app), [one.id], rules, told)
        _report({one.id: one}, seen, json=False)
        raise typer.Exit(REFUSED if any(one.problem for one in seen.values()) else 0)


def doctor(seconds: Seconds = 5.0) -> None:
    """Say whether Bluetooth works here and, if not, what is wrong and what to do."""
    with opened() as app:
        try:
            heard = _listen(app, seconds)
        except Unreachable as error:
            raise _failed(error) from error
    known = [one for one in heard if one.codec]
    say(f"Bluetooth works: {len(heard)} devices heard in {seconds:g} s, {len(known)} of them wearables that afoot can read")
    if not heard:
        say("Nothing at all was heard. Wake the wearable, take it off its charger, and end its connection to a phone.")
