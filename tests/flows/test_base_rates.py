"""The page of base rates is what the command writes of the public wearers."""

from benchmarks.base_rates import PAGE, build_page, read_wearers
from rules.checks import RULES
from tests.shared import shared


def test_the_page_is_what_the_command_writes() -> None:
    assert build_page(read_wearers(shared("validation/fitabase_fitbit/minutes.csv.gz"))) == PAGE.read_text(encoding="utf-8")


def test_the_page_names_every_rule() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"| `{rule.name}` |" in text for rule in RULES)
