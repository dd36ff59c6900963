"""The composition root: the only module that knows concrete parts, and the only one that reads the clock."""

import time
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from afoot.checks import checks_metadata
from afoot.service.tables import service_metadata
from afoot.settings import Settings
from afoot.summaries import summaries_metadata
from ingest.archive import Archive
from ingest.store import Store
from rules.ledger import rules_metadata
from rules.outbox import outbox_metadata

# What the other rooms keep in the same database.
STATE = (rules_metadata, outbox_metadata, checks_metadata, summaries_metadata, service_metadata)


def now_ms() -> int:
    """Return now, in ms since 1970."""
    return time.time_ns() // 1_000_000


class App:
    """One store and its archive, opened by the settings."""

    def __init__(self, settings: Settings) -> None:
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.settings = settings
        self.store = Store(settings.store_url, durable=settings.durable)
        self.store.add_tables(*STATE)
        self.archive = Archive(settings.archive_folder)

    def now_ms(self) -> int:
        return now_ms()

    def close(self) -> None:
        self.store.close()


def load_settings() -> Settings:
    """Return what the environment sets.

    Raises: ValueError naming the setting that cannot be used, without its value: it may hold a password
    """
    try:
        return Settings()
    except ValidationError as error:
        problems = "; ".join(f"AFOOT_{'_'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors())
        raise ValueError(problems) from error


def open_app(home: Path | None = None) -> App:
    """Return the program as the environment sets it up; `home` goes before the environment's.

    Raises: ValueError naming the setting that cannot be used, without its value
    """
    settings = load_settings()
    if home is not None:
        settings = settings.model_copy(update={"home": home, "store": ""})
    try:
        return App(settings)
    except ModuleNotFoundError as error:
        message = f"AFOOT_STORE: its driver {error.name} is not installed; for PostgreSQL it begins with postgresql+psycopg://"
        raise ValueError(message) from error
    except DBAPIError as error:
        if settings.store:
            raise
        path = settings.home / "afoot.db"
        raise OSError(
            f"the store {path}: expected a SQLite file in a folder that can be written to, found: {error.orig}"
        ) from error
