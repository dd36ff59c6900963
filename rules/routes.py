"""Who is told by which channel: the Apprise URLs of each patient and role. A URL is a secret: it holds passwords and tokens."""

from dataclasses import dataclass, field
from hashlib import sha256

from sqlalchemy import Connection, Row, Select, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from rules.finding import Recipient
from rules.outbox import routes

CLINIC = 0  # the patient_id of a route that serves every patient


class Refused(ValueError):
    """What was asked cannot be stored; says why, without the URL."""


class Secret(str):
    """A text whose repr tells nothing: SQLAlchemy puts the repr of every parameter into its errors and its log."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<secret>"


@dataclass(frozen=True, slots=True)
class Route:
    """One channel. patient_id: CLINIC, or whose messages alone go there; label: what people may see of it."""

    id: int
    patient_id: int
    recipient: Recipient
    label: str
    language: str
    url: Secret = field(repr=False)


def label_of(url: str) -> str:
    """Return what may be shown of a URL: its schema, and six signs that tell two apart. Hosts may be tokens (slack://)."""
    return f"{url.split('://')[0][:20] if '://' in url else '?'} {sha256(url.encode()).hexdigest()[:6]}"


def add_route(
    connection: Connection, recipient: Recipient, url: str, *, patient_id: int = CLINIC, label: str = "", language: str = "en"
) -> Route:
    """Store a channel; the same again is one channel. Whether Apprise understands it: `channels.understands`.

    Raises: Refused for a patient's channel that would serve every patient
    """
    if recipient is Recipient.PATIENT and patient_id == CLINIC:
        raise Refused("a patient's channel belongs to one patient: say which")
    url = url.strip()
    digest = sha256(url.encode()).hexdigest()
    same = {"patient_id": patient_id, "recipient": recipient.value, "digest": digest}
    rest = {"url": Secret(url), "label": label or label_of(url), "language": language}
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    connection.execute(dialect.insert(routes).values(same | rest).on_conflict_do_nothing(index_elements=list(same)))
    (route,) = _routes(connection, select(routes).where(*(routes.c[name] == value for name, value in same.items())))
    return route


def remove_route(connection: Connection, route_id: int) -> bool:
    """Return whether there was one. What still waits for it fails, visibly."""
    return connection.execute(delete(routes).where(routes.c.id == route_id)).rowcount > 0


def list_routes(connection: Connection) -> list[Route]:
    return _routes(connection, select(routes))


def find_route(connection: Connection, route_id: int) -> Route | None:
    found = connection.execute(select(routes).where(routes.c.id == route_id)).one_or_none()
    return None if found is None else _route(found)


def routes_for(connection: Connection, patient_id: int, recipient: Recipient) -> list[Route]:
    """Return the patient's own channels of this role; where there are none, the clinic's."""
    wanted = select(routes).where(routes.c.recipient == recipient.value, routes.c.patient_id.in_((CLINIC, patient_id)))
    found = _routes(connection, wanted)
    own = [route for route in found if route.patient_id == patient_id]
    return own or found


def _routes(connection: Connection, wanted: Select[tuple[object, ...]]) -> list[Route]:
    return [_route(row) for row in connection.execute(wanted.order_by(routes.c.id))]


def _route(row: Row[tuple[object, ...]]) -> Route:
    found = row._mapping
    return Route(
        id=found["id"],
        patient_id=found["patient_id"],
        recipient=Recipient(found["recipient"]),
        label=found["label"],
        language=found["language"],
        url=Secret(found["url"]),
    )
