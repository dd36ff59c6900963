"""How view models become pages: one set of templates, filters and static files for the report and for the service's pages."""

import json
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from dashboards.pages import words
from dashboards.pages.language import Words

FOLDER = Path(__file__).parent / "pages"
STATIC = FOLDER / "static"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def render(template: str, **view: Any) -> str:
    """Return a page, the same bytes for the same input. Raises: jinja2.UndefinedError for a name that the view has not"""
    return environment().get_template(template).render(view)


def read_static(name: str) -> tuple[bytes, str] | None:
    """Return the bytes and the media type of a file that pages ask for; None if there is none of that name."""
    return _static().get(name)


def static_names() -> tuple[str, ...]:
    return tuple(_static())


def static_version() -> str:
    """Return a name of these very files and templates: a phone that keeps others fetches them anew."""
    every = (path for path in sorted(FOLDER.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
    return sha256(b"".join(path.name.encode() + path.read_bytes() for path in every)).hexdigest()[:16]


@cache
def _static() -> dict[str, tuple[bytes, str]]:
    return {path.name: (path.read_bytes(), TYPES[path.suffix]) for path in sorted(STATIC.iterdir()) if path.suffix in TYPES}


@cache
def environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters.update(
        long_date=words.long_date,
        short_date=words.short_date,
        duration=words.duration,
        count=words.count,
        percent=words.percent,
        css_text=words.css_text,
    )
    made.globals["words_json"] = _words_json
    return made


def _words_json(language: Words, keys: Sequence[str]) -> Markup:
    """Return texts for a script as JSON that no text can break out of."""
    text = json.dumps({key: language.text[key] for key in keys}, ensure_ascii=False)
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))
