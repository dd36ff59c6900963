"""The report as a page: what it says, what it never says, and that it needs nothing but itself."""

import dataclasses
import re
from datetime import date, timedelta

import numpy as np
import pytest

from dashboards.pages.marks import LOOKS
from dashboards.report import DeviceRow, Note, Report, VendorRow, build_report
from rules.day import DaySummary, summarise_day
from rules.minutes import NA, State, build_day
from rules.prescription import Prescription
from rules.thresholds import Thresholds
from rules.verdict import DayVerdict, judge_day
from tests.dashboards.making import PRESCRIPTION, make_report
from tests.dashboards.page import Element, boxes_of, clip_boxes, drawn_minutes, read_page

KEYS = {look.key: look.state for look in LOOKS}
DAY = date(2026, 3, 4)


@pytest.fixture(scope="module")
def quarter() -> Report:
    return make_report()


@pytest.fixture(scope="module")
def html(quarter: Report) -> str:
    return build_report(quarter)


@pytest.fixture(scope="module")
def page(html: str) -> Element:
    return read_page(html)


def strips_of(page: Element) -> list[Element]:
    return [element for element in page.all("svg") if "data-day" in element.attributes]


def day_of_states(day: date = DAY) -> DaySummary:
    """A day in which every state has a stretch of its own, by hand: unknown 10-12, not worn 13-15, walks at 9 and 16."""
    steps = np.zeros(1440, np.int16)
    steps[9 * 60 : 9 * 60 + 30] = 90
    steps[11 * 60 + 59] = 0
    steps[10 * 60 : 12 * 60] = NA
    steps[16 * 60 : 16 * 60 + 45] = 20
    not_worn = np.zeros(1440, np.bool_)
    not_worn[13 * 60 : 15 * 60] = True
    return summarise_day(build_day(day, steps, not_worn=not_worn, device_says_worn=True), PRESCRIPTION.day_settings(day))


def states_by_hand() -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    states = np.full(1440, State.STILL, np.uint8)
    states[: 7 * 60] = states[22 * 60 :] = State.ASLEEP
    states[9 * 60 : 9 * 60 + 30] = State.WALKING
    states[10 * 60 : 12 * 60] = State.UNKNOWN
    states[13 * 60 : 15 * 60] = State.NOT_WORN
    states[16 * 60 : 16 * 60 + 45] = State.MOVING
    return states


def empty_day(day: date) -> tuple[DaySummary, DayVerdict]:
    summary = summarise_day(build_day(day, np.full(1440, NA)), PRESCRIPTION.day_settings(day))
    return summary, judge_day(summary, PRESCRIPTION)


def small(*days: tuple[DaySummary, DayVerdict | None], **more: object) -> Report:
    return dataclasses.replace(Report("Anna", "Europe/Berlin", "today", days, PRESCRIPTION), **more)


# It stands alone.


