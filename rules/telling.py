"""Who is told of an alert, and when: what people were last told, held against how the alert stands now.

Late data may rewrite the record; what was said cannot be taken back. So this state is never rewound, and it moves only when a
patient is judged for the present: nothing that turns out about the past is ever said.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from rules.alerts import AlertState, Policy, Sign, Standing
from rules.finding import Finding, Priority, Recipient
from rules.minutes import DAY_MINUTES

MINUTE_MS = 60_000
DAY_MS = DAY_MINUTES * MINUTE_MS
_LONGEST_SEARCH_MIN = 2 * DAY_MINUTES

# How far the patient's clocks stand ahead of UTC at an instant, both in ms.
OffsetAt = Callable[[int], int]


class News(StrEnum):
    OPENED = "opened"
    RAISED = "raised"
    ESCALATED = "escalated"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Told:
    """What people know of one rule of one patient.

    outstanding:   they were told of an alert, and it has not been seen closed since
    priority, level: what they were told of it: how grave, and how far up `Policy.chain`
    level_from_ms: when the last message could reach them; the next level waits from there
    again_ms:      no other alert is told of before
    due_ms:        when the alert was last known true while it was the present
    day, told_today: the newest local day of a telling, and how many alerts were told of in it
    number:        messages so far; part of their ids
    """

    told_ms: int | None = None
    outstanding: bool = False
    priority: Priority = Priority.NORMAL
    level: int = 0
    level_from_ms: int = 0
    again_ms: int = 0
    due_ms: int | None = None
    day: int | None = None
    told_today: int = 0
    number: int = 0


@dataclass(frozen=True, slots=True)
class Telling:
    """One piece of news, for the recipients each from the instant when it may reach them.

    number: of the rule's messages for this patient, counted from 1, so that an id is never used twice
    """

    rule: str
    news: News
    at_ms: int
    opened_ms: int
    number: int
    level: int
    priority: Priority
    to: tuple[tuple[Recipient, int], ...]
    expires_ms: int | None
    finding: Finding


@dataclass(frozen=True, slots=True)
class Present:
    """The instant for which a patient is judged.

    finding: what this rule found, if it was judged
    snoozed, inhibited: whether this rule is
    """

    at_ms: int
    offset_at: OffsetAt
    finding: Finding | None = None
    snoozed: bool = False
    inhibited: bool = False

    @property
    def day(self) -> int:
        return local_day(self.at_ms, self.offset_at)


Said = tuple[Told, Telling | None]


def local_day(at_ms: int, offset_at: OffsetAt) -> int:
    """Return the date that the patient's calendar shows, as days since 1970."""
    return (at_ms + offset_at(at_ms)) // DAY_MS


def tell(told: Told, state: AlertState, policy: Policy, present: Present) -> Said:
    """Return what people know afterwards, and what they are to be told now, if anything."""
    if not state.is_open:
        return _tell_closed(told, state, policy, present)
    true_now = _true_now(state, present)
    if true_now:
        told = replace(told, due_ms=present.at_ms)
    if state.standing is not Standing.OPEN:
        return told, None
    assert state.opened_ms is not None  # open
    if not told.outstanding or told.told_ms is None or told.told_ms < state.opened_ms:
        return _tell_opened(told, state, policy, present)
    if true_now and true_now.priority is Priority.HIGH and told.priority is not Priority.HIGH:
        return _say(replace(told, level=0), state, policy, present, News.RAISED, policy.recipients)
    return escalate(told, state, policy, present)


def _tell_closed(told: Told, state: AlertState, policy: Policy, present: Present) -> Said:
    if not told.outstanding or state.sign in (Sign.UNKNOWN, Sign.TRUE):
        # It closed in the past; whether it is over now is not known.
        return told, None
    told = replace(told, outstanding=False, again_ms=max(told.again_ms, state.cooldown_until_ms or 0))
    # Switched off by a person: they know.
    if state.sign is Sign.OFF or not policy.tell_resolved or present.snoozed:
        return told, None
    return _say(told, state, policy, present, News.RESOLVED, policy.tell_resolved)


def _tell_opened(told: Told, state: AlertState, policy: Policy, present: Present) -> Said:
    """Tell of an alert that was true while it was the present; one found in the past waits until it is known true now."""
    day = present.day
    today = told.told_today if told.day is not None and day <= told.day else 0
    known = told.due_ms is not None and state.opened_ms is not None and told.due_ms >= state.opened_ms
    snoozed = present.snoozed and state.priority is not Priority.HIGH
    spent = policy.daily_max is not None and today >= policy.daily_max
    if not known or snoozed or spent or present.inhibited or present.at_ms < told.again_ms:
        return told, None
    later = policy.chain[:1] if _is_urgent(state, present) else ()
    told = replace(
        told,
        told_ms=present.at_ms,
        outstanding=True,
        level=len(later),
        again_ms=present.at_ms + policy.cooldown_ms,
        day=day if told.day is None else max(day, told.day),
        told_today=today + 1,
    )
    return _say(told, state, policy, present, News.OPENED, policy.recipients + later)


