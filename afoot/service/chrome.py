"""What surrounds each page of the clinic: who is in, where they may go, and a word on what was just done."""

from urllib.parse import quote
from zoneinfo import ZoneInfo

from starlette.responses import RedirectResponse

from afoot.service.access import Principal
from afoot.service.roles import Role
from dashboards.pages.clinic_en import CLINIC
from dashboards.site import Chrome

PLACES = {Role.THERAPIST: (("/ward", CLINIC("ward_title")),), Role.OPERATOR: (("/operator", CLINIC("operator_title")),)}
# What a page may say of what was just done: an address carries no text of its own.
NOTICES = ("done_ack", "done_close", "done_snooze", "done_care", "editor_saved")


def chrome(who: Principal, here: str, at_ms: int, *, zone: str = "UTC", notice: str = "", problem: str = "") -> Chrome:
    """notice: the name of a text, followed by a number where it takes one; at_ms, zone: when the page is made, and where"""
    name, _, number = notice.partition(" ")
    return Chrome(
        user=who.name,
        csrf=who.csrf or "",
        here=here,
        places=PLACES.get(who.role, ()),
        made=CLINIC.when(at_ms, at_ms, ZoneInfo(zone)),
        notice=CLINIC(name, n=number) if name in NOTICES and (not number or number.isdigit()) else "",
        problem=CLINIC("problem", why=problem) if problem else "",
    )


def after(path: str, notice: str) -> RedirectResponse:
    """Lead to a page that says what was done: going back or loading again does it no second time."""
    return RedirectResponse(f"{path}?done={quote(notice)}", 303)
