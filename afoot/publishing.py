"""Publishing: what changed in the store goes to the databases that dashboards read, one of each care group.

Whatever is wrong is found by looking: a patient who was erased or moved still lies where they were published, a prescription or a
device is other than what the days were published by, a bucket has lost its mark. A run does what is to be done about each,
and leaves the rest in the queue.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from secrets import token_hex

from afoot.app import App
from afoot.day_points import make_days
from afoot.fact_points import make_facts
from afoot.judging import read_prescriptions
from afoot.publish_plan import make_plan, stretches
from afoot.settings import BadSetting
from ingest import groups, people
from ingest.people import Patient
from ingest.publishing import outbox
from ingest.publishing.influx import ANSWER_MS, Influx, InfluxError, NotAllowed
from ingest.publishing.lines import build_lines
from ingest.publishing.outbox import FACTS, Block, Lying
from ingest.publishing.putting import Put, Right, Superseded, put
from ingest.publishing.rows import rows_of
from ingest.publishing.schema import OPERATORS_BUCKET, bucket_of
from ingest.publishing.sources import read_secret, source_name
from ingest.store import Store

log = logging.getLogger(__name__)

RETRIES = 2
FIRST_WAIT_MS, LONGEST_WAIT_MS = 15_000, 900_000

Clock = Callable[[], int]


@dataclass(frozen=True, slots=True)
class Published:
    """What became of a run.

    state:   `off`: no server is set; `waiting`: the last run failed, and it is not time yet; `busy`: another run publishes now;
             `done`: all that waited is published; `failed`: `problem` says why, and what is left waits
    lines, deleted: written lines, and deleted stretches; refused: lines that the database does not take
    queued:  what waits now
    """

    state: str
    problem: str = ""
    patients: int = 0
    lines: int = 0
    deleted: int = 0
    refused: int = 0
    queued: int = 0


class _Run:
    """One run: who has the right to publish, and what was done in each bucket."""

    def __init__(self, store: Store, influx: Influx, clock: Clock) -> None:
        self.store, self.influx, self.clock = store, influx, clock
        self.right = Right(clock)
        self.begun_ms = clock()
        self.done: dict[str, Put] = defaultdict(Put)
        self.patients: Counter[str] = Counter()
        # Buckets in which nothing lies but what the store knows of, and of these the empty ones.
        self.trusted: set[str] = set()
        self.empty: set[str] = set()

    @property
    def whole(self) -> Put:
        return sum(self.done.values(), Put())


def publish_due(app: App, *, at_once: bool = False, everything: bool = False) -> Published:
    """Publish what waits.

    at_once:    also where the last run failed a moment ago
    everything: delete what lies there and write all of it again, as into an empty database
    Raises: ValueError for a setting that cannot be used
    """
    if not app.settings.influx_url:
        return Published("off")
    with app.store.reading() as connection:
        standing = outbox.read_standing(connection)
    if not at_once and app.now_ms() < standing.next_ms:
        return Published("waiting", standing.error, queued=standing.queued)
    with open_influx(app) as influx:
        return publish(app.store, influx, app.now_ms, everything=everything)


def open_influx(app: App, *, retries: int = RETRIES, answer_ms: int = ANSWER_MS) -> Influx:
    """Return the connection of the settings. answer_ms: how long an answer may take. Raises: BadSetting"""
    settings = app.settings
    token = read_token(settings.influx_token_file)
    try:
        return Influx(settings.influx_url, settings.influx_org, token, retries=retries, answer_ms=answer_ms)
    except NotAllowed as error:
        raise BadSetting(f"AFOOT_INFLUX_URL: {error}") from error
    except ValueError as error:
        # Its text may show a part of the URL, which may hold a password.
        raise BadSetting("AFOOT_INFLUX_URL: the URL cannot be understood") from error


def read_token(path: Path | None, setting: str = "AFOOT_INFLUX_TOKEN_FILE") -> str:
    """Return the token of a file; none without one. Raises: BadSetting that never says what was found"""
    if path is None:
        return ""
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(f"{setting}: {path} cannot be read: {type(error).__name__}") from error
    if not token or not token.isprintable() or len(token.split()) != 1:
        raise BadSetting(f"{setting}: {path}: expected one token, in one line")
    return token


def publish(store: Store, influx: Influx, clock: Clock, *, everything: bool = False) -> Published:
    """`publish_due`, with what it takes given."""
    run = _Run(store, influx, clock)
    with store.writing() as connection:
        if not run.right.take(connection):
            return Published("busy")
    problem = ""
    try:
        _publish(run, everything)
    except InfluxError as error:
        problem = str(error)
    except Superseded:
        return Published("busy")
    finally:
        with store.writing() as connection:
            run.right.give_back(connection)
    with store.writing() as connection:
        standing = outbox.read_standing(connection)
        at_ms = clock()
        if problem:
            wait_ms = min(FIRST_WAIT_MS * 2 ** min(standing.failures, 10), LONGEST_WAIT_MS)
            outbox.note_failure(connection, at_ms, problem, at_ms + wait_ms)
        else:
            outbox.note_success(connection, at_ms)
    patients, whole = run.patients.total(), run.whole
    log.info("published %d patients, %d lines%s", patients, whole.lines, "; not all of it" if problem else "")
    state = "failed" if problem else "done"
    return Published(state, problem, patients, whole.lines, whole.deleted, whole.refused, standing.queued)


def _publish(run: _Run, everything: bool) -> None:
    with run.store.writing() as connection:
        if everything:
            outbox.distrust(connection)
        behind_ms = outbox.read_standing(connection).behind_ms
        buckets = sorted({OPERATORS_BUCKET, *(bucket_of(one.name) for one in groups.list_groups(connection))})
    for bucket in buckets:
        _recognise(run, bucket)
    with run.store.writing() as connection:
        plan = make_plan(connection, run.trusted)
    for stranger in plan.strangers:
        _delete_stranger(run, stranger)
    for patient, lying in plan.waiting:
        _publish_patient(run, patient, lying)
    for bucket in sorted(run.done):
        _renew_mark(run, bucket)
    _tell_operators(run, behind_ms)


def _recognise(run: _Run, bucket: str) -> None:
    """Look for the mark that the last run left. Without it the bucket is another one, or an older copy: write all anew."""
    found = _read_mark(run.influx, bucket)
    with run.store.writing() as connection:
        if found and found in outbox.read_run(connection, bucket):
            run.trusted.add(bucket)
            return
        outbox.distrust(connection, bucket)
    if not run.influx.query(bucket, "SHOW MEASUREMENTS LIMIT 1"):
        run.trusted.add(bucket)
        run.empty.add(bucket)
    _renew_mark(run, bucket)


def _read_mark(influx: Influx, bucket: str) -> str:
    """Return the bucket's mark; make the bucket if it is not there."""
    query = 'SELECT last("run") AS run FROM "published"'
    try:
        rows = influx.query(bucket, query)
    except NotAllowed:
        influx.ensure_bucket(bucket)
        rows = influx.query(bucket, query)
    return str(rows[0]["run"]) if rows else ""


