"""Writing a new version of a prescription, for commands, pages and the API."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection

from afoot.judging import read_prescriptions
from ingest import prescriptions
from ingest.people import Patient
from rules.prescription import Prescription, revise


def prescribe(
    connection: Connection,
    patient: Patient,
    changes: Mapping[str, Any],
    author: str,
    effective: date,
    reason: str,
    created_ms: int,
) -> Prescription:
    """Keep a new version, in the caller's transaction; what `changes` do not name stays as it was.

    changes: as `rules.prescription.revise` takes them; the first version needs `surgery_date`
    Raises:  ValueError saying which field is wrong
    """
    new = next_version(read_prescriptions(connection, patient), changes, author, effective, reason)
    body = new.model_dump(mode="json")
    version = prescriptions.add_version(connection, patient.id, new.effective, body, created_ms)
    return Prescription.model_validate(body | {"version": version})


def next_version(
    versions: Sequence[Prescription], changes: Mapping[str, Any], author: str, effective: date, reason: str
) -> Prescription:
    """Return what `prescribe` would keep. Raises: ValueError saying which field is wrong"""
    wanted = dict(changes)
    try:
        if versions:
            return revise(versions[-1], wanted, author=author, effective=effective, reason=reason)
        if "surgery_date" not in wanted:
            raise ValueError("the first prescription of a patient needs --surgery DATE (surgery_date)")
        first = Prescription(author=author, effective=effective, reason=reason, surgery_date=wanted.pop("surgery_date"))
        changed = revise(first, wanted, author=author, effective=effective, reason=reason)
        return changed.model_copy(update={"version": 1})
    except ValidationError as error:
        raise ValueError(say_problems(error)) from error


def say_problems(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, one['loc'])) or 'prescription'}: {one['msg'].removeprefix('Value error, ')}"
        for one in error.errors()
    )


def parse_change(text: str) -> tuple[str, Any]:
    """Return name and value of NAME=VALUE; `off` and `none` are None. Raises: ValueError"""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ValueError(f"{text!r}: expected NAME=VALUE")
    try:
        return name.strip(), json.loads(value)
    except (ValueError, RecursionError):  # no JSON, or none that anybody means
        return name.strip(), None if value.strip() in ("off", "none") else value.strip()
