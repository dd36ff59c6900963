"""Which language a person reads, and keeping it on their phone."""

from fastapi import Request
from starlette.responses import HTMLResponse

from dashboards.pages.language import Words
from dashboards.pages.patient import LANGUAGES, choose_language

LANGUAGE_COOKIE = "afoot_language"
YEAR_S = 31_536_000


def language_of(request: Request) -> Words:
    """Return the words of the language that was chosen here, on this phone before, or in the browser."""
    for wanted in (request.query_params.get("lang", ""), request.cookies.get(LANGUAGE_COOKIE, "")):
        if wanted in LANGUAGES:
            return LANGUAGES[wanted]
    return choose_language(request.headers.get("accept-language", ""))


def remember_language(answer: HTMLResponse, words: Words) -> HTMLResponse:
    answer.set_cookie(LANGUAGE_COOKIE, words.code, max_age=YEAR_S, httponly=True, samesite="strict")
    return answer
