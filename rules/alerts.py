"""The life cycle of an alert: when a finding opens one, what keeps it open, what closes it.

This is the record only. It is a fold over what was judged and what people acknowledged, in the order of time, and knows
nothing of messages: judging a patient's history again gives the record that living it gave. Who is told, and when, is
`rules/telling.py`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

from rules.finding import Finding, Priority, Recipient, Truth
from rules.minutes import DAY_MINUTES

ESCALATION = (Recipient.PATIENT, Recipient.THERAPIST, Recipient.OPERATOR)
# The one alert that no rule judges: a patient opens it by a yes, people close it (rules/red_flags.py). Judging leaves it alone.
RED_FLAG = "red_flag"


class Standing(StrEnum):
    """Where a rule's alert stands; RESOLVED also where there never was one."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Kind(StrEnum):
    """What can happen to an alert. WITHDRAWN: its rule was switched off, so nobody knows whether it would have resolved."""

    OPENED = "opened"
    RAISED = "raised"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    WITHDRAWN = "withdrawn"


class Sign(StrEnum):
    """A finding as the life cycle takes it. LINGERING: false, but not so clearly that an open alert may resolve."""

    TRUE = "true"
    LINGERING = "lingering"
    CLEAR = "clear"
    UNKNOWN = "unknown"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Policy:
    """How one rule alerts.

    recipients:       who is told of an opened or raised alert
    hold_ms:          a finding must be known true for that long before it opens an alert
    keep_ms:          an alert stays until its rule is known clear for that long
    cooldown_ms:      none opens for that long after one closed
    daily_max:        so many open in one local day; None is no limit
    quiet:            local minutes (start, end) of the quiet hours, over midnight where start > end; None is none
    escalate_after_ms: unacknowledged for that long after the last message, the next in `escalation` is told; None is never,
                      but the first of them is told at once of a finding that `escalates`
    escalation:       who is told next, in turn; None is everybody after the last recipient in patient, therapist, operator
    expires_after_ms: the message is worth nothing after that; None is never
    tell_resolved:    who is told that it is over
    inhibits:         while its alert is open, rules that are `inhibited` count as unknown
    Raises: ValueError if a duration is negative, nobody is told, or quiet hours are none or the whole day
    """

    recipients: tuple[Recipient, ...]
    hold_ms: int = 0
    keep_ms: int = 0
    cooldown_ms: int = 0
    daily_max: int | None = None
    quiet: tuple[int, int] | None = None
    escalate_after_ms: int | None = None
    escalation: tuple[Recipient, ...] | None = None
    expires_after_ms: int | None = None
    tell_resolved: tuple[Recipient, ...] = ()
    inhibits: bool = False
    inhibited: bool = True

    def __post_init__(self) -> None:
        if not self.recipients:
            raise ValueError("a policy names at least one recipient")
        for name in ("hold_ms", "keep_ms", "cooldown_ms", "daily_max", "escalate_after_ms", "expires_after_ms"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise ValueError(f"{name}: expected 0 or more, found {value}")
        if self.quiet is not None:
            start, end = self.quiet
            if start == end or not (0 <= start < DAY_MINUTES and 0 <= end < DAY_MINUTES):
                raise ValueError(f"quiet: expected two different minutes of the day, 0..1439, found {self.quiet}")

    @property
    def chain(self) -> tuple[Recipient, ...]:
        """Whom an alert that nobody acknowledges goes to, in turn."""
        if self.escalation is not None:
            return self.escalation
        return ESCALATION[1 + max(ESCALATION.index(recipient) for recipient in self.recipients) :]


@dataclass(frozen=True, slots=True)
class AlertState:
    """One rule of one patient.

    since_ms:     when it came to stand so
    finding:      what opened or last raised the alert; of a resolved one, the last
    held_ms:      how long it has been known true, counted between judgements that agree; unknown pauses it
    cleared_ms:   how long it has been known clear, counted likewise
    day, opened_today: the newest local day judged, as days since 1970, and how many alerts opened in it
    """

    standing: Standing = Standing.RESOLVED
    since_ms: int | None = None
    opened_ms: int | None = None
    priority: Priority = Priority.NORMAL
    finding: Finding | None = None
    held_ms: int = 0
    cleared_ms: int = 0
    cooldown_until_ms: int | None = None
    day: int | None = None
    opened_today: int = 0
    sign: Sign = Sign.UNKNOWN
    last_at_ms: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is an alert, acknowledged or not."""
        return self.standing is not Standing.RESOLVED


@dataclass(frozen=True, slots=True)
class Transition:
    """What happened to an alert.

    finding:  what was judged; of an acknowledgement, what the alert rests on
    by, note: of the person who acknowledged it
    """

    rule: str
    kind: Kind
    at_ms: int
    opened_ms: int
    priority: Priority
    finding: Finding
    by: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A person has taken an alert on."""

    rule: str
    at_ms: int
    by: str
    note: str


Step = tuple[AlertState, list[Transition]]
States = dict[str, AlertState]


def advance(state: AlertState, finding: Finding, policy: Policy, day: int) -> Step:
    """Return the state after a finding, and what happened.

    day: the patient's local day of the finding, as days since 1970
    A finding for the instant judged last changes nothing: again is the same.
    Raises: ValueError for one before it; the record is a fold in the order of time (`ledger.rewind` first)
    """
    if state.last_at_ms is not None and finding.at_ms <= state.last_at_ms:
        if finding.at_ms == state.last_at_ms:
            return state, []
        raise ValueError(f"{finding.rule}: judged for {finding.at_ms}, expected {state.last_at_ms} or later")
    state = _count(state, finding, day)
    if state.is_open:
        return _advance_open(state, finding, policy)
    return _advance_resolved(state, finding, policy)


def advance_all(
    states: Mapping[str, AlertState], findings: Iterable[Finding], policies: Mapping[str, Policy], day: int
) -> tuple[States, list[Transition]]:
    """Return all states of a patient after the findings of one instant; the order of the findings does not matter.

    Rules that inhibit are judged first; while one of their alerts is open, the others count as unknown.
    Raises: ValueError if a rule has no policy or two findings
    """
    after, happened = dict(states), list[Transition]()
    silent: bool | None = None
    for finding in _inhibiting_first(findings, policies):
        policy = policies[finding.rule]
        if policy.inhibited and not policy.inhibits and finding.truth is not Truth.OFF:
            silent = is_inhibited(after, policies) if silent is None else silent
            finding = replace(finding, truth=Truth.UNKNOWN) if silent else finding
        after[finding.rule], transitions = advance(after.get(finding.rule, AlertState()), finding, policy, day)
        happened += transitions
    return after, happened


def is_inhibited(states: Mapping[str, AlertState], policies: Mapping[str, Policy]) -> bool:
    """Return whether the alert of a rule that inhibits the others is open."""
    return any(state.is_open and rule in policies and policies[rule].inhibits for rule, state in states.items())


def acknowledge(state: AlertState, act: Acknowledgement) -> Step:
    """Return the state after a person took the alert on; where none waits for that, nothing happens."""
    if state.standing is not Standing.OPEN:
        return state, []
    state = replace(state, standing=Standing.ACKNOWLEDGED, since_ms=act.at_ms)
    assert state.opened_ms is not None  # open: see `_open`
    assert state.finding is not None
    happened = Transition(
        act.rule, Kind.ACKNOWLEDGED, act.at_ms, state.opened_ms, state.priority, state.finding, act.by, act.note
    )
    return state, [happened]


def _inhibiting_first(findings: Iterable[Finding], policies: Mapping[str, Policy]) -> list[Finding]:
    ordered = sorted(findings, key=lambda finding: finding.rule)
    for rule in (finding.rule for finding in ordered):
        if rule not in policies:
            raise ValueError(f"{rule}: expected a policy, found none")
    for one, following in pairwise(ordered):
        if one.rule == following.rule:
            raise ValueError(f"{one.rule}: expected one finding an instant, found two")
    return sorted(ordered, key=lambda finding: not policies[finding.rule].inhibits)


def _sign(finding: Finding) -> Sign:
    if finding.truth is Truth.FALSE:
        return Sign.CLEAR if finding.clears else Sign.LINGERING
    return Sign(finding.truth)


def _count(state: AlertState, finding: Finding, day: int) -> AlertState:
    """Move the clocks: time counts between two judgements that agree, and unknown neither adds to a clock nor clears it."""
    sign = _sign(finding)
    elapsed = finding.at_ms - state.last_at_ms if state.last_at_ms is not None and sign is state.sign else 0
    # Over the date line a day may come again: it is the same day, and its alerts are counted together.
    new_day = state.day is None or day > state.day
    return replace(
        state,
        held_ms=_clock(state.held_ms, elapsed, sign, Sign.TRUE),
        cleared_ms=_clock(state.cleared_ms, elapsed, sign, Sign.CLEAR),
        day=day if new_day else state.day,
        opened_today=0 if new_day else state.opened_today,
        sign=sign,
        last_at_ms=finding.at_ms,
    )


def _clock(so_far: int, elapsed: int, sign: Sign, counted: Sign) -> int:
    if sign is counted:
        return so_far + elapsed
    return so_far if sign is Sign.UNKNOWN else 0


def _advance_resolved(state: AlertState, finding: Finding, policy: Policy) -> Step:
    cooling = state.cooldown_until_ms is not None and finding.at_ms < state.cooldown_until_ms
    spent = policy.daily_max is not None and state.opened_today >= policy.daily_max
    if state.sign is not Sign.TRUE or state.held_ms < policy.hold_ms or cooling or spent:
        return state, []
    state = replace(
        state,
        standing=Standing.OPEN,
        since_ms=finding.at_ms,
        opened_ms=finding.at_ms,
        priority=finding.priority,
        finding=finding,
        opened_today=state.opened_today + 1,
    )
    return state, [_happened(state, Kind.OPENED, finding)]


def _advance_open(state: AlertState, finding: Finding, policy: Policy) -> Step:
    if state.sign is Sign.OFF:
        return _close(state, Kind.WITHDRAWN, finding, policy)
    if state.sign is Sign.CLEAR and state.cleared_ms >= policy.keep_ms:
        return _close(state, Kind.RESOLVED, finding, policy)
    if state.sign is Sign.TRUE and finding.priority is Priority.HIGH and state.priority is not Priority.HIGH:
        # It is worse than what was acknowledged: somebody has to look again.
        state = replace(state, standing=Standing.OPEN, since_ms=finding.at_ms, priority=Priority.HIGH, finding=finding)
        return state, [_happened(state, Kind.RAISED, finding)]
    return state, []


def _close(state: AlertState, kind: Kind, finding: Finding, policy: Policy) -> Step:
    happened = _happened(state, kind, finding)
    until = finding.at_ms + policy.cooldown_ms
    return replace(state, standing=Standing.RESOLVED, since_ms=finding.at_ms, cooldown_until_ms=until), [happened]


def _happened(state: AlertState, kind: Kind, finding: Finding) -> Transition:
    assert state.opened_ms is not None  # set when the alert opened
    return Transition(finding.rule, kind, finding.at_ms, state.opened_ms, state.priority, finding)
