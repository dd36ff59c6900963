"""Every metric is documented, and no label of any could hold a person."""

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from afoot.service.jobs import JOBS
from afoot.service.metrics import Metrics
from tests.service.making import Clinic, day_csv

OPERATOR = (Path(__file__).parents[2] / "docs" / "operator.md").read_text()
LABELS = {"method", "route", "status", "result", "job", "le"}


def test_every_metric_and_every_job_is_documented() -> None:
    names = {
        name for one in Metrics().registry.collect() for name in (one.name + "_total" if one.type == "counter" else one.name,)
    }
    rows = set(re.findall(r"^\| `(afoot_\w+)` \|", OPERATOR, re.MULTILINE))
    assert rows == names
    for job in JOBS:
        assert f"| `{job.name}` |" in OPERATOR


def test_what_is_counted_names_nobody(clinic: Clinic) -> None:
    clinic.upload("device/anna", day_csv(), "annas-watch.csv")
    clinic.get("therapist/anna", f"/api/v1/patients/{clinic.pseudonym('anna')}/days")
    clinic.web.request("BREW", "/api/v1/patients/anna")
    clinic.web.get("/nowhere/anna")
    text = clinic.get("operator/", "/metrics").text
    for word in ("anna", clinic.pseudonym("anna"), "watch", "BREW"):
        assert word not in text
    found = {one.name: one for one in text_string_to_metric_families(text)}
    assert {label for one in found.values() for sample in one.samples for label in sample.labels} <= LABELS
    routes = {sample.labels["route"] for sample in found["afoot_requests"].samples if "route" in sample.labels}
    assert "/api/v1/patients/{patient}/days" in routes
    (new,) = [
        one.value for one in found["afoot_uploads"].samples if one.name.endswith("_total") and one.labels["result"] == "new"
    ]
    assert new == 1
