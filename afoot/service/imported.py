"""What follows when files came in: it is written down who brought them, and the patients are judged soon."""

from collections.abc import Iterable

from afoot.app import App
from afoot.service import audit
from afoot.service.turns import EVALUATE, wake


def note_imports(app: App, origins: Iterable[tuple[str, str, int]]) -> None:
    """Note files that are stored. origins: of each file, who brought it, their role, and the patient's id"""
    now_ms = app.now_ms()
    with app.store.writing() as connection:
        audit.note(connection, [audit.Act(now_ms, who, role, "change files", patient_id) for who, role, patient_id in origins])
        wake(connection, EVALUATE, now_ms)
