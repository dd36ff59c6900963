"""Settings, from the environment; docs/operator.md describes each."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class BadSetting(ValueError):
    """A setting is missing, or cannot be used. The text names settings and places alone: an operator may read it anywhere."""


class Settings(BaseSettings):
    """Each field is the environment variable AFOOT_ and its name in capitals."""

    model_config = SettingsConfigDict(env_prefix="AFOOT_", extra="ignore")

    home: Path = Field(default=Path.home() / ".local/share/afoot", description="folder of the store and the raw archive")
    store: str = Field(default="", description="database URL; empty: a SQLite file in the home folder")
    executor: Literal["serial", "processes", "dask"] = Field(default="serial", description="where patients are judged")
    workers: int = Field(default=0, ge=0, le=1024, description="of processes and of Dask's own; 0: one for each processor")
    dask_scheduler: str = Field(default="", description="address of a Dask scheduler; empty: a cluster of this machine alone")
    durable: bool = Field(default=True, description="off: a power cut may take the last commits (SQLite only)")
    radio_minutes: int = Field(default=15, ge=1, description="how often `afoot serve` syncs paired wearables")
    radio_adapter: str = Field(default="", description="Bluetooth adapter, such as hci0; empty: the system's own")
    serve_host: str = Field(default="127.0.0.1", description="the address that `afoot serve` listens on")
    serve_port: int = Field(default=8765, ge=0, le=65535, description="and its port; 0: any free one")
    serve_url: str = Field(default="", description="where people reach it; https makes cookies secure")
    serve_role: Literal["all", "web", "worker"] = Field(default="all", description="pages and API, jobs, or both")
    serve_proxy: str = Field(default="", description="address of a proxy whose X-Forwarded-For is believed")
    serve_cert: Path | None = Field(default=None, description="certificate chain (PEM), to serve https itself")
    serve_key: Path | None = Field(default=None, description="its private key (PEM)")
    upload_mb: int = Field(default=4096, ge=1, le=65536, description="the largest file that is taken, in MB")
    uploads_per_minute: int = Field(default=120, ge=1, description="of one account or token; ten times that of one address")
    body_seconds: int = Field(default=60, ge=1, description="within which 16 KiB of a body, or its rest, have to come")
    session_idle_minutes: int = Field(default=60, ge=1, description="a session ends after so long without a request")
    session_hours: int = Field(default=12, ge=1, description="and after so long in all")
    audit_days: int = Field(default=1095, ge=1, description="how long the audit is kept")
    check_minutes: int = Field(default=60, ge=5, description="how often every patient is judged, new data or not")
    drop: Path | None = Field(default=None, description="folder with a folder for each patient, whose files are imported")
    backup_folder: Path | None = Field(
        default=None, description="where a backup is written every day; none: no backups by themselves"
    )
    backup_keys: Annotated[list[str], NoDecode] = Field(
        default=[], description="public keys that backups are encrypted to, by commas"
    )
    backup_keep: int = Field(default=14, ge=1, le=10_000, description="how many backups the folder keeps")

    influx_url: str = Field(default="", description="InfluxDB that dashboards read; empty: nothing is published")
    influx_org: str = Field(default="afoot", description="its organisation")
    influx_token_file: Path | None = Field(default=None, description="a file with its token")
    grafana_url: str = Field(default="", description="Grafana that `afoot grafana sync` sets up")
    grafana_user: str = Field(default="admin", description="its administrator")
    grafana_password_file: Path | None = Field(default=None, description="a file with the administrator's password")
    grafana_files: Path | None = Field(default=None, description="folder that Grafana reads its provisioning from")
    grafana_influx_url: str = Field(default="", description="InfluxDB as Grafana reaches it; empty: as afoot does")
    grafana_link_url: str = Field(default="http://127.0.0.1:8765", description="afoot's pages, for links in dashboards")

    @field_validator("home")
    @classmethod
    def _own_home(cls, home: Path) -> Path:
        return home.expanduser()

    @field_validator("serve_url")
    @classmethod
    def _reachable(cls, url: str) -> str:
        if url and not re.fullmatch(r"https?://[^/\s?#@]+/?", url):
            raise ValueError("expected https:// or http:// and a host, without a path")
        return url.rstrip("/")

    @field_validator("backup_keys", mode="before")
    @classmethod
    def _by_commas(cls, keys: object) -> object:
        return [key.strip() for key in keys.split(",") if key.strip()] if isinstance(keys, str) else keys

    @property
    def store_url(self) -> str:
        return self.store or f"sqlite:///{self.home / 'afoot.db'}"

    @property
    def radio_folder(self) -> Path:
        return self.home / "radio"

    @property
    def archive_folder(self) -> Path:
        return self.home / "archive"

    @property
    def uploads_folder(self) -> Path:
        return self.home / "uploads"