def insist(told: Told, state: AlertState, policy: Policy, present: Present, news: News) -> Said:
    """Tell now, whatever was told before, and whoever sleeps, snoozes or has heard enough of it.

    What nobody acknowledged before goes on up the chain from where it was: another such message holds nothing back.
    """
    unanswered = news is News.RAISED and told.outstanding
    before = told
    told, said = _say(
        replace(told, told_ms=present.at_ms, outstanding=True, level=0), state, policy, present, news, policy.recipients
    )
    return (replace(told, level=before.level, level_from_ms=before.level_from_ms) if unanswered else told), said


def escalate(told: Told, state: AlertState, policy: Policy, present: Present) -> Said:
    """Tell the next in the chain of an open alert, if it is time."""
    if told.level >= len(policy.chain) or present.snoozed:
        return told, None
    waited = policy.escalate_after_ms is not None and present.at_ms >= told.level_from_ms + policy.escalate_after_ms
    if not waited and not (told.level == 0 and _is_urgent(state, present)):
        return told, None
    following = policy.chain[told.level]
    return _say(replace(told, level=told.level + 1), state, policy, present, News.ESCALATED, (following,))


def _true_now(state: AlertState, present: Present) -> Finding | None:
    """Return what is known true at present; one that is inhibited counts as unknown."""
    return present.finding if state.sign is Sign.TRUE and state.last_at_ms == present.at_ms else None


def _is_urgent(state: AlertState, present: Present) -> bool:
    """Whether the rule itself says that the next in the chain is to know without waiting."""
    finding = _true_now(state, present)
    return finding is not None and finding.escalates


def _say(told: Told, state: AlertState, policy: Policy, present: Present, news: News, recipients: tuple[Recipient, ...]) -> Said:
    assert state.opened_ms is not None  # there is or was an alert
    assert state.finding is not None
    to = tuple((recipient, _reaches(recipient, state.priority, policy, present)) for recipient in dict.fromkeys(recipients))
    told = replace(told, priority=state.priority, level_from_ms=max(not_before for _, not_before in to), number=told.number + 1)
    expires = None if policy.expires_after_ms is None else present.at_ms + policy.expires_after_ms
    return told, Telling(
        rule=state.finding.rule,
        news=news,
        at_ms=present.at_ms,
        opened_ms=state.opened_ms,
        number=told.number,
        level=told.level,
        priority=state.priority,
        to=to,
        expires_ms=expires,
        finding=_true_now(state, present) or state.finding,
    )


def _reaches(recipient: Recipient, priority: Priority, policy: Policy, present: Present) -> int:
    """Return when a message may reach somebody: the patient sleeps in quiet hours; those on duty hear of what is grave."""
    if policy.quiet is None or (priority is Priority.HIGH and recipient is not Recipient.PATIENT):
        return present.at_ms
    return end_of_quiet(present.at_ms, policy.quiet, present.offset_at)


def end_of_quiet(at_ms: int, quiet: tuple[int, int], offset_at: OffsetAt) -> int:
    """Return the first instant from `at_ms` on that lies outside the quiet hours, by the clock on the patient's wall."""
    if not _is_quiet(at_ms, quiet, offset_at):
        return at_ms
    to_end = (quiet[1] - _wall_minute(at_ms, offset_at)) % DAY_MINUTES
    # The end falls on a whole minute of the wall clock; offsets of today are whole minutes too.
    start = at_ms // MINUTE_MS * MINUTE_MS
    expected = start + to_end * MINUTE_MS
    if offset_at(expected) == offset_at(at_ms):
        return expected
    for minute in _minutes_after(start):
        if not _is_quiet(minute, quiet, offset_at):
            return minute
    return expected


def _minutes_after(start_ms: int) -> Iterator[int]:
    return iter(range(start_ms + MINUTE_MS, start_ms + _LONGEST_SEARCH_MIN * MINUTE_MS, MINUTE_MS))


def _wall_minute(at_ms: int, offset_at: OffsetAt) -> int:
    return (at_ms + offset_at(at_ms)) // MINUTE_MS % DAY_MINUTES


def _is_quiet(at_ms: int, quiet: tuple[int, int], offset_at: OffsetAt) -> bool:
    start, end = quiet
    minute = _wall_minute(at_ms, offset_at)
    return start <= minute < end if start < end else minute >= start or minute < end


def alert_id(patient_id: int, rule: str, opened_ms: int) -> str:
    """Return the id of the alert that a patient's rule opened at an instant: the same whenever it is judged again."""
    return f"{patient_id}:{rule}:{opened_ms}"
