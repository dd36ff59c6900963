"""Asks the queries of dashboards: of the database itself, with what Grafana would fill in; or of a real Grafana.

`AFOOT_TEST_GRAFANA_URL` and `AFOOT_TEST_GRAFANA_TOKEN` name a Grafana whose data source `afoot` reads `AFOOT_TEST_INFLUX_URL`.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.request import Request, urlopen

from dashboards.grafana.building import DATASOURCE
from tests.influx.rig import Rig

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class View:
    """What somebody looks at: a bucket, a time range, the chosen variables, the width of a piece."""

    bucket: str
    from_ms: int
    to_ms: int
    variables: dict[str, str] = field(default_factory=dict)
    interval: str = "1m"

    def fill_in(self, query: str) -> str:
        """Return the query as Grafana sends it.

        Source: Grafana, "Advanced variable format options", "InfluxDB query editor: macros"
        """
        named = {**self.variables, "__from": str(self.from_ms), "__to": str(self.to_ms), "__interval": self.interval}
        query = query.replace("$timeFilter", f"time >= {self.from_ms}ms and time <= {self.to_ms}ms")
        filled = re.sub(r"\$\{(\w+)(?::(\w+))?\}", lambda found: _formatted(named[found[1]], found[2]), query)
        return re.sub(r"\$(\w+)", lambda found: named[found[1]], filled)


def _formatted(value: str, form: str | None) -> str:
    return re.sub(r"[\\/^$*+?.()|{}\[\]]", lambda sign: f"\\{sign[0]}", value) if form == "regex" else value


def ask(rig: Rig, view: View, query: str) -> Rows:
    """Return the rows of a query of a panel or a variable, from the database itself."""
    return rig.query(view.bucket, view.fill_in(query))


def ask_grafana(url: str, token: str, view: View, target: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the frames of a panel's query, from a real Grafana, each as its columns by name."""
    query = {**target, "query": view.fill_in(target["query"]), "datasource": dict(DATASOURCE)}
    body = json.dumps({"queries": [query], "from": str(view.from_ms), "to": str(view.to_ms)}).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    with urlopen(Request(f"{url}/api/ds/query", body, headers), timeout=30) as answer:
        frames = json.load(answer)["results"][target["refId"]].get("frames", [])
    return [
        {one["name"]: values for one, values in zip(frame["schema"]["fields"], frame["data"]["values"], strict=True)}
        for frame in frames
    ]
