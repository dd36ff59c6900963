"""How the parts of afoot stand: a line for each thing to know, from every part that has something to say.

A part that should appear in `afoot status` is one function and one line in PARTS.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select

from afoot.app import App
from afoot.backing_up import check_keys, list_backups
from afoot.output import instant
from afoot.service import accounts, passed_over
from afoot.service.roles import Role
from afoot.settings import BadSetting
from devices.recording import DAY_MS
from ingest import groups, people, tables
from ingest.local_days import EPOCH
from ingest.publishing import outbox
from ingest.publishing.outbox import FACTS
from ingest.wearables import Wearable, list_wearables
from rules.finding import Recipient
from rules.red_flags import unacknowledged
from rules.routes import CLINIC, list_routes

MOST_NAMES = 10
# Somebody waits for it.
ANSWER_MS = 5_000


@dataclass(frozen=True, slots=True)
class Line:
    """One thing to know.

    ok:     whether it is as it should be; None where there is no should
    aside:  names of people, and of what may be called after people, and what another program said: for the command line alone
    """

    part: str
    what: str
    said: str
    ok: bool | None = None
    aside: Sequence[str] = ()

    @property
    def in_full(self) -> str:
        """What the command line shows."""
        more = f", and {len(self.aside) - MOST_NAMES:,} more" if len(self.aside) > MOST_NAMES else ""
        return f"{self.said} ({', '.join(self.aside[:MOST_NAMES])}{more})" if self.aside else self.said


Part = Callable[[App], Iterable[Line]]


def store_lines(app: App) -> Iterator[Line]:
    """Say what the store holds."""
    with app.store.reading() as connection:
        patients = connection.execute(select(func.count()).select_from(tables.patients)).scalar()
        received = connection.execute(select(func.max(tables.imports.c.received_ms))).scalar()
    yield Line("store", "patients", f"{patients:,}")
    yield Line("store", "last import", "never" if received is None else instant(received))


def group_lines(app: App) -> Iterator[Line]:
    """Say how many patients no therapist sees, where therapists sign in: nobody reads their alerts."""
    with app.store.reading() as connection:
        scopes = [one.scope for one in accounts.list_accounts(connection) if one.scope.role is Role.THERAPIST]
        if not scopes:
            return
        everybody = people.list_patients(connection)
        looked_after = {group for scope in scopes for group in scope.group_ids}
        of = groups.group_ids(connection)
    alone = [one.name for one in everybody if one.id not in of]
    if alone:
        said = f"{len(alone):,}, seen by no therapist: `afoot group assign`"
        yield Line("groups", "patients in no care group", said, False, alone)
    unseen = [one.name for one in everybody if one.id in of and of[one.id] not in looked_after]
    if unseen:
        said = f"{len(unseen):,}: `afoot user add`, or `afoot group assign` to another"
        yield Line("groups", "patients in a care group of no therapist", said, False, unseen)


def publishing_lines(app: App) -> Iterator[Line]:
    """Say whether InfluxDB can be reached, what waits for it, and what went wrong."""
    part = "publishing"
    if not app.settings.influx_url:
        yield Line(part, "InfluxDB", _not_set(app, "nothing is published"))
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
        said = f"{instant(standing.failed_ms)}; again at {instant(standing.next_ms)}"
        yield Line(part, "last error", said, False, [standing.error])
    if standing.refused:
        yield Line(part, "lines that are not taken", f"{standing.refused:,}", False, [f"the first: {standing.refused_why}"])


def _not_set(app: App, so: str) -> str:
    """Of several machines, those that answer need not be set up like those that work."""
    return "not set on this machine" if app.settings.serve_role == "web" else f"not set: {so}"


def _reach(app: App) -> tuple[bool, str]:
    """Return whether the server answers, and what to say of it."""
    from afoot.publishing import open_influx
    from ingest.publishing.influx import InfluxError

    try:
        with open_influx(app, retries=0, answer_ms=ANSWER_MS) as influx:
            return True, f"reachable, version {influx.ping()}"
    except BadSetting as error:
        return False, str(error)
    except InfluxError as error:
        return False, f"not reachable: {error}"


def wearable_lines(app: App) -> Iterator[Line]:
    """Say how many wearables are paired, and which trouble stands in the way of how many."""
    with app.store.reading() as connection:
        paired = list_wearables(connection)
    yield Line("wearables", "paired", f"{len(paired):,}" if paired else "none")
    if paired and not any(one.paired.address for one in paired):
        yield Line("wearables", "this machine's Bluetooth", "not set up: no wearable has an address here; pages sync them")
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
        reached = {one.patient_id for one in list_routes(connection) if one.recipient is Recipient.THERAPIST}
        waiting = len(unacknowledged(connection))
    mute = [] if CLINIC in reached else [one for one in ids if one not in reached]
    if mute:
        what = "no channel for a therapist: nobody is sent a message, not of a warning sign either; `afoot notify add therapist`"
        yield Line("messages", f"{len(mute):,} of {len(ids):,} patients", what, False)
    if waiting:
        yield Line("messages", "warning signs", f"{waiting:,} that nobody has acknowledged; `afoot alerts --open`", False)


def backup_lines(app: App) -> Iterator[Line]:
    """Say when the last backup was written, where backups are to be."""
    part, folder = "backups", app.settings.backup_folder
    if folder is None:
        yield Line(part, "AFOOT_BACKUP_FOLDER", _not_set(app, "none is written by itself"))
        return
    try:
        check_keys(app.settings)
    except BadSetting as error:
        yield Line(part, "public key", str(error), False)
    try:
        made = list_backups(folder)[-1:] if folder.exists() else []
    except OSError as error:
        yield Line(part, "AFOOT_BACKUP_FOLDER", f"{folder}: {error.strerror}", False)
        return
    late = not made or app.now_ms() - made[0][0] > 2 * DAY_MS
    yield Line(part, "last", instant(made[0][0]) if made else "none", not late)


def drop_lines(app: App) -> Iterator[Line]:
    """Say what the drop folder does not take, and where it lies."""
    part, top = "drop folder", app.settings.drop
    if top is None:
        return
    with app.store.reading() as connection:
        patients = people.list_patients(connection)
    found = passed_over.look_over(top, patients)
    wrong = next((what for what in passed_over.WHOLE if what in found), "")
    yield Line(part, "AFOOT_DROP", f"{top}: {wrong}" if wrong else str(top), not wrong)
    for what, places in found.items():
        if what not in passed_over.WHOLE:
            yield Line(part, what, f"{len(places):,}, passed over", False, places)


PARTS: tuple[Part, ...] = (
    store_lines,
    group_lines,
    channel_lines,
    drop_lines,
    publishing_lines,
    wearable_lines,
    backup_lines,
)
