"""What the commands share that take in what people say: when, by whom, and corrections."""

from typing import Annotated

import typer

from afoot.commands.common import parse_instant

At = Annotated[str | None, typer.Option("--at", metavar="TIME", help="When it was: 2026-03-05T18:30:00Z. Default: now.")]
Note = Annotated[str | None, typer.Option("--note", help="A note to keep with it.")]
Corrects = Annotated[
    int | None, typer.Option("--corrects", metavar="NUMBER", help="The entry that this one corrects; it stays in the history.")
]
Withdraw = Annotated[
    int | None, typer.Option("--withdraw", metavar="NUMBER", help="Take this entry back, with nothing in its place.")
]


def when(text: str | None, now_ms: int, else_ms: int | None = None) -> int:
    """Return the instant of --at; without it `else_ms`, or now. Raises: ValueError for one that is none, or yet to come"""
    if text is None:
        return now_ms if else_ms is None else else_ms
    at_ms = parse_instant(text)
    if at_ms > now_ms:
        raise ValueError(f"--at {text}: expected a time that has been")
    return at_ms


def parse_yes_no(option: str, text: str) -> int:
    """Return 1 or 0. Raises: ValueError"""
    answers = {"yes": 1, "no": 0}
    if text not in answers:
        raise ValueError(f"{option}: expected yes or no, found {text!r}")
    return answers[text]


def parse_whole(option: str, text: str) -> int:
    """Return a whole number of any size that a person could mean. Raises: ValueError"""
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise ValueError(f"{option}: expected a whole number, found {text!r}")
    return int(text)
