"""Grafana's dashboards as code; the JSON beside it is made of it.

A group's organisation has the first four, the operators' organisation the last one.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from dashboards.grafana.alerts import build_alerts
from dashboards.grafana.building import Json
from dashboards.grafana.operations import build_operations
from dashboards.grafana.patient import build_patient
from dashboards.grafana.quality import build_quality
from dashboards.grafana.ward import build_ward

FOLDER = Path(__file__).parent
OF_GROUPS: Mapping[str, Callable[[], Json]] = MappingProxyType(
    {"ward": build_ward, "patient": build_patient, "alerts": build_alerts, "quality": build_quality}
)
OF_OPERATORS: Mapping[str, Callable[[], Json]] = MappingProxyType({"operations": build_operations})
DASHBOARDS: Mapping[str, Callable[[], Json]] = MappingProxyType({**OF_GROUPS, **OF_OPERATORS})


def build_text(name: str) -> str:
    """Return the JSON of one dashboard as it lies in its file. Raises: KeyError"""
    return json.dumps(DASHBOARDS[name](), indent=1, ensure_ascii=False) + "\n"


def write_all(folder: Path = FOLDER) -> None:
    """Write every dashboard's file anew."""
    for name in DASHBOARDS:
        (folder / f"{name}.json").write_text(build_text(name), encoding="utf-8")
