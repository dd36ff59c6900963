"""Settings, from the environment; docs/operator.md describes each."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """Each field is the environment variable AFOOT_ and its name in capitals."""

    model_config = SettingsConfigDict(env_prefix="AFOOT_", extra="ignore")

    home: Path = Field(default=Path.home() / ".local/share/afoot", description="folder of the store and the raw archive")
    store: str = Field(default="", description="database URL; empty: a SQLite file in the home folder")
    executor: Literal["serial", "processes", "dask"] = Field(default="serial", description="where patients are judged")
    workers: int = Field(default=0, ge=0, le=1024, description="of processes and of Dask's own; 0: one for each processor")
    dask_scheduler: str = Field(default="", description="address of a Dask scheduler; empty: a cluster of this machine alone")
    durable: bool = Field(default=True, description="off: a power cut may take the last commits (SQLite only)")
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

    @field_validator("backup_keys", mode="before")
    @classmethod
    def _by_commas(cls, keys: object) -> object:
        return [key.strip() for key in keys.split(",") if key.strip()] if isinstance(keys, str) else keys

    @property
    def store_url(self) -> str:
        return self.store or f"sqlite:///{self.home / 'afoot.db'}"

    @property
    def archive_folder(self) -> Path:
        return self.home / "archive"
