"""When two names are one: phone keyboards begin with a capital letter, and add blanks."""

import unicodedata
from collections.abc import Iterable


def folded(name: str) -> str:
    """Return what names have in common that differ in letter case, blanks around them, or how their accents are written."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name.strip()).casefold())


def find_name(name: str, names: Iterable[str]) -> str | None:
    """Return the one of `names` that is meant: itself, else the only one that is the same but for what `folded` ignores."""
    wanted = folded(name)
    alike = [one for one in names if folded(one) == wanted]
    exact = name.strip()
    return exact if exact in alike else alike[0] if len(alike) == 1 else None


def find_alike(name: str, names: Iterable[str]) -> str | None:
    """Return the first of `names` that is the same but for what `folded` ignores."""
    wanted = folded(name)
    return next((one for one in names if folded(one) == wanted), None)
