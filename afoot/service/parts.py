"""What the routes share, made once by `build_web`: the program, limits, counters, the queue of files to import."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from afoot.app import App
from afoot.service.imported import note_imports
from afoot.service.intake import Intake, Sent
from afoot.service.limits import Limit, Limiter
from afoot.service.metrics import Metrics
from afoot.service.sessions import Lifetime
from ingest.collect.draining import Manner
from ingest.collect.files import Outcome

MINUTE_MS = 60_000
ADDRESS_TIMES = 10  # many people may come from one address
# Wrong passwords in a quarter of an hour.
_BY_ACCOUNT, _BY_ADDRESS = Limit(5, 15 * MINUTE_MS), Limit(30, 15 * MINUTE_MS)
# Syncs over a page's radio: a person tries again at once when one breaks off, but not for ever.
_SYNCS = Limit(10, 5 * MINUTE_MS)


@dataclass(slots=True)
class Parts:
    """page_syncs: how many go on now, by who holds them; counted by the event loop alone. manner: how each goes"""

    app: App
    metrics: Metrics
    intake: Intake
    lifetime: Lifetime
    uploads_by_account: Limiter
    uploads_by_address: Limiter
    logins_by_account: Limiter = field(default_factory=lambda: Limiter(_BY_ACCOUNT))
    logins_by_address: Limiter = field(default_factory=lambda: Limiter(_BY_ADDRESS))
    syncs_by_account: Limiter = field(default_factory=lambda: Limiter(_SYNCS))
    page_syncs: Counter[str] = field(default_factory=Counter)
    manner: Manner = field(default_factory=Manner)

    @property
    def is_https(self) -> bool:
        """Whether people reach it by https, so that cookies travel by nothing else."""
        settings = self.app.settings
        return settings.serve_url.startswith("https://") or settings.serve_cert is not None


def make_parts(app: App) -> Parts:
    settings = app.settings
    many, metrics = settings.uploads_per_minute, Metrics()

    def noting(stored: Sequence[tuple[Sent, Outcome]]) -> None:
        note_imports(app, [(one.who, one.role, one.arrival.patient.id) for one, _ in stored])
        for one, outcome in stored:
            metrics.count_upload(outcome, one.size)

    intake = Intake(app.store, app.archive, app.now_ms, noting)
    metrics.waiting.set_function(lambda: intake.waiting)
    return Parts(
        app,
        metrics,
        intake,
        Lifetime(settings.session_idle_minutes * MINUTE_MS, settings.session_hours * 60 * MINUTE_MS),
        Limiter(Limit(many, MINUTE_MS)),
        Limiter(Limit(many * ADDRESS_TIMES, MINUTE_MS)),
    )


def parts_of(request: HTTPConnection) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


TheParts = Annotated[Parts, Depends(parts_of)]
