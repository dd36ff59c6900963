"""How the parts of afoot stand: a line for each thing to know, from every part that has something to say.

A part that should appear in `afoot status` is one function and one line in PARTS.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select

from afoot.app import App
from afoot.backing_up import list_backups
from afoot.output import instant
from devices.recording import DAY_MS
from ingest import people, tables
from ingest.local_days import EPOCH
from ingest.publishing import outbox
from ingest.publishing.outbox import FACTS
from ingest.wearables import Wearable, list_wearables
from rules.finding import Recipient
from rules.red_flags import unacknowledged
from rules.routes import routes_for


@dataclass(frozen=True, slots=True)
class Line:
    """One thing to know. ok: whether it is as it should be; None where there is no should."""

    part: str
    what: str
    said: str
    ok: bool | None = None


Part = Callable[[App], Iterable[Line]]


def store_lines(app: App) -> Iterator[Line]:
    """Say what the store holds."""
    with app.store.reading() as connection:
        patients = connection.execute(select(func.count()).select_from(tables.patients)).scalar()
        received = connection.execute(select(func.max(tables.imports.c.received_ms))).scalar()
    yield Line("store", "patients", f"{patients:,}")
    yield Line("store", "last import", "never" if received is None else instant(received))


def publishing_lines(app: App) -> Iterator[Line]:
    """Say whether InfluxDB can be reached, what waits for it, and what went wrong."""
    part = "publishing"
    if not app.settings.influx_url:
        yield Line(part, "InfluxDB", "not set: nothing is published")
        return
    reached = _reach(app)
    yield Line(part, "InfluxDB", reached[1], reached[0])
    with app.store.reading() as connection:
        standing = outbox.read_standing(connection)
        marks = tables.unpublished_days
        oldest = connection.execute(select(func.min(marks.c.day)).where(marks.c.day != FACTS)).scalar()
    since = "" if standing.behind_ms is None else f", since {instant(standing.behind_ms)}"
    said = f"{standing.queued:,} days and facts of {standing.patients:,} patients{since}" if standing.queued else "nothing"
    yield Line(part, "waiting", said, standing.behind_ms is None)
    if oldest is not None:
        yield Line(part, "oldest day that waits", (EPOCH + timedelta(days=oldest)).isoformat())
    yield Line(part, "last success", "never" if standing.succeeded_ms is None else instant(standing.succeeded_ms))
    if standing.error and standing.failed_ms is not None:
        again = f"; again at {instant(standing.next_ms)}"
        yield Line(part, "last error", f"{instant(standing.failed_ms)}: {standing.error}{again}", ok=False)
    if standing.refused:
        yield Line(part, "lines that are not taken", f"{standing.refused:,}; the first: {standing.refused_why}", ok=False)


def _reach(app: App) -> tuple[bool, str]:
    """Return whether the server answers, and what to say of it."""
    from afoot.publishing import open_influx
    from ingest.publishing.influx import InfluxError

    try:
        with open_influx(app, retries=0) as influx:
            return True, f"reachable, version {influx.ping()}"
    except InfluxError as error:
        return False, f"not reachable: {error}"


def wearable_lines(app: App) -> Iterator[Line]:
    """Say how many wearables are paired, and which trouble stands in the way of how many."""
    with app.store.reading() as connection:
        paired = list_wearables(connection)
    if not paired:
        return
    yield Line("wearables", "paired", f"{len(paired):,}")
    troubles = Counter(one.problem for one in paired if one.problem)
    for problem, count in troubles.most_common():
        yield Line("wearables", f"{count} not synced", problem, False)
    yield from _shared_names(paired)


def _shared_names(paired: Sequence[Wearable]) -> Iterator[Line]:
    """Name what may be one device in two hands: a page tells no address, and only people can look. Mostly it is chance."""
    named: dict[str, list[Wearable]] = {}
    for one in paired:
        if one.can_sync_by_page:
            named.setdefault(one.paired.name, []).append(one)
    for name, found in sorted(named.items()):
        owners = len({one.patient_id for one in found})
        if owners > 1 and not all(one.paired.address for one in found):
            yield Line("wearables", name, f"{owners} patients have paired one of this name: is it one in two hands?")


def channel_lines(app: App) -> Iterator[Line]:
    """Say of how many patients no therapist can be told, and how many warning signs nobody has acknowledged."""
    with app.store.reading() as connection:
        ids = [one.id for one in people.list_patients(connection)]
        mute = [one for one in ids if not routes_for(connection, one, Recipient.THERAPIST)]
        waiting = len(unacknowledged(connection))
    if mute:
        what = "no channel for a therapist: nobody is sent a message, not of a warning sign either; `afoot notify add therapist`"
        yield Line("messages", f"{len(mute):,} of {len(ids):,} patients", what, False)
    if waiting:
        yield Line("messages", "warning signs", f"{waiting:,} that nobody has acknowledged; `afoot alerts --open`", False)


def backup_lines(app: App) -> Iterator[Line]:
    """Say when the last backup was written, where backups are to be."""
    folder = app.settings.backup_folder
    if folder is None:
        return
    made = list_backups(folder)[-1:] if folder.exists() else []
    if not app.settings.backup_keys:
        yield Line("backups", "public key", "none is set: no backup is written", False)
    late = not made or app.now_ms() - made[0][0] > 2 * DAY_MS
    yield Line("backups", "last", instant(made[0][0]) if made else "none", not late)


PARTS: tuple[Part, ...] = (store_lines, channel_lines, publishing_lines, wearable_lines, backup_lines)
