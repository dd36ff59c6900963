"""Who may come in: four roles, and what each is bound to."""

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum

from ingest.errors import Conflict


class Role(StrEnum):
    """PATIENT: reads and says what is their own. THERAPIST: the patients of their care groups. OPERATOR: the service, no patient.

    DEVICE: a gateway or phone that uploads for one patient, and reads nothing.
    """

    PATIENT = "patient"
    THERAPIST = "therapist"
    OPERATOR = "operator"
    DEVICE = "device"


PEOPLE = (Role.PATIENT, Role.THERAPIST, Role.OPERATOR)
OF_ONE_PATIENT = (Role.PATIENT, Role.DEVICE)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a role is bound to. patient_id: of a patient or device; group_ids: of a therapist."""

    role: Role
    patient_id: int | None = None
    group_ids: frozenset[int] = field(default_factory=frozenset)


def checked_scope(role: Role, patient_id: int | None, group_ids: Collection[int]) -> Scope:
    """Raises: Conflict for a patient's or device's without a patient, a therapist's without a group, or too much of either"""
    if (role in OF_ONE_PATIENT) != (patient_id is not None):
        raise Conflict(f"role {role}: expected {'the patient whose it is' if patient_id is None else 'no patient'}")
    if (role is Role.THERAPIST) != bool(group_ids):
        raise Conflict(f"role {role}: expected {'no care group' if group_ids else 'one care group or more'}")
    return Scope(role, patient_id, frozenset(group_ids))
