"""The pages of the service: what each shows, in, and HTML out. Nothing here asks a store, a clock or a network."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from dashboards.pages.case import Case, care_kinds
from dashboards.pages.clinic_en import CLINIC
from dashboards.pages.editor import Editor
from dashboards.pages.language import Words
from dashboards.pages.marks import LOOKS
from dashboards.pages.patient import LANGUAGES, FileResult, PatientPage
from dashboards.pages.programme import Programme
from dashboards.pages.ward import Ward
from dashboards.rendering import read_static, render, static_names, static_version
from devices.radio.codecs import CODECS
from ingest.observations import Group, codes_of

PERIODS = (14, 28, 56, 91, 182)
RED_FLAGS, PRECAUTIONS = codes_of(Group.RED_FLAG), codes_of(Group.PRECAUTION)
# What the scripts of the patient's page say.
SCRIPT_KEYS = tuple(
    key
    for key in LANGUAGES["en"].text
    if key.startswith(("give_", "send_", "radio_", "file_minutes_")) or key in ("emergency_title", "emergency", "offline_nobody")
)
COLOUR = "#0b3f6b"


@dataclass(frozen=True, slots=True)
class Chrome:
    """What surrounds each page of the clinic. places: (path, name) of what this user may open; made: now, as text."""

    user: str
    csrf: str
    here: str
    places: Sequence[tuple[str, str]]
    made: str
    notice: str = ""
    problem: str = ""

    def view(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__} | {"t": CLINIC}


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


def patient_page(page: PatientPage, words: Words, csrf: str) -> str:
    return render("patient.html.j2", page=page, files=page.files, csrf=csrf, chooser=_chooser(), **_questions(words))


def files_part(files: Sequence[FileResult], words: Words) -> str:
    """Return the list of what was sent last alone, for a page that is open."""
    return render("files.html.j2", files=files, t=words)


def offline_page(words: Words) -> str:
    """Return the page that a phone keeps: it holds nothing of anybody."""
    return render("offline.html.j2", **_questions(words))


def login_page(words: Words, csrf: str, *, name: str = "", next_path: str = "", problem: str = "", notice: str = "") -> str:
    view = {"csrf": csrf, "name": name, "next": next_path, "problem": problem, "notice": notice}
    return render("login.html.j2", **view, **_questions(words))


def plain_page(words: Words, title: str, text: str) -> str:
    """Return a page of one sentence."""
    return render("plain.html.j2", t=words, title=title, text=text)


def ward_page(ward: Ward, chrome: Chrome) -> str:
    return render("ward.html.j2", ward=ward, **chrome.view())


def case_page(case: Case, chrome: Chrome, period: int) -> str:
    view = {"case": case, "looks": LOOKS, "periods": PERIODS, "period": period, "care_kinds": care_kinds(CLINIC)}
    return render("case.html.j2", **view, **chrome.view())


def visit_page(case: Case, chrome: Chrome, first: date, last: date, programme: Programme | None) -> str:
    view = {"case": case, "looks": LOOKS, "programme": programme, "first": CLINIC.day(first), "last": CLINIC.day(last)}
    return render("visit.html.j2", **view, **chrome.view())


def editor_page(editor: Editor, chrome: Chrome, key: str, name: str, next_version: int) -> str:
    return render("editor.html.j2", editor=editor, key=key, name=name, next_version=next_version, **chrome.view())


def operator_page(tables: Sequence[Table], chrome: Chrome) -> str:
    return render("operator.html.j2", tables=tables, **chrome.view())


def manifest(words: Words) -> str:
    """Return the web app manifest: what the home screen of a phone needs."""
    icon = {"src": "/static/icon.svg", "sizes": "any", "type": "image/svg+xml", "purpose": "any"}
    return json.dumps(
        {
            "name": f"afoot: {words('title')}",
            "short_name": "afoot",
            "lang": words.code,
            "start_url": "/me",
            "scope": "/",
            "display": "standalone",
            "background_color": "#ffffff",
            "theme_color": COLOUR,
            "icons": [icon],
        },
        ensure_ascii=False,
    )


def service_worker() -> str:
    """Return the script that keeps the shell of the patient's page on the phone, named by what it keeps."""
    kept = [f"/static/{name}" for name in static_names() if name != "worker.js"]
    found = read_static("worker.js")
    if found is None:
        raise FileNotFoundError("worker.js: expected it among the static files")
    head = json.dumps({"version": static_version(), "files": kept, "languages": list(LANGUAGES)})
    return f"const SHELL = {head};\n{found[0].decode()}"


def _chooser() -> str:
    """Return, as JSON, what a browser shows and reaches of the wearables that can be synced by it."""
    found = [codec.chooser for codec in CODECS if codec.chooser is not None]
    return json.dumps({name: [each for one in found for each in getattr(one, name)] for name in ("prefixes", "services")})


def _questions(words: Words) -> dict[str, Any]:
    return {
        "t": words,
        "languages": list(LANGUAGES.values()),
        "red_flags": RED_FLAGS,
        "precautions": PRECAUTIONS,
        "script_keys": SCRIPT_KEYS,
    }
