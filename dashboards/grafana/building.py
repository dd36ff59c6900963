"""The parts that dashboards are made of: panels, variables, annotations, and how unknown looks.

Classic dashboard JSON of schema version 42, panels of Grafana's core only. Unknown has a look of its own and is never drawn as 0:
a query gives null where nothing is known, lines end there, a table says "unknown".
Source: Grafana, "Dashboard JSON model"; `@grafana/schema` 13.2
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dashboards.queries import Query

Json = dict[str, Any]

SCHEMA_VERSION = 42
COLUMNS = 24
# One data source in each organisation, and the same identifier in all of them: dashboards need not know which.
DATASOURCE: Mapping[str, str] = {"type": "influxdb", "uid": "afoot"}
GENERATED = "Made by dashboards/grafana; change it there: `python -m dashboards.grafana`."
UNKNOWN = "unknown"
GREY, LIGHT, GREEN, BLUE, ORANGE, RED = "#8e8e8e", "#d0d0d0", "#2f9e63", "#3274d9", "#e8890c", "#c4162a"
DAY_MS, HOUR_MS, MINUTE_MS = 86_400_000, 3_600_000, 60_000


def mapped(*texts: tuple[str, str, str], unknown: str = UNKNOWN) -> list[Json]:
    """Return the mapping of values, each as (value, text, colour), and of null to unknown."""
    options = {value: {"text": text, "color": color, "index": index} for index, (value, text, color) in enumerate(texts)}
    known = [{"type": "value", "options": options}] if options else []
    nothing = {"match": "null", "result": {"text": unknown, "color": GREY, "index": len(options)}}
    return [*known, {"type": "special", "options": nothing}]


STATES = mapped(
    ("0", "Unknown", GREY),
    ("1", "Not worn", LIGHT),
    ("2", "Night", "#1f3a6e"),
    ("3", "Still", ORANGE),
    ("4", "Moving", "#8fd19e"),
    ("5", "Walking", GREEN),
)
VERDICTS = mapped(
    ("met", "met", GREEN),
    ("missed", "not met", ORANGE),
    ("exceeded", "exceeded", RED),
    ("unknown", UNKNOWN, GREY),
    ("off", "not prescribed", LIGHT),
)
UNKNOWN_ONLY = mapped()


@dataclass(frozen=True, slots=True)
class Ask:
    """A query of a panel. alias: the series' name; table: rows with their tags as columns, for tables"""

    query: Query | str
    alias: str = "$col"
    table: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """How one column or series looks, by the name it comes with.

    title: what people read; hidden: not shown; the rest as in Grafana's field options
    """

    name: str
    title: str = ""
    unit: str = ""
    mappings: Sequence[Json] | None = None
    steps: Sequence[tuple[float | None, str]] = ()
    custom: Mapping[str, Any] = field(default_factory=dict)
    link: tuple[str, str] | None = None
    color: str = ""
    width: int = 0


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. size: columns of 24, rows of 30 pixels

    unit, description, no_data: every panel has them
    """

    kind: str
    title: str
    description: str
    asks: Sequence[Ask]
    unit: str
    no_data: str
    size: tuple[int, int]
    options: Mapping[str, Any]
    fields: Sequence[Field] = ()
    mappings: Sequence[Json] = tuple(UNKNOWN_ONLY)
    steps: Sequence[tuple[float | None, str]] = ((None, BLUE),)
    custom: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    transformations: Sequence[Json] = ()
    interval: str = ""


def thresholds(steps: Iterable[tuple[float | None, str]]) -> Json:
    return {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in steps]}


def build_dashboard(
    uid: str,
    title: str,
    description: str,
    panels: Sequence[Panel],
    *,
    variables: Sequence[Json] = (),
    annotations: Sequence[Json] = (),
    since: str,
    refresh: str = "5m",
) -> Json:
    """Return the dashboard's JSON. The panels stand in reading order, a row full before the next one begins."""
    return {
        "uid": uid,
        "title": title,
        "description": f"{description} {GENERATED}",
        "tags": ["afoot"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": refresh,
        "time": {"from": since, "to": "now"},
        "timepicker": {},
        "timezone": "browser",
        "weekStart": "monday",
        "annotations": {"list": list(annotations)},
        "links": [_menu()],
        "templating": {"list": list(variables)},
        "panels": [_panel(number, one, place) for number, (one, place) in enumerate(_placed(panels), start=1)],
    }


def _menu() -> Json:
    return {
        "type": "dashboards",
        "title": "afoot",
        "tags": ["afoot"],
        "asDropdown": True,
        "icon": "",
        "includeVars": False,
        "keepTime": False,
        "targetBlank": False,
        "tooltip": "The other dashboards",
    }


def _placed(panels: Sequence[Panel]) -> Iterable[tuple[Panel, Json]]:
    x = y = height = 0
    for one in panels:
        width, own = one.size
        if x + width > COLUMNS:
            x, y, height = 0, y + height, 0
        yield one, {"x": x, "y": y, "w": width, "h": own}
        x, height = x + width, max(height, own)


def _panel(number: int, one: Panel, place: Json) -> Json:
    panel: Json = {
        "id": number,
        "type": one.kind,
        "title": one.title,
        "description": one.description,
        "datasource": dict(DATASOURCE),
        "gridPos": place,
        "targets": [_target(chr(ord("A") + row), ask) for row, ask in enumerate(one.asks)],
        "fieldConfig": {
            "defaults": {
                "unit": one.unit,
                "noValue": one.no_data,
                "mappings": list(one.mappings),
                "thresholds": thresholds(one.steps),
                "color": {"mode": "thresholds"},
                "custom": dict(one.custom),
                **one.defaults,
            },
            "overrides": [_override(each) for each in one.fields],
        },
        "options": dict(one.options),
    }
    if one.transformations:
        panel["transformations"] = list(one.transformations)
    if one.interval:
        panel["interval"] = one.interval
    return panel


def _target(name: str, ask: Ask) -> Json:
    return {
        "refId": name,
        "datasource": dict(DATASOURCE),
        "rawQuery": True,
        "query": str(ask.query),
        "resultFormat": "table" if ask.table else "time_series",
        **({} if ask.table else {"alias": ask.alias}),
    }


def _override(one: Field) -> Json:
    given: list[tuple[str, Any]] = [
        ("displayName", one.title),
        ("unit", one.unit),
        ("mappings", None if one.mappings is None else list(one.mappings)),
        ("thresholds", thresholds(one.steps) if one.steps else None),
        ("color", {"mode": "fixed", "fixedColor": one.color} if one.color else None),
        ("custom.width", one.width),
        ("links", [{"title": one.link[0], "url": one.link[1]}] if one.link else None),
        *((f"custom.{name}", value) for name, value in one.custom.items()),
    ]
    properties = [{"id": name, "value": value} for name, value in given if value not in (None, "", 0)]
    return {"matcher": {"id": "byName", "options": one.name}, "properties": properties}


def query_variable(name: str, label: str, description: str, query: str | Query) -> Json:
    """Return a variable whose values are a query's; one is chosen, the first one at the start."""
    return {
        "type": "query",
        "name": name,
        "label": label,
        "description": description,
        "datasource": dict(DATASOURCE),
        "query": str(query),
        "refresh": 1,
        "sort": 1,
        "multi": False,
        "includeAll": False,
        "allowCustomValue": False,
    }


def constant(name: str, value: str) -> Json:
    """Return a variable that nobody sees; provisioning puts the value of this place there."""
    return {"type": "constant", "name": name, "query": value, "hide": 2, "current": {"text": value, "value": value}}


def annotation(name: str, color: str, query: str | Query, text: str, tags: str) -> Json:
    """Return marks over every chart. text, tags: the columns that say what it is"""
    target = {"refId": "Anno", "fromAnnotations": True, "query": str(query), "textColumn": text, "tagsColumn": tags}
    return {"name": name, "datasource": dict(DATASOURCE), "enable": True, "iconColor": color, "target": target}
