"""The documents name everything that the program has, every command in them is one, and every link leads somewhere."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from afoot.cli import app
from afoot.settings import Settings
from devices.files import READERS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted((*DOCS.glob("*.md"), *(DOCS / "formats").glob("*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md"))
PROGRAM: Any = typer.main.get_command(app)


def commands(command: Any = PROGRAM, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command that does something, by its words after `afoot`."""
    if not hasattr(command, "commands"):
        yield " ".join(path), command
        return
    for name, one in command.commands.items():
        yield from commands(one, (*path, name))


COMMANDS = dict(commands())


def sections(page: Path) -> dict[str, str]:
    """What stands below each heading of the second level."""
    parts = re.split(r"^## +", page.read_text(), flags=re.MULTILINE)[1:]
    return {part.partition("\n")[0].strip(): part for part in parts}


def option_names(command: Any) -> list[str]:
    return [name for one in command.params for name in (*one.opts, *one.secondary_opts) if name.startswith("--")]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_section_with_every_option(command: str) -> None:
    found = [
        text for heading, text in sections(DOCS / "commands.md").items() if heading.split()[:2] == ["afoot", command.split()[0]]
    ]
    assert len(found) == 1, f"docs/commands.md needs one section `## afoot {command.split()[0]}`"
    assert f"afoot {command}" in found[0]
    for option in option_names(COMMANDS[command]):
        assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", found[0]), f"afoot {command} {option}"


def test_every_option_before_the_command_is_documented() -> None:
    text = (DOCS / "commands.md").read_text()
    for option in option_names(PROGRAM):
        assert f"`{option}`" in text, option


def test_every_setting_is_documented_with_its_default() -> None:
    rows = [line for line in (DOCS / "operator.md").read_text().splitlines() if line.startswith("|")]
    for name in Settings.model_fields:
        variable = f"`AFOOT_{name.upper()}`"
        assert any(row.split("|")[1].strip() == variable and row.split("|")[2].strip() for row in rows), variable


def test_every_reader_has_a_page_that_says_what_it_was_proven_on() -> None:
    pages = {page: page.read_text() for page in (DOCS / "formats").glob("*.md")}
    for reader in READERS:
        own = [
            text
            for text in pages.values()
            if re.search(rf"^(Readers?: |\w+ readers: ).*`{re.escape(reader.name)}`", text, re.M | re.S)
        ]
        assert own, f"a page of docs/formats with `Reader: `{reader.name}``"
        assert any("proven on" in text.lower() for text in own), reader.name
    readme = (ROOT / "README.md").read_text()
    for page in pages:
        assert f"docs/formats/{page.name}" in readme, page.name


def examples() -> Iterator[tuple[str, str]]:
    """Every line in a fenced block that calls afoot."""
    for page in PAGES:
        for block in re.findall(r"^```[^\n]*\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                called = re.match(r"(?:\$ )?((?:[A-Z_]+=\S+ )*)afoot (.*)", line.strip())
                if called:
                    yield page.name, called[2]


EXAMPLES = sorted(set(examples()))


def test_there_are_examples() -> None:
    assert len(EXAMPLES) > 20
    assert {line.split()[0] for _, line in EXAMPLES} >= {"import", "day", "patient", "prescription"}


@pytest.mark.parametrize(("page", "line"), EXAMPLES)
def test_every_example_is_a_command_that_the_program_takes(page: str, line: str) -> None:
    words = shlex.split(re.split(r" [|>]|  #", line)[0])
    command, path = PROGRAM, "afoot"
    if words[0] in ("--version", "--help"):
        return
    while hasattr(command, "commands"):
        path, command = f"{path} {words[0]}", command.commands[words.pop(0)]
    command.make_context(path, words)


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ +(.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"[a-z]+:", target):
            assert target.startswith("https://"), target
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.name}: {target}"
        if anchor:
            assert anchor in anchors(file), f"{page.name}: {target}"


def texts() -> Iterator[tuple[str, str]]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("needs a git checkout, to know which files are the project's")
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_file() and path != Path(__file__).resolve():
            data = path.read_bytes()
            if b"\0" not in data:
                yield name, data.decode(errors="replace")


# Paths and words of the places where it was written, none of which mean anything to whoever reads it elsewhere.
MACHINE = re.compile(r"(?<![\w.])/(?:work|root|home/(?!you\b|user\b)\w+|Users/\w+|mnt|workspace)/")
ELSEWHERE = re.compile(
    r"\b(?:claude|anthropic|chatgpt|openai|copilot|LLM|helpers?|TODO|FIXME|XXX|HACK)\b|\bissues? #?\d+"
    r"|index-url|https?://[^/\s]*(?:artifactory|nexus|mirror)"
)


def test_no_text_names_a_machine_or_a_workplace() -> None:
    for name, text in texts():
        for pattern in (MACHINE, ELSEWHERE):
            found = pattern.search(text)
            assert found is None, f"{name}: {text[max(0, found.start() - 60) : found.end() + 40]!r}" if found else ""


def test_every_file_ends_with_a_line_and_has_no_blanks_at_ends_of_lines() -> None:
    for name, text in texts():
        if name.endswith((".py", ".md", ".toml", ".yml", ".css", ".j2", "Makefile")):
            assert text == "" or text.endswith("\n"), name
            assert not re.search(r"[ \t]+$", text, re.MULTILINE), name
