"""What Grafana is given as files: data sources, dashboards, and its one alert.

Each care group is an organisation of its own, with a data source that reads the group's database by a token that reads nothing
else: Grafana cannot hide rows. Clinical rules stay in afoot; the one alert here says that nothing is published any more, which
nobody else would notice. The files are JSON, which is YAML, too.
Source: Grafana, "Provision Grafana", "Use configuration files to provision alerting resources"
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dashboards.grafana import DASHBOARDS, OF_GROUPS
from dashboards.grafana.building import DATASOURCE, Json
from dashboards.queries import select
from ingest.publishing.schema import OPERATORS_BUCKET

FOLDER_UID, FOLDER_TITLE = "afoot", "afoot"
# Where Grafana finds what is written here: as the compose file mounts it.
GRAFANA_FOLDER = "/etc/grafana"
OPERATORS = "operators"
SILENT_S = 86_400


@dataclass(frozen=True, slots=True)
class Organisation:
    """An organisation of Grafana. name: of the care group, or OPERATORS; bucket: the database that it reads"""

    id: int
    name: str
    bucket: str


def build_files(organisations: Sequence[Organisation], influx_url: str, afoot_url: str) -> dict[str, str]:
    """Return every file by its path below the folder that Grafana reads.

    influx_url, afoot_url: where Grafana, and the people who look at it, reach them
    """
    files = {
        "provisioning/datasources/afoot.yaml": _text({"datasources": [_source(one, influx_url) for one in organisations]}),
        "provisioning/dashboards/afoot.yaml": _text({"providers": [_provider(one) for one in organisations]}),
        "provisioning/alerting/afoot.yaml": _text({"groups": [_alert(one) for one in organisations if one.name == OPERATORS]}),
    }
    for folder, names in ((OPERATORS, tuple(DASHBOARDS)), ("groups", tuple(OF_GROUPS))):
        for name in names:
            files[f"dashboards/{folder}/{name}.json"] = _text(_placed(DASHBOARDS[name](), afoot_url), header=False)
    return files


def token_file(name: str) -> str:
    """Return the path, below the folder that Grafana reads, of the header that an organisation's data source sends."""
    return f"tokens/{name}"


def _text(content: Mapping[str, Any], *, header: bool = True) -> str:
    head = "# Written by `afoot grafana sync`, which writes it anew.\n" if header else ""
    version = {"apiVersion": 1} if header else {}
    return f"{head}{json.dumps(version | dict(content), indent=2, ensure_ascii=False)}\n"


def _source(one: Organisation, influx_url: str) -> Json:
    return {
        "name": "afoot",
        "uid": DATASOURCE["uid"],
        "type": DATASOURCE["type"],
        "orgId": one.id,
        "access": "proxy",
        "url": influx_url,
        "isDefault": True,
        "editable": False,
        "database": one.bucket,  # what older releases read
        "jsonData": {"dbName": one.bucket, "httpMode": "POST", "httpHeaderName1": "Authorization"},
        "secureJsonData": {"httpHeaderValue1": f"$__file{{{GRAFANA_FOLDER}/{token_file(one.name)}}}"},
    }


def _provider(one: Organisation) -> Json:
    folder = OPERATORS if one.name == OPERATORS else "groups"
    return {
        "name": f"afoot_{one.name}",
        "orgId": one.id,
        "type": "file",
        "folder": FOLDER_TITLE,
        "folderUid": FOLDER_UID,
        "disableDeletion": False,
        "allowUiUpdates": False,
        "updateIntervalSeconds": 60,
        "options": {"path": f"{GRAFANA_FOLDER}/dashboards/{folder}"},
    }


def _alert(one: Organisation) -> Json:
    query = str(select("operations", "sum(patients)").where("$timeFilter"))
    written = {"refId": "A", "rawQuery": True, "query": query, "resultFormat": "time_series"}
    newest = {"refId": "B", "type": "reduce", "expression": "A", "reducer": "last"}
    too_few = {
        "refId": "C",
        "type": "threshold",
        "expression": "B",
        "conditions": [{"evaluator": {"type": "lt", "params": [1]}}],
    }
    return {
        "orgId": one.id,
        "name": "afoot",
        "folder": FOLDER_TITLE,
        "interval": "5m",
        "rules": [
            {
                "uid": "afoot-no-data",
                "title": "No data: nothing was published for a day",
                "condition": "C",
                "data": [
                    _step("A", DATASOURCE["uid"], written),
                    _step("B", "__expr__", newest),
                    _step("C", "__expr__", too_few),
                ],
                "noDataState": "Alerting",
                "execErrState": "Alerting",
                "for": "15m",
                "labels": {"service": "afoot"},
                "annotations": {
                    "summary": "What the dashboards show is older than a day. See `afoot status`: the publisher stands still, or "
                    "no patient's data arrive.",
                },
            },
        ],
    }


def _step(name: str, source: str, model: Json) -> Json:
    return {"refId": name, "datasourceUid": source, "relativeTimeRange": {"from": SILENT_S, "to": 0}, "model": model}


def _placed(dashboard: Json, afoot_url: str) -> Json:
    """Return the dashboard with the place of this afoot in its links."""
    variables = [
        one | {"query": afoot_url, "current": {"text": afoot_url, "value": afoot_url}} if one["name"] == "afoot_url" else one
        for one in dashboard["templating"]["list"]
    ]
    return dashboard | {"templating": {"list": variables}}


__all__ = ["FOLDER_TITLE", "FOLDER_UID", "OPERATORS", "OPERATORS_BUCKET", "Organisation", "build_files", "token_file"]
