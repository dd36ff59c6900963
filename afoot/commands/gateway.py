"""afoot gateway: collect near the patient, send to the clinic."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from afoot.app import now_ms
from afoot.commands.radio import parse_duration
from afoot.output import REFUSED, instant, print_table, refusals, say
from devices.radio.codecs import CODECS, find_codec
from ingest.collect.bluetooth import Radio
from ingest.collect.gateway import GatewayRoster
from ingest.collect.pairing import Paired, keep_leftovers, only_one
from ingest.collect.pushing import Clinic, Pushed, checked_url, push_waiting
from ingest.collect.rounds import sync_round

gateway = typer.Typer(help="A gateway near the patient: collects over Bluetooth, and sends to the clinic.", no_args_is_help=True)

Folder = Annotated[Path, typer.Option("--folder", metavar="FOLDER", help="Where it keeps all it has.")]
_HOME = Path("~/.local/share/afoot-gateway")
# After a failed try; then twice as long each time, at most an hour.
_RETRY_S, _LONGEST_S = 30, 3600


@gateway.command("add")
def add(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="The wearable, as `afoot device scan` shows it.")],
    kind: Annotated[str, typer.Option("--kind", help=f"What it is: {', '.join(codec.name for codec in CODECS)}.")],
    name: Annotated[str, typer.Option("--name", help="What it advertises.")] = "",
    folder: Folder = _HOME,
) -> None:
    """Add a wearable to this gateway."""
    if find_codec(kind) is None:
        raise typer.BadParameter(
            f"expected one of {', '.join(codec.name for codec in CODECS)}, found {kind!r}", param_hint="--kind"
        )
    with refusals():
        _roster(folder).add(Paired(address.upper(), address, name, kind))


@gateway.command("remove")
def remove(address: Annotated[str, typer.Argument(metavar="ADDRESS", help="The wearable.")], folder: Folder = _HOME) -> None:
    """Let go of a wearable. What was collected from it is sent all the same."""
    with refusals():
        _roster(folder).remove(address.upper())


@gateway.command("status")
def status(folder: Folder = _HOME) -> None:
    """Show the wearables, and what waits to be sent."""
    with refusals():
        roster = _roster(folder)
        rows = []
        for one in roster.list():
            said = roster.state(one.id)
            synced = said.get("synced_ms")
            rows.append(
                [
                    one.address,
                    one.name,
                    one.codec,
                    said.get("battery"),
                    None if synced is None else instant(synced),
                    said.get("problem", ""),
                ]
            )
        print_table("", ["address", "name", "kind", "battery", "synced", "problem"], rows, right=["battery"])
        say(f"{len(roster.spool.waiting())} captures wait to be sent")
        for waiting, reason in roster.spool.refused():
            say(f"refused by the clinic, and kept: {waiting.path}: {reason}")


@gateway.command("run")
def run(
    url: Annotated[str, typer.Option("--url", help="The clinic's service, such as https://clinic.example.org.")],
    token_file: Annotated[Path, typer.Option("--token-file", metavar="FILE", help="The file with this device's token.")],
    every: Annotated[str, typer.Option("--every", metavar="TIME", help="How often to collect: 15m, 1h.")] = "15m",
    once: Annotated[bool, typer.Option("--once", help="Collect and send once, and end.")] = False,
    adapter: Annotated[str, typer.Option("--adapter", help="Bluetooth adapter, such as hci0. Default: the system's own.")] = "",
    folder: Folder = _HOME,
) -> None:
    """Collect and send, again and again. Without a way to the clinic it goes on collecting; nothing is lost meanwhile."""
    pause_s = parse_duration(every)
    with refusals():
        clinic = Clinic(checked_url(url), token_file.read_text().strip())
        radio, roster = Radio(adapter or None), _roster(folder)
        with only_one(roster.folder):
            problem = _rounds(radio, roster, clinic, pause_s, once, time.sleep)
    raise typer.Exit(REFUSED if problem else 0)


def _roster(folder: Path) -> GatewayRoster:
    return GatewayRoster(folder.expanduser(), utc_offset_s=time.localtime().tm_gmtoff)


def _rounds(radio: Radio, roster: GatewayRoster, clinic: Clinic, pause_s: int, once: bool, sleep: Callable[[float], None]) -> str:
    """Collect, then send until nothing waits or the next round is due. Returns: what stood in the way last"""
    while True:
        begun = time.monotonic()
        for problem in keep_leftovers(roster):
            say(problem)
        seen = asyncio.run(sync_round(radio, roster, roster.list(), now_ms))
        for id, one in seen.items():
            if one.problem:
                say(f"{id}: {one.problem} {one.hint}")
        pushed = push_waiting(roster.spool, clinic)
        _tell(pushed)
        if once:
            return pushed.problem or next((one.problem for one in seen.values() if one.problem), "")
        wait_s = float(_RETRY_S)
        while pushed.problem and time.monotonic() - begun + wait_s < pause_s:
            sleep(max(wait_s, pushed.wait_s))
            pushed = push_waiting(roster.spool, clinic)
            _tell(pushed)
            wait_s = min(2 * wait_s, _LONGEST_S)
        sleep(max(0.0, pause_s - (time.monotonic() - begun)))


def _tell(pushed: Pushed) -> None:
    if pushed.sent or pushed.refused or pushed.problem:
        say(f"{pushed.sent} captures sent, {pushed.refused} refused{'; ' if pushed.problem else ''}{pushed.problem}")
