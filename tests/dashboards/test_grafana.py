"""The dashboards as JSON: what Grafana's own types allow, its core panels alone, everything said that a reader needs."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from dashboards import queries
from dashboards.grafana import DASHBOARDS, FOLDER, OF_GROUPS, build_text
from dashboards.grafana.building import DATASOURCE, SCHEMA_VERSION, STATES, VERDICTS
from ingest.publishing.schema import MEASUREMENTS
from rules.minutes import State
from rules.verdict import Status

SCHEMA = json.loads((Path(__file__).parent / "schema/core-dashboard.json").read_text())
CORE = {"timeseries", "state-timeline", "status-history", "heatmap", "bargauge", "stat", "table"}
BUILT: dict[str, dict[str, Any]] = {name: build() for name, build in DASHBOARDS.items()}
PANELS = {(name, panel["title"]): panel for name, built in BUILT.items() for panel in built["panels"]}


@pytest.mark.parametrize("name", DASHBOARDS)
def test_the_committed_file_is_what_the_code_makes(name: str) -> None:
    assert (FOLDER / f"{name}.json").read_text(encoding="utf-8") == build_text(name)
    assert "python -m dashboards.grafana" in BUILT[name]["description"]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_it_is_a_dashboard_by_grafanas_own_types(name: str) -> None:
    problems = [f"{error.json_path}: {error.message[:200]}" for error in _validator().iter_errors(BUILT[name])]
    assert not problems


def _validator() -> Draft7Validator:
    return Draft7Validator(SCHEMA)


SPOILED = {
    "a grid without a height": lambda board: board["panels"][0]["gridPos"].pop("h"),
    "an unknown option": lambda board: board["panels"][0]["options"].update(colour="red"),
    "another panel": lambda board: board["panels"][0].update(type="piechart"),
    "an unknown key": lambda board: board.update(rows=[]),
    "a variable's wrong type": lambda board: board["templating"]["list"].append({"name": "x", "type": "list"}),
    "an annotation without a query": lambda board: board["annotations"]["list"].append({"name": "x", "enable": True}),
}


@pytest.mark.parametrize("what", SPOILED)
def test_the_types_refuse(what: str) -> None:
    board = json.loads(build_text("patient"))
    SPOILED[what](board)
    assert list(_validator().iter_errors(board))


@pytest.mark.parametrize("name", DASHBOARDS)
def test_dashboards_stand_on_their_own(name: str) -> None:
    built = BUILT[name]
    assert built["schemaVersion"] == SCHEMA_VERSION == 42
    assert built["uid"] == f"afoot-{name}"
    assert built["title"]
    assert {panel["type"] for panel in built["panels"]} <= CORE
    ids = [panel["id"] for panel in built["panels"]]
    assert len(set(ids)) == len(ids)
    assert len({panel["title"] for panel in built["panels"]}) == len(ids)
    assert all(found == DATASOURCE for found in _all(built, "datasource"))


def _all(part: Any, key: str) -> list[Any]:
    if isinstance(part, list):
        return [found for one in part for found in _all(one, key)]
    if not isinstance(part, dict):
        return []
    return ([part[key]] if key in part else []) + [found for one in part.values() for found in _all(one, key)]


@pytest.mark.parametrize(("name", "title"), PANELS)
def test_every_panel_says_what_a_reader_needs(name: str, title: str) -> None:
    panel = PANELS[name, title]
    defaults = panel["fieldConfig"]["defaults"]
    assert len(panel["description"]) > 20
    assert defaults["unit"]
    assert len(defaults["noValue"]) > 10
    assert not re.fullmatch(r"[\d.,%-]*", defaults["noValue"]), "no data must not read as a number"
    assert panel["targets"]
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    for target in panel["targets"]:
        assert target["rawQuery"] is True
        assert target["query"].startswith("SELECT ")


@pytest.mark.parametrize(("name", "title"), PANELS)
def test_unknown_is_never_drawn_as_zero(name: str, title: str) -> None:
    panel = PANELS[name, title]
    defaults = panel["fieldConfig"]["defaults"]
    assert {"match": "null", "result": {"text": "unknown", "color": "#8e8e8e"}}.items() <= {
        "match": _unknown(defaults["mappings"])["options"]["match"],
        "result": {key: value for key, value in _unknown(defaults["mappings"])["options"]["result"].items() if key != "index"},
    }.items()
    if panel["type"] == "timeseries":
        assert defaults["custom"]["spanNulls"] is False
        assert defaults["custom"]["insertNulls"] > 0
    if panel["type"] == "heatmap":
        assert panel["options"]["filterValues"]["le"] < 0, "0 is known and must be drawn"
    for target in panel["targets"]:
        assert "fill(0)" not in target["query"]
        assert "fill(previous)" not in target["query"]
        if "GROUP BY time(" in target["query"]:
            assert ("fill(none)" if "count(" in target["query"] else "fill(null)") in target["query"]


def _unknown(mappings: list[dict[str, Any]]) -> dict[str, Any]:
    return next(one for one in mappings if one["type"] == "special")


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_fill_the_grid_without_overlapping(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in BUILT[name]["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken
        taken |= cells


@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_variable_in_use_is_there(name: str) -> None:
    built = BUILT[name]
    used = set(re.findall(r"\$\{?(\w+)", json.dumps([built["panels"], built["annotations"]])))
    used -= {"timeFilter", "__interval", "__from", "__value", "col"} | {one for one in used if one.startswith("tag_")}
    assert used <= {variable["name"] for variable in built["templating"]["list"]}
    for variable in built["templating"]["list"]:
        assert variable["type"] in ("query", "constant")
        assert variable["type"] == "constant" or (variable["label"] and variable["description"])


@pytest.mark.parametrize("name", DASHBOARDS)
def test_links_lead_to_dashboards_that_are_there(name: str) -> None:
    uids = {built["uid"] for other, built in BUILT.items() if other in OF_GROUPS}
    for url in re.findall(r'"url": "(/d/[^"]*)"', json.dumps(BUILT[name])):
        assert re.match(r"/d/([\w-]+)", url)[1] in uids  # type: ignore[index]


def test_the_ward_leads_to_the_patient() -> None:
    (table,) = [panel for panel in BUILT["ward"]["panels"] if panel["type"] == "table"]
    links = {override["matcher"]["options"]: override["properties"] for override in table["fieldConfig"]["overrides"]}
    assert {
        "id": "links",
        "value": [{"title": "Open this patient", "url": "/d/afoot-patient?var-patient=${__value.raw}"}],
    } in links["patient"]
    assert table["options"]["sortBy"] == [{"displayName": "Urgent", "desc": True}]


def test_every_state_and_status_has_a_word() -> None:
    assert set(STATES[0]["options"]) == {str(state.value) for state in State}
    assert set(VERDICTS[0]["options"]) == {status.value for status in Status}


def test_every_measurement_but_the_mark_is_shown_somewhere() -> None:
    shown = {
        name for name in MEASUREMENTS for panel in PANELS.values() for one in panel["targets"] if f'FROM "{name}"' in one["query"]
    }
    assert shown == set(MEASUREMENTS) - {"published"}


WRONG = {
    "expected one of minutes": lambda: queries.select("minute", "steps"),
    "found 'step'": lambda: queries.select("minutes", "step"),
    "found 'patient'": lambda: queries.select("minutes", "steps", "sum(patient)"),
    "does not fit zone": lambda: queries.select("ward", "sum(zone)"),
    "median": lambda: queries.select("minutes", "median(steps)"),
    "tags alone": lambda: queries.select("minutes", "patient"),
    "expected a tag": lambda: queries.tag_values("ward", "zone"),
    "expected a tag of": lambda: queries.select("minutes", "steps").by("steps"),
}


@pytest.mark.parametrize("message", WRONG)
def test_a_query_of_what_is_not_published_cannot_be_built(message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        WRONG[message]()


def test_a_query_by_hand() -> None:
    query = queries.select("minutes", "mean(steps)").where(queries.OF_PATIENT, queries.IN_RANGE).by("source").each("1h")
    assert str(query) == (
        'SELECT mean("steps") AS "steps" FROM "minutes" WHERE "patient" =~ /^${patient:regex}$/ AND $timeFilter '
        "GROUP BY time(1h), \"source\" fill(null) tz('${zone:raw}')"
    )