def _renew_mark(run: _Run, bucket: str) -> None:
    """Mark the bucket as it is now. In between, the store knows both marks."""
    mark = token_hex(8)
    with run.store.writing() as connection:
        known = outbox.read_run(connection, bucket)
        outbox.write_run(connection, bucket, known[0] if known else "", mark)
    run.influx.write(bucket, build_lines(rows_of("published", {}, [(0, {"run": mark})])))
    with run.store.writing() as connection:
        outbox.write_run(connection, bucket, mark)


def _delete_stranger(run: _Run, stranger: Lying) -> None:
    """Delete who was erased from where they lay, or who was moved from where they were."""
    run.influx.ensure_bucket(stranger.bucket)
    run.influx.delete_patient(stranger.bucket, stranger.pseudonym)
    with run.store.writing() as connection:
        outbox.forget_patient(connection, stranger.bucket, stranger.pseudonym)


def _publish_patient(run: _Run, patient: Patient, lying: Lying) -> None:
    if not lying.is_known:
        if lying.bucket not in run.empty:
            run.influx.delete_patient(lying.bucket, patient.pseudonym)
        with run.store.writing() as connection:
            outbox.forget_days(connection, lying.bucket, patient.pseudonym)
            outbox.remember(connection, [replace(lying, is_known=True)])
    with run.store.reading() as connection:
        marks = outbox.read_marks(connection, patient.id)
    for days in stretches(run.store, patient, lying.bucket, marks):
        _put(run, patient, lying.bucket, days)
    # What a day's change makes of gaps, devices and the ward's line: a fact may follow from any day.
    _put(run, patient, lying.bucket, [FACTS])
    with run.store.writing() as connection:
        outbox.clear(connection, patient.id, marks)
    run.patients[lying.bucket] += 1


def _put(run: _Run, patient: Patient, bucket: str, days: Sequence[int]) -> None:
    """Make the points of neighbouring days, or of the facts, as the store has them now, and put them there."""
    with run.store.reading() as connection:
        versions = read_prescriptions(connection, patient)
        secret = read_secret(connection)
        owned = people.list_devices(connection, patient.id)
        sources = {one.id: source_name(secret, patient.pseudonym, one.device) for one in owned}
        if days[0] == FACTS:
            blocks = [Block.of(FACTS, make_facts(connection, patient, versions, sources))]
        else:
            made = make_days(connection, patient, versions, sources, days[0], days[-1])
            blocks = [Block.of(day, made.get(day, [])) for day in days]
    done = put(run.store, run.influx, bucket, patient.pseudonym, blocks, run.right)
    if done != Put():
        run.done[bucket] += done


def _tell_operators(run: _Run, behind_ms: int | None) -> None:
    """Write what this run did where operators look."""
    at_ms = run.clock()
    spent = {"duration_ms": at_ms - run.begun_ms, "behind_s": 0 if behind_ms is None else (at_ms - behind_ms) // 1000}
    lines = []
    for bucket, done in sorted(run.done.items()):
        row = asdict(done) | spent | {"patients": run.patients[bucket]}
        lines += build_lines(rows_of("operations", {"bucket": bucket}, [(at_ms // 1000, row)]))
    if lines:
        run.influx.write(OPERATORS_BUCKET, lines)