def test_page_is_well_formed_and_ids_are_unique(page: Element) -> None:
    ids = [element.get("id") for element in page.all() if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    wanted = {
        reference.removeprefix("#").removeprefix("url(#").removesuffix(")")
        for element in page.all()
        for name in ("href", "clip-path", "aria-labelledby")
        if (reference := element.attributes.get(name))
    }
    assert wanted <= set(ids)


def test_nothing_is_fetched_and_nothing_runs(html: str, page: Element) -> None:
    assert re.findall(r"https?:|//\w|@import|url\((?!#)|javascript:|data:\w", html.replace("img-src data:", "")) == []
    assert {element.name for element in page.all()}.isdisjoint({"script", "link", "img", "iframe", "object", "form", "base"})
    assert not [name for element in page.all() for name in element.attributes if name.startswith("on")]
    assert {element.get("href")[0] for element in page.all() if "href" in element.attributes} == {"#"}
    policy = page.one("meta", http_equiv="Content-Security-Policy").get("content")
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def test_quarter_is_small(html: str) -> None:
    assert len(html.encode()) < 300_000


def test_same_input_same_bytes(quarter: Report, html: str) -> None:
    assert build_report(quarter) == html
    assert build_report(make_report()) == html


HOSTILE = """</style></title><script>alert(1)</script>"'&{{ 7*7 }}{% raw %}\\\n\x00\u202e<svg onload=x>"""


def test_what_a_user_gives_is_text_wherever_it_stands() -> None:
    summary = day_of_states()
    prescription = Prescription.model_validate(PRESCRIPTION.model_dump() | {"author": HOSTILE, "reason": HOSTILE})
    phases = [prescription.phases[0].model_copy(update={"name": HOSTILE[:40], "reference": HOSTILE}), *prescription.phases[1:]]
    prescription = prescription.model_copy(update={"phases": tuple(phases)})
    html = build_report(
        Report(
            patient=HOSTILE,
            zone=HOSTILE,
            made_at=HOSTILE,
            days=[(summary, judge_day(summary, prescription))],
            prescription=prescription,
            devices=[DeviceRow(HOSTILE, note=HOSTILE)],
            notes=[Note(HOSTILE, HOSTILE, HOSTILE)],
            vendor_totals=[VendorRow(summary.day, HOSTILE, 5, None)],
        )
    )
    page = read_page(html)
    assert {element.name for element in page.all()}.isdisjoint({"script", "foreignobject"})
    assert not [name for element in page.all() for name in element.attributes if name.startswith("on")]
    assert len(page.all("style")) == len(page.all("title")) == 1
    assert page.one("h1").text == HOSTILE
    assert "49" not in page.one("h1").text
    assert page.one("title").text.count("<script>") == 1
    style = page.one("style").text
    assert "alert" in style
    assert "alert(" not in style
    assert "</" not in style
    # The whole of it is one CSS string: the quote that ends it is the page's own.
    (written,) = re.findall(r'@bottom-left \{ content: "([^"]*)"; font: 9pt sans-serif; \}', style)
    spelt = re.sub(r"\\([0-9a-f]+) ", lambda found: chr(int(found[1], 16)), written)
    assert spelt == HOSTILE


# The strips: every minute in its state, and no other.


def test_every_minute_of_a_day_made_by_hand_is_drawn_in_its_state() -> None:
    summary = day_of_states()
    page = read_page(build_report(small((summary, judge_day(summary, PRESCRIPTION)))))
    (strip,) = page.all("svg", data_day=DAY.isoformat())
    drawn = drawn_minutes(page, strip)
    for key, state in KEYS.items():
        assert drawn[key].tolist() == (states_by_hand() == state).tolist(), key


def test_every_minute_of_every_strip_is_drawn_once_and_right(quarter: Report, page: Element) -> None:
    strips = strips_of(page)
    assert [strip.get("data-day") for strip in strips] == [day.day.isoformat() for day, _ in quarter.days[-14:]]
    for strip, (summary, _) in zip(strips, quarter.days[-14:], strict=True):
        drawn = drawn_minutes(page, strip)
        assert sum(drawn.values()).tolist() == [1] * summary.n_min
        for key, minutes in drawn.items():
            assert minutes.tolist() == (summary.states == KEYS[key]).tolist(), (summary.day, key)


def test_unknown_minutes_drawn_are_those_of_the_summary(quarter: Report, page: Element) -> None:
    for strip, (summary, _) in zip(
        [element for element in page.all("svg") if "data-day" in element.attributes], quarter.days[-14:], strict=True
    ):
        drawn = {
            layer.get("data-state"): int(layer.get("data-minutes")) for layer in strip.all() if "data-state" in layer.attributes
        }
        assert drawn.get("unknown", 0) == summary.unknown_min
        assert drawn.get("notworn", 0) == summary.not_worn_min
        assert drawn.get("still", 0) == (summary.still_min or 0)
        assert drawn.get("asleep", 0) == summary.asleep_min


def test_every_state_stands_in_the_picture_and_in_the_legend(page: Element) -> None:
    drawn = {element.get("data-state") for element in page.all() if "data-state" in element.attributes}
    assert drawn == set(KEYS)
    legend = page.all("ul", **{"class": "legend"})[0]
    assert [item.one("b").text for item in legend.all("li")][:6] == [look.words for look in LOOKS]


def test_states_differ_in_height_or_pattern_and_not_in_colour_alone() -> None:
    assert len({look.height for look in LOOKS if look.height}) == 4
    assert {look.key for look in LOOKS if look.height is None} == {"unknown", "notworn"}


def test_day_without_data_is_one_hatched_block_and_no_zero() -> None:
    page = read_page(build_report(small(empty_day(DAY))))
    (strip,) = page.all("svg", data_day=DAY.isoformat())
    assert set(drawn_minutes(page, strip)) == {"unknown"}
    assert strip.get("aria-label") == "Wednesday 4 March 2026: nothing is known of this day."
    facts = page.one("ul", **{"class": "dayfacts"}).text
    assert "walks unknown" in facts
    assert "stillness unknown" in facts
    cells = [cell.text for cell in page.all("table", **{"class": "numbers"})[-1].all("td")]
    assert cells[1:4] == ["unknown", "?", "?/4 unknown"]
    assert "Nothing is known of this day: no device has sent data for it." in page.text
    assert not re.search(r"(?<![\d,])0 steps", page.text)


def test_device_that_nobody_wore_shows_no_zero() -> None:
    day = build_day(DAY, np.zeros(1440), not_worn=np.ones(1440, np.bool_), device_says_worn=True)
    summary = summarise_day(day, PRESCRIPTION.day_settings(DAY))
    page = read_page(build_report(small((summary, judge_day(summary, PRESCRIPTION)))))
    assert "Nobody wore the device on this day." in page.text
    assert [card.one("p", **{"class": "value"}).text.split()[0] for card in page.all("div") if is_card(card)] == ["unknown"] * 3
    assert page.one("path", data_days="partial").get("d") == ""
    assert clip_boxes(page, page.one("use", clip_path="url(#steps-off)")) == [(0, 20, 100, 200)]


def is_card(element: Element) -> bool:
    return element.attributes.get("class") in ("card", "card blank")


def test_steps_of_a_device_on_a_table_are_no_zero() -> None:
    summary = summarise_day(build_day(DAY, np.zeros(1440)), PRESCRIPTION.day_settings(DAY))
    assert summary.steps == 0
    page = read_page(build_report(small((summary, judge_day(summary, PRESCRIPTION)))))
    assert "Nothing can be told of this day." in page.text
    assert "nobody can tell whether the device was worn" in page.text
    assert page.all("table", **{"class": "numbers"})[-1].all("td")[2].text == "?"


@pytest.mark.parametrize(
    ("day", "n_min", "label"), [(date(2026, 3, 29), 1380, "23-hour day"), (date(2025, 10, 26), 1500, "25-hour day")]
)
def test_days_of_the_clock_change_have_their_own_length_and_hours(day: date, n_min: int, label: str) -> None:
    wall = np.concatenate((np.arange(120), np.arange(180, 1440) if n_min == 1380 else np.arange(60, 1440)))
    turned = summarise_day(build_day(day, np.zeros(n_min), local_minute=wall, device_says_worn=True))
    plain = summarise_day(build_day(day + timedelta(days=1), np.zeros(1440), device_says_worn=True))
    page = read_page(build_report(small((turned, None), (plain, None), prescription=None)))
    (strip,) = page.all("svg", data_day=day.isoformat())
    assert strip.get("data-minutes") == str(n_min)
    assert f"{n_min // 60}-hour day" in page.text
    longest = max(n_min, 1440)
    widths = [float(one.get("width").rstrip("%")) for one in page.all("svg", **{"class": "strip"})]
    assert widths == [pytest.approx(100 * n_min / longest, abs=1e-3), pytest.approx(144_000 / longest, abs=1e-3)]
    hours = page.all("svg", **{"class": "hours"})[0].all("text")
    places = {text.text: round(float(text.get("x").rstrip("%")) * n_min / 100) for text in hours}
    assert places["06"] == (300 if n_min == 1380 else 420)
    assert places["24"] == n_min
    # 25 ticks end a day of 24 hours; each hour that was left out or came twice shows.
    assert len([line for line in strip.all("line") if line.get("class") == "tick"]) == n_min // 60 + 1


def test_credited_walks_are_marked_at_their_middle(quarter: Report, page: Element) -> None:
    strips = strips_of(page)
    marked = 0
    for strip, (summary, verdict) in zip(strips, quarter.days[-14:], strict=True):
        assert verdict is not None
        places = [float(use.get("x").rstrip("%")) * summary.n_min / 100 for use in strip.all("use", href="#credit")]
        length = {"P3": 15}[verdict.phase or ""]
        walks = [] if summary.walking is None else [walk for walk in summary.walking if walk.length >= length]
        assert places == pytest.approx([(walk.start + walk.end) / 2 for walk in walks], abs=0.05)
        marked += len(places)
    assert marked > 20


def test_long_stillness_is_underlined_where_it_was(quarter: Report, page: Element) -> None:
    strips = strips_of(page)
    for strip, (summary, _) in zip(strips, quarter.days[-14:], strict=True):
        lines = [(x, w) for path in strip.all("path", **{"class": "toolong"}) for x, _, w, _ in boxes_of(path.get("d"))]
        bouts = [] if summary.stationary is None else [b for b in summary.stationary if b.length >= 45]
        assert lines == [(bout.start, bout.length) for bout in bouts]


# Weeks, recovery, walks.


def test_heat_map_holds_every_known_hour_in_its_shade_and_no_unknown_one(quarter: Report, page: Element) -> None:
    """A second count, minute by minute: for each clock hour and day the shade of its steps over as much as was known."""
    bounds = [0, 1, 100, 250, 500, 1000]
    drawn: dict[str, float] = {}
    for figure in page.all("figure"):
        for path in [path for path in figure.all("path") if path.get("class").startswith("shade")]:
            number = path.get("class").removeprefix("shade")
            drawn[number] = drawn.get(number, 0) + sum(w for _, _, w, _ in boxes_of(path.get("d")))
        for use in figure.all("use"):
            key = use.get("href").removeprefix("#h-")
            drawn[key] = drawn.get(key, 0) + sum(w for _, _, w, _ in clip_boxes(page, use)) * 14.4
    expected: dict[str, float] = {}
    for summary, _ in quarter.days:
        # No hour comes twice in this quarter; the one that is left out on 29 March is 60 minutes less.
        for start in summary.hours.start.tolist():
            states, cadence = summary.states[start : start + 60], summary.cadence[start : start + 60]
            steps = int(cadence[cadence != NA].sum())
            shade = str(max(i for i, low in enumerate(bounds) if steps >= low))
            for key, minutes in (
                ("unknown", int((states == State.UNKNOWN).sum())),
                ("notworn", int((states == State.NOT_WORN).sum())),
                (shade, int((states > State.NOT_WORN).sum())),
            ):
                expected[key] = expected.get(key, 0) + minutes
    assert drawn == pytest.approx(expected, abs=1)
    assert sum(expected.values()) == 90 * 1440 - 60


def test_hour_that_came_twice_is_two_halves() -> None:
    day = date(2025, 10, 26)
    wall = np.concatenate((np.arange(180), np.arange(120, 1440)))
    steps = np.zeros(1500)
    steps[120:180], steps[180:240] = NA, 20
    summary = summarise_day(build_day(day, steps, local_minute=wall, device_says_worn=True))
    page = read_page(build_report(small((summary, None), prescription=None)))
    figure = page.one("figure")
    assert clip_boxes(page, figure.one("use")) == [(pytest.approx(100 * 2 / 24), 84, pytest.approx(100 / 48), 13)]
    assert boxes_of(figure.one("path", **{"class": "shade5"}).get("d")) == [(150, 84, 30, 13)]


def test_recovery_bars_stand_for_worn_days_only(quarter: Report, page: Element) -> None:
    whole = [day for day, (s, _) in enumerate(quarter.days) if s.valid and s.coverage >= 0.8]
    partial = [day for day, (s, _) in enumerate(quarter.days) if s.worn_min and not (s.valid and s.coverage >= 0.8)]
    assert [round(x - 0.14) for x, *_ in boxes_of(page.one("path", data_days="whole").get("d"))] == whole
    assert [round(x - 0.14) for x, *_ in boxes_of(page.one("path", data_days="partial").get("d"))] == partial
    assert 80 <= len(whole) <= 86
    blank = [day for day, (s, _) in enumerate(quarter.days) if not s.worn_min]
    columns: set[int] = set()
    for clip in ("steps-unknown", "steps-off"):
        for x, _, w, _ in clip_boxes(page, page.one("use", clip_path=f"url(#{clip})")):
            columns |= set(range(round(x * 0.9), round((x + w) * 0.9)))
    assert sorted(columns) == blank
    heights = [h for *_, h in boxes_of(page.one("path", data_days="whole").get("d"))]
    steps = [quarter.days[day][0].steps or 0 for day in whole]
    assert heights == pytest.approx([200 * value / 8000 for value in steps], rel=1e-5)


def test_no_baseline_says_so_and_draws_none() -> None:
    prescription = PRESCRIPTION.model_copy(update={"baseline_steps": None})
    summary = day_of_states()
    page = read_page(build_report(small((summary, judge_day(summary, prescription)), prescription=prescription)))
    assert "none known: shares of it are switched off" in page.text
    assert page.all("line", **{"class": "baseline"}) == []
    assert page.all("line", **{"class": "reference"}) == []
    assert "own baseline" not in page.one("div", **{"class": "cards"}).text


def test_walks_drawn_are_those_done_missed_and_open(quarter: Report, page: Element) -> None:
    done = not_done = left_open = 0
    for _, verdict in quarter.days:
        assert verdict is not None
        item = verdict.item("walks")
        if item.status.value == "off":
            continue
        did, asked = int(item.done or 0), int(item.target or 0)
        done += did
        if item.status.value == "unknown":
            left_open += max(asked - did, 0)
        else:
            not_done += max(asked - did, 0)
    assert len(boxes_of(page.one("path", data_walks="done").get("d"))) == done
    assert len(boxes_of(page.one("path", data_walks="not-done").get("d"))) == not_done
    assert len(boxes_of(page.one("path", data_walks="open").get("d"))) == left_open
    assert len(clip_boxes(page, page.one("use", clip_path="url(#walks-open)"))) == left_open
    assert len(boxes_of(page.one("path", data_walks="off").get("d"))) == 21


def test_stillness_bars_say_which_days_reached_the_limit(quarter: Report, page: Element) -> None:
    beyond = [d for d, (_, v) in enumerate(quarter.days) if v and v.item("stillness").status.value == "exceeded"]
    assert [round(x - 0.14) for x, *_ in boxes_of(page.one("path", data_still="beyond").get("d"))] == beyond
    assert beyond


# What it says.


def test_headline_tells_the_last_day_in_plain_words(page: Element) -> None:
    said = page.one("section", aria_labelledby="last-day").text
    assert "The last day: Saturday 4 April 2026 day 68 after the surgery, phase P3" in said
    assert "2 of 3 prescribed walks done. Longest still stretch 57 min; the limit is 45 min. 5,508 steps." in said


def test_what_is_unknown_is_told_with_its_reason() -> None:
    summary = day_of_states()
    page = read_page(build_report(small((summary, judge_day(summary, PRESCRIPTION)))))
    said = page.one("section", aria_labelledby="last-day").text
    assert "2 h of this day are unknown, 2 h of it in the waking hours: no data came for it." in said
    assert "For 2 h the device was not worn." in said
    assert "1 of 4 prescribed walks seen in what is known of the day." in said


@pytest.mark.parametrize(
    ("resolution_s", "said"),
    [
        (300, "5 min, so the lengths of walks and still stretches are about right."),
        (900, "15 min, so walks and still stretches cannot be told."),
    ],
)
def test_coarse_steps_are_said_to_be_coarse(resolution_s: int, said: str) -> None:
    summary = summarise_day(build_day(DAY, np.full(1440, 5), resolution_s=resolution_s, device_says_worn=True))
    page = read_page(build_report(small((summary, None), prescription=None)))
    assert f"The steps came in intervals of up to {said}" in page.text
    assert "No prescription was in force on this day: nothing is judged." in page.text
    assert "No prescription is in force." in page.text


def test_definitions_are_those_of_this_patient() -> None:
    own = PRESCRIPTION.model_copy(update={"thresholds": Thresholds(walking_spm=55, valid_worn_min=480, coverage_share=0.7)})
    summary = day_of_states()
    said = read_page(build_report(small((summary, judge_day(summary, own)), prescription=own))).text
    assert "55 steps or more in the minute, or 30 with a walking aid." in said
    assert "Whole: 8 h or more of the waking day worn, and a coverage of 70 % or more." in said


@pytest.mark.parametrize(
    ("section", "rows", "heads"),
    [
        ("devices", [DeviceRow("watch")], ["Device"]),
        ("devices", [DeviceRow("watch"), DeviceRow("phone", DAY, DAY)], ["Device", "First day", "Last day"]),
        ("devices", [DeviceRow("watch", note="borrowed")], ["Device", "Note"]),
        ("notes", [Note("3 March", "no data")], ["When", "What"]),
        ("notes", [Note("3 March", "no data", "charging")], ["When", "What", "Why"]),
    ],
)
def test_lists_have_the_columns_that_are_told(section: str, rows: list[object], heads: list[str]) -> None:
    page = read_page(build_report(small(empty_day(DAY), **{section: rows})))
    assert [head.text for head in page.one("section", aria_labelledby=section).one("thead").all("th")] == heads


def test_emergency_and_what_the_software_is_not_stand_in_the_page(page: Element) -> None:
    emergency = page.one("p", role="note").text
    for sign in ("new weakness", "saddle", "bladder or bowel", "fever", "wound", "swollen calf", "chest pain", "at once"):
        assert sign in emergency
    assert page.one("main").children[1] is page.one("p", role="note")
    assert "afoot is not a medical device. It shows patterns of activity and diagnoses nothing." in page.one("footer").text


def test_table_holds_every_day_with_wear_and_coverage(quarter: Report, page: Element) -> None:
    table = page.all("table", **{"class": "numbers"})[-1]
    rows = table.one("tbody").all("tr")
    assert len(rows) == 90
    for row, (summary, _) in zip(rows, quarter.days, strict=True):
        cells = [cell.text for cell in row.all("td")]
        assert cells[-1] == {"device": "device", "none": "none"}[summary.wear_source.value]
        assert cells[-2] == f"{round(summary.coverage * 100)} %" or 0.99 < summary.coverage < 1
        if summary.worn_min:
            assert cells[2] == f"{summary.steps:,}"
            minutes = sum(60 * int(hours) + int(rest) for hours, rest in (cell.split(":") for cell in cells[5:11]))
            assert minutes == summary.n_min


def test_prescription_marks_the_phase_in_force_and_the_versions_used(page: Element) -> None:
    heads = page.one("table", **{"class": "phases"}).one("thead").all("th")
    assert [head.text for head in heads if head.attributes.get("class") == "now"] == ["P3 (now)day 43 to 84"]
    summary = day_of_states()
    later = PRESCRIPTION.model_copy(update={"version": 3})
    other = read_page(build_report(small((summary, judge_day(summary, PRESCRIPTION)), prescription=later)))
    assert "3; days here were judged by 1" in other.text


def test_pictures_have_words_and_every_section_a_heading(page: Element) -> None:
    for svg in page.all("svg", role="img"):
        assert len(svg.get("aria-label")) > 2
    for section in page.all("section"):
        assert page.one("h2", id=section.get("aria-labelledby")).text
    for region in page.all("div", role="region"):
        assert region.get("aria-label")
        assert region.get("tabindex") == "0"
    assert page.one("html").get("lang") == "en"
    for table in page.all("table"):
        assert all("scope" in head.attributes for head in table.all("th"))


def test_vendor_totals_stand_beside_ours(page: Element) -> None:
    table = page.one("section", aria_labelledby="vendor").one("tbody")
    assert [[cell.text for cell in row.all("td")] for row in table.all("tr")] == [
        ["Garmin vívosmart 5", "18", "unknown", "unknown"],
        ["Garmin vívosmart 5", "5,521", "5,508", "-13"],
    ]


# Input.


def test_days_must_follow_each_other() -> None:
    days = [empty_day(DAY), empty_day(DAY + timedelta(days=2))]
    with pytest.raises(ValueError, match="day 1: expected 2026-03-05, found 2026-03-06"):
        small(*days)
    with pytest.raises(ValueError, match="at least one day"):
        small()
    with pytest.raises(ValueError, match="strip_days: expected 1 or more"):
        small(empty_day(DAY), strip_days=0)
    with pytest.raises(ValueError, match="the verdict of 2026-03-04, found that of 2026-03-05"):
        small((empty_day(DAY)[0], empty_day(DAY + timedelta(days=1))[1]))


@pytest.mark.parametrize("length", [1, 2, 13, 14, 15, 100])
def test_any_number_of_days_makes_a_page(length: int) -> None:
    days = [empty_day(DAY + timedelta(days=i)) for i in range(length)]
    page = read_page(build_report(small(*days)))
    assert len(page.all("table", **{"class": "numbers"})[-1].one("tbody").all("tr")) == length
    assert len(strips_of(page)) == min(length, 14)


def test_strips_shown_are_as_many_as_asked() -> None:
    days = [empty_day(DAY + timedelta(days=i)) for i in range(5)]
    page = read_page(build_report(small(*days, strip_days=3)))
    assert "The last 3 days, minute by minute" in page.text
    assert len(strips_of(page)) == 3
