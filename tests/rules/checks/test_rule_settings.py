from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from rules.checks import RULES
from rules.finding import Finding
from rules.prescription import Prescription, revise
from rules.rule_settings import EVERY_RULE, Parameter, RuleParameters, RuleSettings
from tests.rules.checks.made import P2, SURGERY, judge, past, prescribe, view

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "rules.md").read_text()
ROWS = {tuple(cell.strip() for cell in line.strip("|").split("|")) for line in PAGE.splitlines() if line.startswith("| `")}


def change(**changes: Any) -> Prescription:
    return revise(
        prescribe(), {f"rules.{name}": value for name, value in changes.items()}, author="x", effective=SURGERY, reason="y"
    )


def written(value: Any) -> str:
    if value is None:
        return "off"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return value or "none" if isinstance(value, str) else f"{value:g}"


@pytest.mark.parametrize("row", list(RuleSettings().table()), ids=lambda row: f"{row.rule}.{row.name}")
def test_each_parameter_is_documented(row: Parameter) -> None:
    name = f"`{row.name}`" if row.rule == EVERY_RULE else f"`{row.rule}.{row.name}`"
    assert (name, written(row.value), row.unit, row.mark, row.source) in ROWS


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_each_rule_is_documented(rule: Any) -> None:
    row = next(row for row in ROWS if row[0] == f"`{rule.name}`")
    assert row[1] == ", then ".join(recipient.value for recipient in rule.recipients)
    assert len(row) == 6
    assert all(row)
    assert f"{rule.cooldown_ms / 3_600_000:g} h" in row[4]


def test_every_rule_has_its_settings() -> None:
    assert [name for name in RuleSettings.model_fields if name != "common"] == [rule.name for rule in RULES]
    for name in RuleSettings.model_fields:
        chosen = getattr(RuleSettings(), name)
        assert (name == "common") != isinstance(chosen, RuleParameters)
        for field in type(chosen).model_fields.values():
            evidence: Any = field.json_schema_extra
            assert set(evidence) == {"unit", "mark", "source"}
            assert evidence["mark"] in ("E", "X", "G")
            assert all(evidence.values())


class TestPerPatient:
    def test_one_number_of_one_rule(self) -> None:
        own = change(**{"sudden_drop.share": 0.3})
        assert (own.version, own.rules.sudden_drop.share, own.rules.sudden_drop.high_share) == (4, 0.3, 0.4)
        days = past(P2, *[{"steps": 4000}] * 7, *[{"steps": 1500}] * 2)

        def truth(finding: Finding) -> str:
            return finding.truth.value

        assert (truth(judge("sudden_drop", view(P2, days))), truth(judge("sudden_drop", view(P2, days), own))) == (
            "true",
            "false",
        )
        assert judge("sudden_drop", view(P2, days), own).evidence.thresholds["share"] == 0.3

    def test_what_all_rules_share(self) -> None:
        assert change(**{"common.stale_syncs": 4}).rules.common.stale_syncs == 4

    def test_it_is_kept(self) -> None:
        own = change(**{"too_long.enabled": None, "too_long.off_reason": "hikes", "load_ratio.early_in": "P2,P3"})
        again = Prescription.model_validate_json(own.model_dump_json())
        assert again == own
        assert (again.rules.too_long.enabled, again.rules.load_ratio.early_in) == (False, ("P2", "P3"))
        assert change(**{"load_ratio.early_in": None}).rules.load_ratio.early_in == ()

    def test_a_prescription_from_before_there_were_rules_has_the_defaults(self) -> None:
        body = prescribe().model_dump(mode="json")
        del body["rules"]
        assert Prescription.model_validate(body).rules == RuleSettings()

    @pytest.mark.parametrize(
        "name", ["rules.sudden_drop.shares", "rules.sudden_drops.share", "rules.share", "rules", "rules.", "rules.sudden_drop"]
    )
    def test_unknown_names(self, name: str) -> None:
        with pytest.raises(ValueError, match=r"rules\.<rule>\.<name>"):
            revise(prescribe(), {name: 1}, author="x", effective=SURGERY, reason="y")

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("sudden_drop.share", 2),
            ("stationary_now.daily_max", 0),
            ("too_long.enabled", "perhaps"),
            ("device_silent.silent_h", 0),
        ],
    )
    def test_values_that_cannot_be(self, name: str, value: Any) -> None:
        with pytest.raises(ValidationError, match=name.rpartition(".")[2]):
            change(**{name: value})

    def test_the_table_shows_what_is_the_patients_own(self) -> None:
        own = change(**{"too_long.enabled": False})
        rows = [(row.rule, row.name, row.value) for row in own.rules.table() if row.rule == "too_long"]
        assert ("too_long", "enabled", False) in rows
        assert not any(row.rule == "too_long" and row.name == "enabled" for row in RuleSettings().table())
