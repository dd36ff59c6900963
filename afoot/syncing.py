"""Wearables of this machine's patients, over its Bluetooth, into its store."""

import asyncio
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from afoot.app import App
from devices.radio.codec import Action
from ingest import wearables
from ingest.collect.bluetooth import Radio
from ingest.collect.pairing import Paired, Seen, keep_leftovers, only_one
from ingest.collect.rounds import Rules, sync_round
from ingest.wearables import StoreRoster


def radio_of(app: App) -> Radio:
    return Radio(app.settings.radio_adapter or None)


@contextmanager
def alone(app: App) -> Iterator[StoreRoster]:
    """Yield where this machine's captures go; nobody else syncs meanwhile. Raises: Conflict if another process does"""
    with only_one(app.settings.radio_folder):
        yield roster_of(app)


def roster_of(app: App) -> StoreRoster:
    return StoreRoster(app.store, app.archive, app.settings.radio_folder, app.now_ms)


def sync_due(app: App) -> dict[str, Seen]:
    """Sync every paired wearable that has an address once; returns what became of each, by its id. None, and nothing is done.

    Raises: Conflict if another process is syncing
    """
    ids = list_reached(app)
    return sync(app, radio_of(app), ids) if ids else {}


def list_reached(app: App) -> set[str]:
    """Return the ids of the wearables that this machine's Bluetooth looks for: those with an address."""
    with app.store.reading() as connection:
        return {one.paired.id for one in wearables.list_wearables(connection) if one.paired.address}


def sync(
    app: App, radio: Radio, ids: Collection[str], rules: Rules | None = None, told: Callable[[Paired, Action], None] | None = None
) -> dict[str, Seen]:
    """Sync these wearables, one after the other, after what an earlier process left behind."""
    with alone(app) as roster:
        problems = keep_leftovers(roster)
        devices = [roster.find(id) for id in sorted(ids)]
        seen = asyncio.run(sync_round(radio, roster, devices, app.now_ms, rules, told))
    if problems:
        raise ValueError("captures of an earlier sync could not be kept: " + "; ".join(problems))
    return seen
