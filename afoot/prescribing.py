"""A new version of a prescription, from what somebody wrote."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from pydantic import ValidationError

from rules.prescription import Prescription, revise


def next_version(
    versions: Sequence[Prescription], wanted: Mapping[str, Any], author: str, effective: date, reason: str
) -> Prescription:
    """Return the next version, or the first. wanted: by the names of `revise`.

    Raises: ValueError saying which field is wrong
    """
    wanted = dict(wanted)
    try:
        if versions:
            return revise(versions[-1], wanted, author=author, effective=effective, reason=reason)
        if "surgery_date" not in wanted:
            raise ValueError("the first prescription of a patient needs --surgery DATE")
        first = Prescription(author=author, effective=effective, reason=reason, surgery_date=wanted.pop("surgery_date"))
        changed = revise(first, wanted, author=author, effective=effective, reason=reason)
        return changed.model_copy(update={"version": 1})
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, one['loc'])) or 'prescription'}: {one['msg'].removeprefix('Value error, ')}"
            for one in error.errors()
        )
        raise ValueError(problems) from error


def parse_change(text: str) -> tuple[str, Any]:
    """Return name and value of NAME=VALUE; `off` and `none` are None. Raises: ValueError"""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ValueError(f"--set {text!r}: expected NAME=VALUE")
    try:
        return name.strip(), json.loads(value)
    except (ValueError, RecursionError):  # no JSON, or none that anybody means
        return name.strip(), None if value.strip() in ("off", "none") else value.strip()
