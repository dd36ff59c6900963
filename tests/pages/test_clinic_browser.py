"""A therapist's afternoon in a real Chromium: who first and why, taking on, resting, prescribing, printing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from afoot.judging import read_prescriptions
from ingest.people import Patient, list_patients
from ingest.remote_monitoring import list_care
from rules import ledger
from rules.alerts import RED_FLAG
from tests.pages.world import HOUR_MS, NOW_MS, PASSWORD, Stopped

pytestmark = pytest.mark.live


@pytest.fixture
def app(clinic_home: Stopped) -> Stopped:
    return clinic_home


@pytest.fixture(scope="module")
def ward(url: str, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(url)
    page.fill("[name=name]", "lang")
    page.fill("[name=password]", PASSWORD)
    page.click("form.login button")
    page.wait_for_url("**/ward")
    yield page
    context.close()


def patient(app: Stopped, name: str) -> Patient:
    with app.store.reading() as connection:
        return next(one for one in list_patients(connection) if one.name.startswith(name))


def go(page: Page, name: str) -> None:
    page.goto("/".join(page.url.split("/")[:3]) + "/ward")
    page.click(f"th a >> text={name}")


def test_who_needs_somebody_first_and_why(ward: Page) -> None:
    rows = ward.locator("table.ward tbody tr")
    first = rows.first
    expect(first).to_contain_text("Maria Okafor")
    expect(first.locator(".why p").first).to_contain_text("Warning sign: Fever, today, 13:10")
    elif_row = rows.filter(has_text="Elif Demir")
    expect(elif_row).to_contain_text("Not known yet")
    assert "0 of" not in elif_row.inner_text(), "nothing is known, which is not nothing done"
    assert "Not Here" not in ward.content()


def test_a_warning_sign_stays_until_somebody_has_looked_after_it(ward: Page, app: Stopped) -> None:
    go(ward, "Maria Okafor")
    expect(ward.locator(".reasons li").first).to_contain_text("Warning sign: Fever, today, 13:10")
    card = ward.locator(".alert").filter(has_text="Warning sign: Fever")
    expect(card).to_contain_text("Urgent")
    card.locator("[name=note]").fill("called her, surgeon sees her today")
    card.locator("text=Take it on").click()
    expect(ward.locator(".reasons")).to_contain_text("Taken on by lang: Warning sign: Fever")
    card.locator("[name=note]").fill("seen, wound infection excluded")
    card.locator("text=Close it").click()
    expect(ward.locator(".note.done")).to_have_text("Closed.")
    assert "Fever" not in ward.locator(".reasons").inner_text()
    expect(ward.locator("table.said")).to_contain_text("Warning signs: Fever")
    with app.store.reading() as connection:
        found = [one for one in ledger.list_alerts(connection, patient(app, "Maria").id) if one.rule == RED_FLAG]
    assert [(one.acknowledged_by, one.closed_by, one.closing_note) for one in found] == [
        ("lang", "lang", "seen, wound infection excluded")
    ]


def test_work_is_written_down(ward: Page, app: Stopped) -> None:
    go(ward, "Maria Okafor")
    ward.click("text=Write down what you did")
    ward.select_option("[name=kind]", "call")
    ward.fill("[name=minutes]", "9")
    ward.check("[name=live]")
    ward.fill("[action$=care] [name=note]", "sent to the surgeon")
    ward.click("text=Keep it")
    expect(ward.locator(".note.done")).to_have_text("Kept.")
    with app.store.reading() as connection:
        (care,) = list_care(connection, patient(app, "Maria").id, NOW_MS - HOUR_MS, NOW_MS + 1)
    assert (care.care.minutes, care.care.live, care.care.entered_by, care.care.note) == (9, True, "lang", "sent to the surgeon")


def test_an_alert_is_taken_on_with_who_and_what(ward: Page, app: Stopped) -> None:
    go(ward, "Karl Lindner")
    card = ward.locator(".alert").first
    card.locator("summary").click()
    for fact in ("Judged", "Known", "Wear known from", "Measured", "Held against", "Prescription version"):
        expect(card.locator(".evidence")).to_contain_text(fact)
    card.locator("[name=note]").fill("called; he will try a shorter third walk")
    card.locator("button").click()
    expect(ward.locator(".note.done")).to_have_text("Taken on. Nobody further is told.")
    expect(ward.locator(".alert").first).to_contain_text("Taken on by lang, today, 15:10: called; he will try")
    with app.store.reading() as connection:
        found = ledger.list_alerts(connection, patient(app, "Karl").id, open_only=True)
    assert [(one.acknowledged_by, one.note) for one in found] == [("lang", "called; he will try a shorter third walk")]
    go(ward, "Karl Lindner")
    expect(ward.locator(".reasons")).to_contain_text("Taken on by lang")


def test_messages_rest_for_a_while(ward: Page, app: Stopped) -> None:
    go(ward, "Anna Berger")
    ward.click("text=Send no messages for a while")
    ward.select_option("[name=rule]", "frequency_low")
    ward.select_option("[action$=snooze] [name=days]", "7")
    ward.fill("[name=why]", "a week at her sister's")
    ward.click("text=Send none")
    expect(ward.locator(".note.done")).to_be_visible()
    expect(ward.locator("main")).to_contain_text("No messages of “fewer walks than prescribed” until Thursday 19 March, 15:10")
    with app.store.reading() as connection:
        (kept,) = ledger.list_snoozes(connection, patient(app, "Anna").id, NOW_MS)
    assert (kept.rule, kept.by, kept.why) == ("frequency_low", "lang", "a week at her sister's")


def test_a_prescription_is_tried_out_before_it_is_saved(ward: Page, app: Stopped) -> None:
    anna = patient(app, "Anna")
    go(ward, "Anna Berger")
    ward.click("nav.tabs >> text=Prescription")
    ward.fill("[name='P2.walks_per_day']", "4")
    ward.fill("[name='P2.walk_cap_min']", "")
    ward.fill("[name=reason]", "walks well")
    ward.click("text=Show what it would do")
    preview = ward.locator(".preview")
    expect(preview).to_contain_text("P2: walks a day")
    expect(preview.locator("table.changes tbody tr")).to_have_count(2)
    expect(preview).to_contain_text("Alerts it would have raised: Friday 20 February to Wednesday 11 March")
    row = preview.locator("table.simulated tr").filter(has_text="fewer walks than prescribed")
    before, after = (int(cell) for cell in row.locator("td").all_inner_texts()[:2])
    assert after > before, "four walks a day are more than three were"
    with app.store.reading() as connection:
        assert len(read_prescriptions(connection, anna)) == 2, "looking saves nothing"
    ward.click("text=Save as version 3")
    expect(ward.locator(".note.done")).to_have_text("Saved as version 3.")
    with app.store.reading() as connection:
        saved = read_prescriptions(connection, anna)[-1]
    assert (saved.version, saved.author, saved.reason) == (3, "lang", "walks well")
    assert (saved.phases[1].walks_per_day, saved.phases[1].walk_cap_min) == (4, None)
    ward.click("nav.tabs >> text=Prescription")
    expect(ward.locator(".versions h3")).to_have_text(["Version 3", "Version 2", "Version 1"])


def test_what_cannot_be_prescribed_is_named_and_nothing_typed_is_lost(ward: Page) -> None:
    go(ward, "Tom Brandt")
    ward.click("nav.tabs >> text=Prescription")
    ward.fill("[name='P1.walk_cap_min']", "2")
    ward.fill("[name=reason]", "shorter")
    ward.click("text=Show what it would do")
    expect(ward.locator("#problem")).to_contain_text("walk_cap_min allows 2")
    expect(ward.locator("[name='P1.walk_cap_min']")).to_have_value("2")
    expect(ward.locator("[name=reason]")).to_have_value("shorter")


def test_two_who_prescribe_at_once_do_not_overwrite_each_other(ward: Page) -> None:
    go(ward, "Jonas Weiss")
    ward.click("nav.tabs >> text=Prescription")
    ward.fill("[name='P2.walks_per_day']", "2")
    ward.fill("[name=reason]", "first")
    ward.click("text=Show what it would do")
    other = ward.context.new_page()
    other.goto(ward.url)
    other.fill("[name='P2.walks_per_day']", "5")
    other.fill("[name=reason]", "second")
    other.click("text=Show what it would do")
    other.click("text=Save as version 3")
    expect(other.locator(".note.done")).to_be_visible()
    other.close()
    ward.click("text=Save as version 3")
    expect(ward.locator("#problem")).to_contain_text("somebody saved another version in between")


def test_the_report_for_a_visit_is_a_few_sheets_with_the_evidence(ward: Page, tmp_path: Path) -> None:
    go(ward, "Anna Berger")
    ward.click("nav.tabs >> text=Report for a visit")
    expect(ward.locator("#print")).to_be_visible()
    ward.emulate_media(media="print")
    for hidden in (".bar", "#print", ".skip"):
        assert not ward.locator(hidden).first.is_visible()
    expect(ward.locator(".signature")).to_be_visible()
    names, counts = (ward.locator(f".ledger tbody {cell}").all_inner_texts() for cell in ("th", "td:nth-child(2)"))
    assert dict(zip(names, counts, strict=True)) == {
        "Days with data": "28",
        "Minutes of review": "6",
        "Minutes of contact": "12",
        "Contacts": "1",
        "of these live": "1",
    }
    pdf = ward.pdf(prefer_css_page_size=True)
    assert 3 <= pdf.count(b"/Type /Page\n") <= 8
    ward.emulate_media(media="screen")
