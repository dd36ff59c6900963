"""The compose file, the image, and the folder that they run on. No container runs here: files are held against promises."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from afoot.deploying import FOLDERS, SECRETS
from afoot.settings import Settings
from tests.afoot.conftest import Program, afoot

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
_VARIABLE = re.compile(r"\$\{(\w+)(?::?([-?])([^}]*))?\}")

__all__ = ["afoot"]


def test_every_image_is_pinned_to_one_release() -> None:
    for name, service in SERVICES.items():
        assert re.fullmatch(r"[\w./-]+:\d+(\.\d+)+(-\w+)?", service["image"]), name
    assert SERVICES["influxdb"]["image"] == "influxdb:2.9.1"
    for base in re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE):
        assert re.fullmatch(r"python:\d+\.\d+\.\d+-slim-bookworm", base)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_listens_on_loopback_alone(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert port.startswith("127.0.0.1:") or (name == "caddy" and port.startswith("${AFOOT_PUBLIC_ADDRESS:-127.0.0.1}:"))


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_as_few_rights_as_it_can(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["user"] == "${AFOOT_UID:?run afoot init}:${AFOOT_GID:?run afoot init}"
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "network_mode", "pid", "ipc", "devices"} & set(service)
    assert set(service.get("cap_add", [])) <= ({"NET_BIND_SERVICE"} if name == "caddy" else set())
    assert not any("docker.sock" in volume for volume in service.get("volumes", []))


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_watched(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    if name == "grafana-sync":
        assert check == {"disable": True}
        assert SERVICES[name]["restart"] == "no"
        return
    assert check["test"][0] == "CMD"
    for other, condition in SERVICES[name].get("depends_on", {}).items():
        assert condition == {"condition": "service_healthy"}
        assert "test" in SERVICES[other]["healthcheck"]


def test_secrets_come_from_files_and_none_is_written_anywhere() -> None:
    assert set(COMPOSE["secrets"]) == set(SECRETS)
    for name, secret in COMPOSE["secrets"].items():
        assert secret == {"file": f"${{AFOOT_FOLDER}}/secrets/{name}"}
    for name, service in SERVICES.items():
        assert set(service.get("secrets", [])) <= set(SECRETS)
        for key, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|TOKEN|SECRET", key):
                assert str(value).startswith("/run/secrets/"), (name, key)
                assert value.removeprefix("/run/secrets/") in service["secrets"]
    assert not re.search(r"PASSWORD|TOKEN|SECRET", DOCKERFILE)


def test_every_setting_of_afoot_is_one() -> None:
    for name in ("afoot", "grafana-sync"):
        given = {key for key in SERVICES[name]["environment"] if key.startswith("AFOOT_")}
        served = {key for key in given if key.startswith("AFOOT_SERVE_")}
        assert given - served <= {f"AFOOT_{field.upper()}" for field in Settings.model_fields}
        assert served == {"AFOOT_SERVE_HOST", "AFOOT_SERVE_PORT", "AFOOT_SERVE_URL"}


def test_grafana_lets_nobody_in_by_itself_and_calls_nobody() -> None:
    settings = SERVICES["grafana"]["environment"]
    off = ("GF_AUTH_ANONYMOUS_ENABLED", "GF_USERS_ALLOW_SIGN_UP", "GF_USERS_AUTO_ASSIGN_ORG", "GF_PUBLIC_DASHBOARDS_ENABLED")
    off += (
        "GF_SNAPSHOTS_ENABLED",
        "GF_ANALYTICS_REPORTING_ENABLED",
        "GF_ANALYTICS_CHECK_FOR_UPDATES",
        "GF_NEWS_NEWS_FEED_ENABLED",
    )
    assert {name: settings[name] for name in off} == dict.fromkeys(off, "false")


def test_what_nobody_asked_for_does_not_start() -> None:
    assert {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service} == {
        "caddy": ["tls"],
        "postgres": ["postgres"],
    }


@pytest.fixture
def folder(afoot: Program, tmp_path: Path) -> Path:
    made = tmp_path / "deployment"
    afoot.ok("init", made)
    return made


def test_init_makes_secrets_at_random_for_its_owner_alone(afoot: Program, folder: Path, tmp_path: Path) -> None:
    said = afoot.ok("init", tmp_path / "other").out
    for name in SECRETS:
        one, other = ((where / "secrets" / name).read_text() for where in (folder, tmp_path / "other"))
        assert len(one) >= 40
        assert one != other
        assert other not in said
    assert len({(folder / "secrets" / name).read_text() for name in SECRETS}) == len(SECRETS)
    for path in (folder, *folder.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path
    assert not any((folder / "secrets" / name).read_text() in (folder / ".env").read_text() for name in SECRETS)


def test_init_never_replaces_a_secret(afoot: Program, folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert "left alone" in afoot.fails(2, "init", folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("domain", ["", "afoot.example.org"])
def test_the_compose_file_is_whole_with_what_init_made(afoot: Program, tmp_path: Path, domain: str) -> None:
    folder = tmp_path / "deployment"
    afoot.ok("init", folder, *(["--domain", domain] if domain else []))
    settings = dict(line.split("=", 1) for line in (folder / ".env").read_text().splitlines() if not line.startswith("#"))
    text = (ROOT / "docker-compose.yml").read_text()
    for name, sign, _ in _VARIABLE.findall(text):
        assert sign or name in settings or name in {one for one, kind, _ in _VARIABLE.findall(text) if kind == "?"}, name
        assert sign != "?" or settings.get(name), name
    filled = yaml.safe_load(_VARIABLE.sub(lambda found: settings.get(found[1], found[3]), text))
    mounted = {volume.split(":")[0] for service in filled["services"].values() for volume in service.get("volumes", [])}
    for source in mounted:
        assert source.startswith("./") or Path(source).is_dir(), source
    for secret in filled["secrets"].values():
        assert Path(secret["file"]).is_file()
    assert {str(folder / name) for name in FOLDERS if name.startswith("data/")} <= mounted
    assert filled["services"]["caddy"]["ports"] == [f"{'0.0.0.0' if domain else '127.0.0.1'}:443:443"]
    assert int(settings["AFOOT_UID"]) > 0, "nothing runs as root"


@pytest.mark.parametrize("domain", ["localhost", "https://a.example", "a.example/x", "a example.org", "-a.example"])
def test_init_refuses_what_is_no_domain(afoot: Program, tmp_path: Path, domain: str) -> None:
    assert "--domain" in afoot.fails(2, "init", tmp_path / "deployment", "--domain", domain)


def test_the_image_holds_the_program_and_nothing_else() -> None:
    """Its copy steps by hand: what the build context lets in is what the program needs to be installed."""
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {word for line in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE) for word in line.split()}
    assert copied == kept
    assert all((ROOT / name).exists() for name in kept)
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert packages <= kept
    assert "USER 10001:10001" in DOCKERFILE
    assert DOCKERFILE.index("USER") < DOCKERFILE.index("ENTRYPOINT")


def test_the_health_check_of_the_image_is_a_program() -> None:
    (line,) = re.findall(r'CMD \["python", "-c", "(.*)"\]$', DOCKERFILE, re.MULTILINE)
    compile(line, "Dockerfile", "exec")
    assert "/api/v1/health" in line
    done = subprocess.run(
        [sys.executable, "-c", line.replace("8765", "9")], capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert done.returncode == 1, "nothing listens: not healthy"
