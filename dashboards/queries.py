"""InfluxQL of the dashboards, built from the table of what is published: a name that is not in it is an error here, for the
database answers a wrong name with no rows and no error.

Grafana fills in what begins with `$`: `$timeFilter` is the time range of the dashboard, `$__interval` a width that fits the
screen, `${patient:regex}` and `${zone:raw}` the dashboard's variables.
Source: InfluxQL 1.8 reference (InfluxDB 1.x; 2.x by its v1 API); Grafana, "InfluxDB query editor"
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ingest.publishing.schema import MEASUREMENTS, Kind, Measurement

IN_RANGE = "$timeFilter"
EVERY = "$__interval"
OF_PATIENT = '"patient" =~ /^${patient:regex}$/'
# Local days begin and end by this zone. Quoted raw: as a pattern its `/` would be escaped.
BY_ZONE = "tz('${zone:raw}')"
DAY = "1d"

_FUNCTIONS = {
    "count": frozenset(Kind),
    "last": frozenset(Kind),
    "max": frozenset({Kind.INT, Kind.FLOAT}),
    "mean": frozenset({Kind.INT, Kind.FLOAT}),
    "mode": frozenset({Kind.INT}),
    "sum": frozenset({Kind.INT, Kind.FLOAT}),
}


@dataclass(frozen=True, slots=True)
class Query:
    """One SELECT. It is immutable; each method returns another one.

    columns: (function or "", field or tag) each; a function's result is called as its field
    """

    measurement: str
    columns: tuple[tuple[str, str], ...]
    conditions: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    every: str = ""
    newest: int = 0

    def where(self, *conditions: str) -> "Query":
        return replace(self, conditions=(*self.conditions, *conditions))

    def by(self, *tags: str) -> "Query":
        """A series for each value of these tags. Raises: ValueError for what is no tag"""
        for tag in tags:
            if tag not in MEASUREMENTS[self.measurement].tags:
                raise ValueError(f"{self.measurement}: expected a tag of {MEASUREMENTS[self.measurement].tags}, found {tag!r}")
        return replace(self, groups=(*self.groups, *tags))

    def each(self, width: str = EVERY) -> "Query":
        """A value for each stretch of time of the zone: null where nothing is known, no row where there is nothing to count."""
        return replace(self, every=width)

    def latest(self, count: int = 1) -> "Query":
        """The newest whole points of each series. `last()` would take each field's newest value instead, of whatever day."""
        return replace(self, newest=count)

    def __str__(self) -> str:
        columns = ", ".join(f'{function}("{name}") AS "{name}"' if function else f'"{name}"' for function, name in self.columns)
        text = f'SELECT {columns} FROM "{self.measurement}"'
        if self.conditions:
            text += " WHERE " + " AND ".join(self.conditions)
        groups = [f"time({self.every})"] if self.every else []
        groups += [f'"{tag}"' for tag in self.groups]
        if groups:
            text += " GROUP BY " + ", ".join(groups)
        if self.every:
            # Of no point at all the database counts 0, whatever is filled in: nothing is said of these stretches instead.
            text += " fill(none)" if any(function == "count" for function, _ in self.columns) else " fill(null)"
        if self.newest:
            text += f" ORDER BY time DESC LIMIT {self.newest}"
        return f"{text} {BY_ZONE}" if self.every else text


def select(measurement: str, *columns: str) -> Query:
    """Return a query of fields and tags, each a name or `function(name)`.

    Raises: ValueError naming what the measurement does not have, or a function that does not fit
    """
    known = _known(measurement)
    if all(name in known.tags for _, name in map(_split, columns)):
        raise ValueError(f"{measurement}: expected a field among {columns}; tags alone return no rows")
    return Query(measurement, tuple(_checked(known, *_split(column)) for column in columns))


def is_(measurement: str, name: str, value: str | int) -> str:
    """Return the condition that a field or tag has this value. Raises: ValueError as `select` does"""
    return compare(measurement, name, "=", value)


def compare(measurement: str, name: str, sign: str, value: str | int) -> str:
    """value: a number, or text without quotation marks; a text that begins with `$` is left to Grafana, to make a number of"""
    _checked(_known(measurement), "", name)
    plain = isinstance(value, int) or value.startswith("$")
    return f'"{name}" {sign} {value}' if plain else f"\"{name}\" {sign} '{value}'"


def newest_of(measurement: str, state: str, *columns: str, tags: Sequence[str]) -> str:
    """Return the query of the newest point of each series, of those alone where the field `state` is 1.

    Newest is the last point that has the state, with the columns of that very point. An instant in seconds, `*_s`, comes in
    ms, as Grafana reads instants: `*_ms`.
    """
    known = _known(measurement)
    for name in (state, *columns):
        _checked(known, "", name)
    inner = ", ".join([f'last("{state}") AS "{state}"', *(f'"{name}"' for name in columns)])
    outer = ", ".join(_in_ms(name) for name in (*tags, *columns))
    groups = ", ".join(f'"{tag}"' for tag in known.tags)
    return f'SELECT {outer} FROM (SELECT {inner} FROM "{measurement}" GROUP BY {groups}) WHERE "{state}" = 1'


def _in_ms(name: str) -> str:
    return f'"{name}" * 1000 AS "{name.removesuffix("_s")}_ms"' if name.endswith("_s") else f'"{name}"'


def tag_values(measurement: str, tag: str) -> str:
    """Return the query of a variable: every value of a tag. Raises: ValueError"""
    if tag not in _known(measurement).tags:
        raise ValueError(f"{measurement}: expected a tag, found {tag!r}")
    return f'SHOW TAG VALUES FROM "{measurement}" WITH KEY = "{tag}"'


def _known(measurement: str) -> Measurement:
    if measurement not in MEASUREMENTS:
        raise ValueError(f"measurement {measurement!r}: expected one of {', '.join(MEASUREMENTS)}")
    return MEASUREMENTS[measurement]


def _split(column: str) -> tuple[str, str]:
    function, _, name = column.rpartition("(")
    return function, name.removesuffix(")")


def _checked(known: Measurement, function: str, name: str) -> tuple[str, str]:
    if name not in known.fields and (function or name not in known.tags):
        raise ValueError(f"{known.name}: expected {_listed(known.fields)} or a tag of {known.tags}, found {name!r}")
    if function and known.fields[name] not in _FUNCTIONS.get(function, ()):
        raise ValueError(f"{known.name}: {function}() does not fit {name}, which is {known.fields[name]}")
    return function, name


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
