"""The base for Kubernetes, rendered by kubectl where it is there; no cluster runs here."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

BASE = Path(__file__).resolve().parents[2] / "deploy/kustomize"


def _rendered() -> list[dict[str, Any]]:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("needs kubectl, to render what kustomize makes")
    done = subprocess.run([kubectl, "kustomize", str(BASE)], capture_output=True, text=True, check=True, timeout=60)
    return list(yaml.safe_load_all(done.stdout))


def test_it_renders_and_nothing_in_it_has_rights_that_it_does_not_need() -> None:
    rendered = {one["kind"]: one for one in _rendered()}
    assert set(rendered) == {"ConfigMap", "Service", "StatefulSet"}
    spec = rendered["StatefulSet"]["spec"]
    assert spec["replicas"] == 1, "SQLite has one writer"
    pod = spec["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    for container in pod["containers"]:
        assert container["image"] == "afoot:0.1.0"
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert "limits" in container["resources"]
        assert {one["name"] for one in container["volumeMounts"]} <= {"data", "tmp", "secrets"}
    assert pod["containers"][0]["readinessProbe"]["httpGet"]["path"] == "/api/v1/health"
    assert rendered["Service"]["spec"]["selector"].items() <= spec["template"]["metadata"]["labels"].items()
    assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()


def test_no_secret_is_in_it() -> None:
    settings = next(one for one in _rendered() if one["kind"] == "ConfigMap")["data"]
    assert not [name for name in settings if "PASSWORD" in name or ("TOKEN" in name and not name.endswith("_FILE"))]
