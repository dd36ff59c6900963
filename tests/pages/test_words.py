"""The texts of the pages stand in tables: each key is there in each language and is used, and no text stands elsewhere."""

import json
import re
from pathlib import Path
from string import Formatter

import pytest

import dashboards.pages
from dashboards.pages.clinic_en import CLINIC
from dashboards.pages.language import Words
from dashboards.pages.patient import LANGUAGES
from dashboards.pages.patient_en import ENGLISH
from dashboards.site import SCRIPT_KEYS
from ingest.observations import CODES

FOLDER = Path(dashboards.pages.__file__).parent
ROOT = FOLDER.parents[1]
# Templates of the report, which has its own words, and those of its parts.
REPORTS = {"report.html.j2", "charts.html.j2", "parts.html.j2"}
TEMPLATES = sorted(path for path in FOLDER.glob("*.html.j2") if path.name not in REPORTS)
SCRIPTS = sorted((FOLDER / "static").glob("*.js"))
SOURCES = [
    *(FOLDER / f"{name}.py" for name in ("patient", "today", "ward", "case", "editor", "language")),
    FOLDER.parent / "site.py",
    *(ROOT / "afoot/service/routes").glob("*.py"),
    *(ROOT / "afoot/service").glob("*.py"),
]
READABLE = ("aria-label", "title", "placeholder", "alt", "value", "content", "label")
NAMES = {"afoot", "–", "X", "noindex, nofollow", "no-referrer", "width=device-width, initial-scale=1"}


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("words", [one for one in LANGUAGES.values() if one is not ENGLISH], ids=lambda words: words.code)
def test_languages_say_the_same_things(words: Words) -> None:
    assert set(words.text) == set(ENGLISH.text)
    assert {key: fields(text) for key, text in words.text.items()} == {key: fields(text) for key, text in ENGLISH.text.items()}
    assert (len(words.weekdays), len(words.months)) == (7, 12)
    assert all(text.strip() == text and text for text in words.text.values())
    same = [key for key, text in words.text.items() if text == ENGLISH.text[key] and re.search("[a-z]{2,} [a-z]{2,}", text)]
    assert same == [], "not translated"


def test_every_question_is_asked_in_every_language() -> None:
    for words in LANGUAGES.values():
        assert {f"ask_{code}" for code in CODES} <= set(words.text)
        assert {f"label_{code}" for code in CODES} <= set(words.text)


def used() -> set[str]:
    """Every quoted word in templates, scripts and sources, with what an expression puts behind it as *."""
    found = set()
    for path in (*FOLDER.glob("*.html.j2"), *SCRIPTS, *SOURCES):
        text = path.read_text()
        found |= set(re.findall(r"""["'`]([a-z]\w*)(?=["'`])""", text))
        found |= {f"{start}*" for start in re.findall(r"""["'`]([a-z]\w*_)(?:\{|\$\{|["'] ~)""", text)}
        found |= {f"{key}_one" for key in re.findall(r"""many\(\s*["'](\w+)["']""", text)}
        found |= {f"{key}_many" for key in re.findall(r"""many\(\s*["'](\w+)["']""", text)}
    return found


@pytest.mark.parametrize("words", [ENGLISH, CLINIC], ids=["patient", "clinic"])
def test_no_text_is_left_over(words: Words) -> None:
    names = used()
    starts = tuple(name.removesuffix("*") for name in names if name.endswith("*"))
    assert [key for key in words.text if key not in names and not key.startswith(starts)] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_hold_no_text(path: Path) -> None:
    text = re.sub(r"\{#.*?#\}|\{% block kind %\}.*?\{% endblock %\}", "", path.read_text(), flags=re.S)
    text = re.sub(r"\{%.*?%\}", "", re.sub(r"\{\{.*?\}\}", "", text, flags=re.S), flags=re.S)
    attributes = [value for name, value in re.findall(r'([\w-]+)="([^"]*)"', text) if name in READABLE]
    between = re.sub(r"<[^>]*>", "\n", text)
    said = {part.strip(" \n·:,.–") for part in [*attributes, *re.split(r"\n+", between)]}
    assert [part for part in said if re.search(r"[A-Za-z]{2}", part) and part not in NAMES and not is_value(part)] == []


def is_value(text: str) -> bool:
    """Something that a machine reads: the value of a field, a colour."""
    return re.fullmatch(r"[a-z]+|#[0-9a-f]{6}", text) is not None


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_hold_no_text(path: Path) -> None:
    code = re.sub(r"//[^\n]*|/\*.*?\*/", "", path.read_text(), flags=re.S)
    quoted = [one[1:-1] for one in re.findall(r"'[^'\n]*'|\"[^\"\n]*\"|`[^`]*`", code)]
    assert [one for one in quoted if re.search(r"[A-Za-z]{2,} [a-z]{2,}", one) and "filename" not in one] == []


def test_texts_for_scripts_are_there() -> None:
    code = "\n".join(path.read_text() for path in SCRIPTS)
    asked = set(re.findall(r"text\('(\w+)'", code))
    asked |= {f"{key}_{form}" for key in re.findall(r"many\('(\w+)'", code) for form in ("one", "many")}
    asked |= set(re.findall(r"'(give_\w+|send_\w+)'", code)) - {key.removesuffix("_one") for key in SCRIPT_KEYS}
    assert asked <= set(SCRIPT_KEYS), asked - set(SCRIPT_KEYS)
    json.dumps([ENGLISH.text[key] for key in SCRIPT_KEYS])
