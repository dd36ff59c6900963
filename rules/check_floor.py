"""Below the floor, and below it for long although little pain is reported."""

from collections.abc import Sequence
from statistics import median

from rules.check_case import DAY_MS, Case, S, span_of, window_of
from rules.day import DaySummary
from rules.finding import Finding, Truth
from rules.prescription import Phase
from rules.rule_settings import AvoidancePattern, BelowFloor


def check_below_floor(case: Case[BelowFloor]) -> Finding:
    """Is the median of the last valid days below the floor? Each day is taken as a share of its own phase's floor."""
    settings = case.settings
    if case.phase is None or not case.phase.floor_share:
        return case.off("no floor is prescribed in this phase")
    judged = case.last_valid(settings.median_of_days, settings.lookback_days, lambda _, phase: find_floor(case, phase) > 0)
    days = [one.day for one in judged]
    if len(days) < settings.median_of_days:
        return case.unknown(
            f"{len(days)} of the last {settings.lookback_days} days are valid; {settings.median_of_days} are needed"
        )
    share = median((one.day.steps or 0) / find_floor(case, one.phase) for one in judged)
    low = share < 1
    floor = find_floor(case, judged[-1].phase)
    counted = median(day.steps or 0 for day in days)
    return case.say(
        Truth.TRUE if low else Truth.FALSE,
        f"the median of the last {len(days)} valid days is {counted:,.0f} steps; the floor is {floor:,}",
        window_of(days),
        minutes=tuple(span_of(day, 0, day.n_min) for day in days) if low else (),
        measured={"median": counted, "share_of_floor": share},
        thresholds={"floor": floor, "floor_share": case.phase.floor_share},
    )


def find_floor(case: Case[S], phase: Phase | None) -> int:
    """Return the steps that a phase asks for at least; 0 if it asks for none."""
    return round(phase.floor_share * (case.prescription.baseline_steps or 0)) if phase is not None else 0


def check_avoidance_pattern(case: Case[AvoidancePattern]) -> Finding:
    """Has the median been below the floor all week, with little pain reported? It suggests asking, and names nothing."""
    settings = case.settings
    if case.phase is None or not case.phase.floor_share:
        return case.off("no floor is prescribed in this phase")
    days = case.up_to_valid()
    recent = days[-settings.days :]
    if len(recent) < settings.days:
        return case.unknown(f"{len(recent)} days since the surgery up to a valid one; {settings.days} are needed")
    window = window_of(recent, valid_only=True)
    if window.coverage is None or window.coverage < case.share_needed:
        return case.unknown("too few of these days are known well enough", window)
    shares = _rolling_shares(case, days)
    if shares is None:
        return case.unknown("too few valid days before to know a median", window)
    reports = [report.value for report in case.view.pain if 0 <= case.at_ms - report.at_ms <= settings.days * DAY_MS]
    low = sum(share < 1 for share in shares)
    thresholds = {"pain": settings.pain, "days": settings.days}
    measured: dict[str, float] = {"low_days": low, "valid_days": len(shares), "reports": len(reports)}
    if low < len(shares):
        said = f"at or above the floor on {len(shares) - low} of the last {len(shares)} valid days"
        return case.say(Truth.FALSE, said, window, measured=measured, thresholds=thresholds)
    if len(reports) < settings.reports:
        return case.unknown("steps are below the floor, but too few reports of pain are there to say more", window)
    worst = max(reports)
    little = worst <= settings.pain
    advice = ". A questionnaire on fear of movement may help to understand why" if little else ""
    return case.say(
        Truth.TRUE if little else Truth.FALSE,
        f"below the floor for {settings.days} days; the highest pain reported is {worst} of 10{advice}",
        window,
        measured=measured | {"pain": worst},
        thresholds=thresholds,
    )


def _rolling_shares(case: Case[AvoidancePattern], days: Sequence[DaySummary]) -> list[float] | None:
    """Return, for each valid day of the last week, the median share of the floor up to it; None if one has none."""
    floor = case.prescription.rules.below_floor
    recent = len(days) - case.settings.days
    known = [
        (place, (days[place].steps or 0) / asked)
        for place in range(max(0, recent - floor.lookback_days), len(days))
        if days[place].conclusive and (asked := find_floor(case, case.phase_of(days[place])))
    ]
    found = []
    for at, (place, _) in enumerate(known):
        if place < recent:
            continue
        last = [share for earlier, share in known[: at + 1] if earlier > place - floor.lookback_days][-floor.median_of_days :]
        if len(last) < floor.median_of_days:
            return None
        found.append(median(last))
    return found or None
