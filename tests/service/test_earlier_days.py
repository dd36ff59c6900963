"""A patient of two years does not seem to be one of half a year: the page says so, and leads to every day."""

import html
import re
from datetime import date, timedelta

from tests.service.making import Clinic, day_csv

FIRST, LAST = date(2024, 3, 10), date(2026, 3, 3)


def page(clinic: Clinic, path: str) -> str:
    answer = clinic.get("therapist/anna", path)
    assert answer.status_code == 200
    return html.unescape(answer.text)


def link(text: str, name: str) -> str | None:
    found = re.search(rf'<a href="([^"]+)">{name}</a>', text)
    return found[1] if found else None


def test_every_day_is_reached_from_the_page(clinic: Clinic) -> None:
    days = [FIRST + timedelta(days=n) for n in range(0, (LAST - FIRST).days + 1, 60)]
    for day in days:
        assert clinic.upload("device/anna", day_csv(day, minutes=30)).status_code == 201
    base = f"/ward/{clinic.pseudonym('anna')}"
    path: str | None = f"{base}?days=182"
    seen = []
    while path is not None:
        text = page(clinic, path)
        seen.append(path)
        assert "The first data of this patient are of Sunday 10 March 2024" in text
        assert (link(text, "The latest days") is None) == (len(seen) == 1)
        path = link(text, "Earlier days")
    # 724 days by 182
    assert len(seen) == 4
    assert seen[1].endswith("until=2025-09-03")


def test_where_all_is_shown_nothing_is_said_of_more(clinic: Clinic) -> None:
    clinic.upload("device/anna", day_csv(LAST))
    base = f"/ward/{clinic.pseudonym('anna')}"
    assert link(page(clinic, base), "Earlier days") is None
    assert "The first data of this patient" not in page(clinic, base)
    # A day that cannot be, or long before: the oldest there is.
    assert "3 March 2026" in page(clinic, f"{base}?until=0001-01-01")
    assert clinic.get("therapist/anna", f"{base}?until=yesterday").status_code == 422


def test_without_data(clinic: Clinic) -> None:
    assert "No data have arrived yet" in page(clinic, f"/ward/{clinic.pseudonym('anna')}?until=2020-01-01")
