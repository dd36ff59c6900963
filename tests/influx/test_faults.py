"""Whatever goes wrong between the store and the server: nothing lost, nothing twice, and the reason said in plain words."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from afoot.app import App, open_app
from afoot.publishing import Published, publish, publish_due
from devices import virtual
from devices.virtual import Wearer
from ingest import people
from ingest.publishing import outbox
from ingest.publishing.influx import Influx
from ingest.publishing.putting import Right
from tests.influx import clinic
from tests.influx.clinic import END_MS, Clock, same_as_store
from tests.influx.proxy import DOWN, Fault, Proxy
from tests.influx.rig import Rig

pytestmark = pytest.mark.live
SPINE = "afoot_spine"
LATER = END_MS + 10 * 86_400_000


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program with one patient of three days: seven writes or so."""
    folder = tmp_path_factory.mktemp("home")
    days = virtual.days_from(clinic.SURGERY, 3)
    app = open_app(folder)
    clinic.fill(app, {"Anna": {}, "Ben": {}}, 0)
    clinic.give(app, "Anna", virtual.write_fit(Wearer(31, clinic.SURGERY), days, folder / "files", syncs=1))
    clinic.check(app)
    app.close()
    return folder


@pytest.fixture
def app(home: Path, tmp_path: Path) -> Iterator[App]:
    with clinic.copied(home, tmp_path) as app:
        yield app


@pytest.fixture
def proxy(influx: Rig) -> Proxy:
    if influx.proxy is None:
        pytest.skip("needs the proxy, which stands before no server that speaks TLS")
    return influx.proxy


def attempt(
    app: App, rig: Rig, clock: Clock | None = None, *, token: str | None = None, retries: int = 0, answer_ms: int = 1_000
) -> Published:
    token = rig.token if token is None else token
    with Influx(rig.url, rig.org, token, retries=retries, retry_s=0.01, answer_ms=answer_ms) as influx:
        return publish(app.store, influx, clock or Clock())


def standing(app: App) -> outbox.Standing:
    with app.store.reading() as connection:
        return outbox.read_standing(connection)


class FromWrite:
    """Lets so many writes pass, and then spoils one, or all."""

    def __init__(self, number: int, fault: Fault, *, always: bool = False) -> None:
        self.left, self.fault, self.always = number, fault, always

    def __call__(self, bucket: str, lines: list[bytes]) -> Fault | None:
        self.left -= 1
        return self.fault if self.left == -1 or (self.always and self.left < 0) else None


ONCE = {
    "cut": Fault(lines=0),
    "half of it": Fault(lines=700),
    "no answer": Fault(cut=True),
    "half an answer": Fault(half=True),
    "500": Fault(status=500),
    "503": Fault(status=503, headers=(("Retry-After", "3600"),)),
    "429": Fault(status=429),
    "slow": Fault(delay_s=1.2),
    "403": Fault(status=403),
    "404": Fault(status=404),
}


CASES = [(fault, 3) for fault in ONCE] + [(fault, number) for fault in ("half of it", "no answer") for number in (0, 1, 2, 4)]


@pytest.mark.parametrize(("name", "number"), CASES)
def test_a_fault_in_the_midst(app: App, influx: Rig, proxy: Proxy, name: str, number: int) -> None:
    """The run stops there and says why; the next one ends in the same as if nothing had been."""
    proxy.judge = FromWrite(number, ONCE[name])
    done = attempt(app, influx)
    assert done.state == "failed"
    assert done.problem
    assert done.queued > 0
    assert standing(app).error == done.problem
    again = attempt(app, influx, Clock(END_MS + 60_000))
    assert (again.state, again.queued, again.refused) == ("done", 0, 0)
    same_as_store(app, influx, "Anna", SPINE)
    assert standing(app).error == ""


@pytest.mark.parametrize("fault", [DOWN, Fault(cut=True), Fault(half=True), Fault(status=503)], ids=repr)
def test_one_hiccup_is_tried_again_at_once(app: App, influx: Rig, proxy: Proxy, fault: Fault) -> None:
    proxy.judge = FromWrite(3, fault)
    assert attempt(app, influx, retries=2).state == "done"
    same_as_store(app, influx, "Anna", SPINE)


