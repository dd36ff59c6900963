"""The composition root: the only module that knows concrete parts, and the only one that reads the clock."""

import time
from pathlib import Path

from afoot.settings import Settings
from ingest.archive import Archive
from ingest.store import Store


class App:
    """One store and its archive, opened by the settings."""

    def __init__(self, settings: Settings) -> None:
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.settings = settings
        self.store = Store(settings.store_url, durable=settings.durable)
        self.archive = Archive(settings.archive_folder)

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def close(self) -> None:
        self.store.close()


def open_app(home: Path | None = None) -> App:
    """Return the program as the environment sets it up; `home` goes before the environment's."""
    return App(Settings() if home is None else Settings(home=home, store=""))
