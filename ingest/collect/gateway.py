"""A gateway: wearables near a patient, collected without a store, and sent to the clinic when it can be reached.

Its folder holds one JSON file for each wearable, the captures being written, and the spool. A capture is safe when the spool
has it; only then does the wearable's cursor move.
"""

import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from devices.errors import DecodeError
from devices.radio.capture import parse_capture
from devices.radio.codec import Cursor
from ingest.collect.links import BrokenProtocol
from ingest.collect.pairing import Paired, Seen
from ingest.collect.spool import Spool
from ingest.errors import Conflict, NotKnown

_UNSAFE = re.compile(r"[^A-Z0-9]+")


class GatewayRoster:
    """A `Roster` in a folder of a gateway."""

    def __init__(self, home: Path, utc_offset_s: int = 0) -> None:
        self._devices, self.folder, self.spool = home / "wearables", home / "radio", Spool(home / "spool")
        self._devices.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._utc_offset_s = utc_offset_s

    def add(self, one: Paired) -> None:
        """Raises: Conflict if it is there"""
        if self._path(one.id).exists():
            raise Conflict(f"wearable {one.id}: is there already")
        self._write(
            one.id, {"address": one.address, "name": one.name, "codec": one.codec, "facts": dict(one.facts), "id": one.id}
        )

    def remove(self, id: str) -> None:
        """Raises: NotKnown"""
        try:
            self._path(id).unlink()
        except FileNotFoundError as error:
            raise NotKnown(f"wearable {id!r}: there is none here") from error

    def list(self) -> "list[Paired]":
        return [self._paired(json.loads(path.read_text())) for path in sorted(self._devices.glob("*.json"))]

    def find(self, id: str) -> Paired:
        return self._paired(self._read(id))

    def keep(self, id: str, capture: Path, cursor: Cursor | None) -> None:
        said = self._read(id)
        try:
            parse_capture(capture.read_bytes(), capture.name)
        except DecodeError as error:
            raise BrokenProtocol(str(error)) from error
        self.spool.adopt(capture, capture.name)
        if cursor is not None:
            self._write(id, said | {"cursor": dict(cursor)})

    def note(self, id: str, seen: Seen) -> None:
        said = self._read(id) | {"tried_ms": seen.at_ms, "problem": seen.problem, "hint": seen.hint}
        if not seen.problem:
            said["synced_ms"] = seen.at_ms
        if seen.battery is not None:
            said |= {"battery": seen.battery}
        self._write(id, said)

    def state(self, id: str) -> dict[str, Any]:
        """Return what is known of a wearable: battery, tried_ms, synced_ms, problem, hint, as far as there is something."""
        return self._read(id)

    def _paired(self, said: dict[str, Any]) -> Paired:
        one = Paired(said["id"], said["address"], said["name"], said["codec"], said.get("cursor", {}), said.get("facts", {}))
        return replace(one, utc_offset_s=self._utc_offset_s)

    def _path(self, id: str) -> Path:
        return self._devices / f"{_UNSAFE.sub('-', id.upper())}.json"

    def _read(self, id: str) -> dict[str, Any]:
        try:
            said: dict[str, Any] = json.loads(self._path(id).read_text())
        except FileNotFoundError as error:
            raise NotKnown(f"wearable {id!r}: there is none here") from error
        return said

    def _write(self, id: str, said: dict[str, Any]) -> None:
        """Replace the file whole, and on the disk: half a cursor would be none."""
        path = self._path(id)
        new = path.with_suffix(".new")
        with new.open("w") as file:
            json.dump(said, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