def test_down_from_the_start(app: App, influx: Rig, proxy: Proxy) -> None:
    before = standing(app)
    assert before.queued > 0
    with Influx("http://127.0.0.1:9", "afoot", "t", retries=0) as nowhere:
        done = publish(app.store, nowhere, Clock())
    assert (done.state, done.problem, done.queued) == ("failed", "nothing listens there", before.queued)
    after = standing(app)
    assert after.behind_ms is not None
    assert (after.failures, after.succeeded_ms) == (1, None)
    assert after.failed_ms is not None
    assert after.next_ms - after.failed_ms == 15_000
    assert attempt(app, influx).state == "done"
    assert standing(app).behind_ms is None
    same_as_store(app, influx, "Anna", SPINE)


def test_another_token(app: App, influx: Rig, proxy: Proxy) -> None:
    done = attempt(app, influx, token="another")
    assert (done.state, done.problem) == ("failed", "it does not know the token (HTTP 401)")
    assert proxy.lines == []


@pytest.mark.parametrize("status", [400, 422])
def test_a_line_that_is_refused_is_singled_out(app: App, influx: Rig, proxy: Proxy, status: int) -> None:
    """The rest is there, which one is said without its values, and it is not sent again until it is another one."""
    answer = '{"code":"invalid","message":"partial write: points beyond retention policy dropped=1"}'
    sign = b"2026-03-25"
    proxy.judge = lambda bucket, lines: Fault(status=status, body=answer) if any(sign in one for one in lines) else None
    done = attempt(app, influx)
    assert (done.state, done.refused) == ("done", 1)
    stands = standing(app)
    pseudonym = clinic.find(app, "Anna").pseudonym
    assert stands.refused == 1
    assert stands.refused_why.startswith(f"daily,patient={pseudonym} at 17")
    assert "beyond retention policy" in stands.refused_why
    days = influx.query(SPINE, 'SELECT "date", steps FROM daily')
    assert "2026-03-25" not in {row["date"] for row in days}
    assert len(days) == 2
    sent = len(proxy.writes)
    assert attempt(app, influx).lines == 0
    assert not any(sign in line for one in proxy.writes[sent:] for line in one.body.splitlines())
    proxy.judge = None
    with Influx(influx.url, influx.org, influx.token) as connection:
        publish(app.store, connection, Clock(), everything=True)
    assert standing(app).refused == 0
    same_as_store(app, influx, "Anna", SPINE)


@pytest.mark.parametrize("as_two", [False, True])
def test_a_field_of_another_type_blames_its_lines_alone(app: App, influx: Rig, proxy: Proxy, as_two: bool) -> None:
    """Somebody else wrote pulses as floats: the server's own refusal, of a thousand lines, without a thousand requests."""
    with clinic.connect(influx) as connection:
        connection.ensure_bucket(SPINE)
        connection.write(
            SPINE, [f"minutes,patient=x,source=y heart_rate=1.5 {END_MS // 1000 - day * 86_400}" for day in range(14)]
        )
    proxy.as_two = as_two
    proxy.requests.clear()
    done = attempt(app, influx)
    assert done.state == "done"
    assert done.refused > 1000
    assert "heart_rate" in standing(app).refused_why
    assert len(proxy.writes) < 200
    days = influx.query(SPINE, "SELECT steps FROM daily")
    assert len([row for row in days if row["steps"]]) == 3


def test_a_request_that_is_too_large_is_halved(app: App, influx: Rig, proxy: Proxy) -> None:
    proxy.judge = lambda bucket, lines: Fault(status=413) if len(lines) > 1_000 else None
    assert (attempt(app, influx).state, standing(app).refused) == ("done", 0)
    same_as_store(app, influx, "Anna", SPINE)


