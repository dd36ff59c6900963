"""The seven kinds of core panels that dashboards use, each with the options that suit its question."""

from collections.abc import Mapping, Sequence
from typing import Any

from dashboards.grafana.building import Ask, Field, Json, Panel

_TOOLTIP = {"mode": "multi", "sort": "none"}
_LEGEND = {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}
_REDUCE = {"calcs": ["lastNotNull"], "fields": "", "values": False}
# A point that is this much later than the one before begins a new line.
_SILENCE = 1.5

POINTS = {"drawStyle": "points", "showPoints": "always", "pointSize": 7}
DASHED = {"lineStyle": {"fill": "dash", "dash": [8, 6]}, "showPoints": "never", "lineInterpolation": "stepAfter"}


def lines(
    title: str,
    description: str,
    asks: Sequence[Ask],
    *,
    unit: str,
    no_data: str,
    size: tuple[int, int] = (24, 8),
    every_ms: int,
    fields: Sequence[Field] = (),
    custom: Mapping[str, Any] | None = None,
    interval: str = "",
    from_zero: bool = True,
    **defaults: Any,
) -> Panel:
    """A time series. every_ms: how far apart its points are; a longer distance is unknown, and no line is drawn across it."""
    look = {"drawStyle": "line", "lineWidth": 2, "showPoints": "auto", "pointSize": 5, "fillOpacity": 0}
    never_across = {"spanNulls": False, "insertNulls": round(every_ms * _SILENCE)}
    return Panel(
        "timeseries",
        title,
        description,
        asks,
        unit,
        no_data,
        size,
        {"tooltip": _TOOLTIP, "legend": _LEGEND},
        fields,
        custom={**look, **(custom or {}), **never_across},
        defaults={"color": {"mode": "palette-classic"}, **({"min": 0} if from_zero else {}), **defaults},
        interval=interval,
    )


def timeline(
    title: str, description: str, asks: Sequence[Ask], *, mappings: Sequence[Json], no_data: str, size: tuple[int, int] = (24, 5)
) -> Panel:
    """States as they follow each other; what is unknown is a state."""
    options = {
        "showValue": "never",
        "rowHeight": 0.9,
        "mergeValues": True,
        "alignValue": "left",
        "legend": _LEGEND,
        "tooltip": {"mode": "single", "sort": "none"},
    }
    custom = {"fillOpacity": 90, "lineWidth": 0}
    return Panel(
        "state-timeline", title, description, asks, "short", no_data, size, options, (), mappings, custom=custom, interval="1m"
    )


def history(
    title: str,
    description: str,
    asks: Sequence[Ask],
    *,
    mappings: Sequence[Json],
    no_data: str,
    fields: Sequence[Field] = (),
    size: tuple[int, int] = (24, 8),
) -> Panel:
    """One box for each day and row."""
    options = {"showValue": "never", "rowHeight": 0.9, "colWidth": 0.95, "legend": _LEGEND, "tooltip": _TOOLTIP}
    custom = {"fillOpacity": 90, "lineWidth": 0}
    return Panel("status-history", title, description, asks, "short", no_data, size, options, fields, mappings, custom=custom)


def heatmap(
    title: str, description: str, asks: Sequence[Ask], *, unit: str, no_data: str, most: float, size: tuple[int, int] = (24, 10)
) -> Panel:
    """Rows of cells, one row for each query, the first at the bottom. A cell without a value stays empty; one of 0 is drawn."""
    options = {
        "calculate": False,
        "cellGap": 1,
        "cellValues": {"unit": unit},
        "color": {
            "mode": "scheme",
            "scheme": "YlGnBu",
            "fill": "dark-blue",
            "scale": "linear",
            "exponent": 0.5,
            "steps": 64,
            "reverse": False,
            "min": 0,
            "max": most,
        },
        # Grafana hides what is not above a hair's breadth unless told otherwise: an hour of 0 steps is known.
        "filterValues": {"le": -1},
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "showValue": "never",
        "tooltip": {"mode": "single", "yHistogram": False, "showColorScale": True},
        "yAxis": {"axisPlacement": "left", "reverse": True},
    }
    return Panel("heatmap", title, description, asks, unit, no_data, size, options)


def stat(
    title: str,
    description: str,
    ask: Ask,
    *,
    unit: str,
    no_data: str,
    size: tuple[int, int] = (6, 4),
    steps: Sequence[tuple[float | None, str]] = (),
    mappings: Sequence[Json] | None = None,
    text: str = "",
) -> Panel:
    """One number. text: the field to show, where it is no number"""
    options = {
        "reduceOptions": {**_REDUCE, "fields": f"/^{text}$/"} if text else _REDUCE,
        "orientation": "auto",
        "textMode": "value",
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "wideLayout": True,
        "showPercentChange": False,
        "percentChangeColorMode": "standard",
    }
    given: dict[str, Any] = {"mappings": mappings} if mappings is not None else {}
    if steps:
        given["steps"] = steps
    return Panel("stat", title, description, [ask], unit, no_data, size, options, **given)


def bars(
    title: str,
    description: str,
    ask: Ask,
    *,
    unit: str,
    no_data: str,
    steps: Sequence[tuple[float | None, str]] = (),
    size: tuple[int, int] = (12, 8),
    **defaults: Any,
) -> Panel:
    """One bar for each series."""
    options = {
        "reduceOptions": _REDUCE,
        "orientation": "horizontal",
        "displayMode": "basic",
        "valueMode": "color",
        "showUnfilled": True,
        "sizing": "auto",
        "namePlacement": "left",
        "minVizWidth": 8,
        "minVizHeight": 16,
        "maxVizHeight": 300,
        "legend": {**_LEGEND, "showLegend": False},
    }
    given: dict[str, Any] = {"steps": steps} if steps else {}
    return Panel("bargauge", title, description, [ask], unit, no_data, size, options, defaults={"min": 0, **defaults}, **given)


def table(
    title: str,
    description: str,
    asks: Sequence[Ask],
    fields: Sequence[Field],
    *,
    no_data: str,
    sort: str,
    descending: bool = True,
    join: str = "",
    size: tuple[int, int] = (24, 10),
) -> Panel:
    """Rows. fields: the columns, in their order. sort: by which of them. join: the column that two queries share"""
    order = {one.name: place for place, one in enumerate(fields)}
    hidden = {name: True for name in ("Time", "Time 1", "Time 2") if name not in order}
    organize = {"id": "organize", "options": {"excludeByName": hidden, "indexByName": order, "renameByName": {}}}
    joined = [{"id": "joinByField", "options": {"byField": join, "mode": "outer"}}] if join else []
    options = {
        "showHeader": True,
        "cellHeight": "sm",
        "frameIndex": 0,
        "enablePagination": True,
        "sortBy": [{"displayName": next(one.title for one in fields if one.name == sort), "desc": descending}],
    }
    return Panel(
        "table",
        title,
        description,
        asks,
        "none",
        no_data,
        size,
        options,
        fields,
        custom={"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False, "filterable": True},
        transformations=[*joined, organize],
    )


COLORED = {"cellOptions": {"type": "color-background", "mode": "basic"}}
WRAPPED = {"cellOptions": {"type": "auto", "wrapText": True}}
