"""The folder that the compose file runs on: secrets at random, settings, and the folders that its services keep their data in."""

import os
import secrets
from pathlib import Path

SECRETS = ("influx_password", "influx_token", "grafana_password", "postgres_password")
# What each service writes, or Grafana reads.
FOLDERS = (
    *("data/afoot", "data/influxdb", "data/influxdb-config", "data/grafana", "data/caddy", "data/caddy-config", "data/postgres"),
    *("grafana/provisioning/datasources", "grafana/provisioning/dashboards", "grafana/provisioning/alerting"),
    *("grafana/provisioning/plugins", "grafana/dashboards/groups", "grafana/dashboards/operators", "grafana/tokens"),
    "grafana/passwords",
)
# Who the services are where the folder is made by root: nobody else on the machine.
NOBODY = 10001
_BYTES = 32


def make_deployment(folder: Path, *, domain: str = "") -> list[Path]:
    """Make the folder, for its owner alone, and return the files that hold secrets.

    domain: under which others reach it, by Caddy; none: only this machine
    Raises: ValueError if something is there already: secrets that are in use are never replaced
    """
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder}: expected an empty folder, or none; what is there is left alone")
    owner, group = (NOBODY, NOBODY) if os.getuid() == 0 else (os.getuid(), os.getgid())
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*FOLDERS, "secrets"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    made = [_write(folder / f"secrets/{name}", f"{secrets.token_urlsafe(_BYTES)}") for name in SECRETS]
    _write(folder / ".env", _settings(folder.resolve(), owner, group, domain))
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
        if os.getuid() == 0:
            os.chown(path, owner, group)
    return made


def _write(path: Path, text: str) -> Path:
    with open(path, "x", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)
    return path


def _settings(folder: Path, owner: int, group: int, domain: str) -> str:
    rows = {"AFOOT_FOLDER": str(folder), "AFOOT_UID": str(owner), "AFOOT_GID": str(group)}
    if domain:
        rows |= {
            "AFOOT_DOMAIN": domain,
            "AFOOT_PUBLIC_ADDRESS": "0.0.0.0",  # Caddy alone: all others stay on loopback
            "AFOOT_SERVE_URL": f"https://{domain}",
            "AFOOT_GRAFANA_PUBLIC_URL": f"https://grafana.{domain}/",
            "AFOOT_GRAFANA_HTTPS": "true",
            "COMPOSE_PROFILES": "tls",
        }
    head = "# Made by `afoot init`. No secret is in it: these are the files in secrets/.\n"
    return head + "".join(f"{name}={value}\n" for name, value in rows.items())