def test_the_server_is_killed_in_the_midst(app: App, influx: Rig, proxy: Proxy) -> None:
    if influx.influxd is None:
        pytest.skip("needs a server of its own, to kill it")

    class Killing(FromWrite):
        def __call__(self, bucket: str, lines: list[bytes]) -> Fault | None:
            found = super().__call__(bucket, lines)
            if found is not None:
                assert influx.influxd is not None
                influx.influxd.kill()
            return None

    proxy.judge = Killing(3, DOWN)
    try:
        assert attempt(app, influx).state == "failed"
    finally:
        influx.influxd.start()
    assert attempt(app, influx).state == "done"
    same_as_store(app, influx, "Anna", SPINE)


@pytest.mark.parametrize("number", [3, 4])
def test_the_publisher_is_killed_in_the_midst(app: App, influx: Rig, proxy: Proxy, tmp_path: Path, number: int) -> None:
    token = tmp_path / "token"
    token.write_text(f"{influx.token}\n")
    settings = {"HOME": app.settings.home, "INFLUX_URL": influx.url, "INFLUX_ORG": influx.org, "INFLUX_TOKEN_FILE": token}
    started = subprocess.Popen(
        [sys.executable, "-c", "from afoot.cli import main; main()", "publish"],
        env=os.environ | {f"AFOOT_{name}": str(value) for name, value in settings.items()},
    )

    class Killing(FromWrite):
        def __call__(self, bucket: str, lines: list[bytes]) -> Fault | None:
            found = super().__call__(bucket, lines)
            if found is not None:
                started.send_signal(signal.SIGKILL)
                started.wait()
            return None

    proxy.judge = Killing(number, DOWN)
    try:
        assert started.wait(timeout=60) == -signal.SIGKILL
    finally:
        started.kill()
    proxy.judge = None
    now = Clock(app.now_ms())
    assert attempt(app, influx, now).state == "busy"
    now.at_ms += Right.LASTS_MS + 1
    assert attempt(app, influx, now).state == "done"
    same_as_store(app, influx, "Anna", SPINE)


def test_two_publishers_do_not_write_at_once(app: App, influx: Rig, proxy: Proxy) -> None:
    """The second finds the first at work; one whose right ran out stops before it writes over the other's."""
    states: list[str] = []

    def judge(bucket: str, lines: list[bytes]) -> Fault | None:
        if not lines[0].startswith(b"minutes"):
            return None
        proxy.judge = None
        states.append(attempt(app, influx).state)
        states.append(attempt(app, influx, Clock(LATER)).state)
        return None

    proxy.judge = judge
    assert attempt(app, influx, answer_ms=60_000).state == "busy"  # its answer comes after two other runs
    assert states == ["busy", "done"]
    same_as_store(app, influx, "Anna", SPINE)


def test_what_changes_while_it_is_published_is_published_next(app: App, influx: Rig, proxy: Proxy) -> None:
    def judge(bucket: str, lines: list[bytes]) -> Fault | None:
        if bucket == SPINE and lines[0].startswith(b"minutes"):
            proxy.judge = None
            with app.store.writing() as connection:
                people.set_home(connection, people.find_patient(connection, "Anna").id, "Asia/Tokyo")
        return None

    proxy.judge = judge
    done = attempt(app, influx)
    assert done.state == "done"
    assert done.queued > 0
    assert attempt(app, influx).queued == 0
    same_as_store(app, influx, "Anna", SPINE)


def test_a_run_waits_longer_after_each_failure(app: App, influx: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    assert publish_due(app).state == "off"
    monkeypatch.setattr(app.settings, "influx_url", "http://127.0.0.1:9")
    waits = []
    for _ in range(8):
        with Influx("http://127.0.0.1:9", "afoot", "t", retries=0) as nowhere:
            publish(app.store, nowhere, app.now_ms)
        stands = standing(app)
        assert stands.failed_ms is not None
        waits.append((stands.next_ms - stands.failed_ms) // 1000)
    assert waits == [15, 30, 60, 120, 240, 480, 900, 900]
    assert publish_due(app).state == "waiting"
