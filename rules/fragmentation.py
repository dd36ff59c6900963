"""How a state falls into pieces, by its run lengths alone."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rules.runs import encode_runs

Lengths = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Fragmentation:
    """The run lengths of one state, in numbers; None where the definition gives none.

    runs:              how many
    total_min:         their sum
    mean_min:          sum / runs
    transition:        1 / mean: SATP of stationary runs, ASTP of active ones
    transition_ggir:   the same with the unfinished runs left out of the transitions, but not of the time
    gini:              of the lengths, 0 alike to 1, with the n/(n-1) correction
    alpha:             of the power law, discrete: 1 + n / sum(ln(L / (min - 0.5)))
    alpha_chastin:     the same, continuous: 1 + n / sum(ln(L / 1))
    half_life_min:     the median length of the fitted power law, by `alpha_chastin`
    usual_min:         W50: the length at which half of the time is in runs no longer
    hazard:            mean over distinct lengths of the share of runs that end there among those that got there
    """

    runs: int
    total_min: int
    mean_min: float | None
    transition: float | None
    transition_ggir: float | None
    gini: float | None
    alpha: float | None
    alpha_chastin: float | None
    half_life_min: float | None
    usual_min: int | None
    hazard: float | None


NO_RUNS = Fragmentation(0, 0, None, None, None, None, None, None, None, None, None)


def measure_fragmentation(lengths: Lengths, *, unfinished: int = 0, min_runs: int = 2) -> Fragmentation:
    """Return every measure of one state's runs; the distribution's (gini, alpha, half-life) from `min_runs` runs on.

    lengths:    (k,) int64, minutes; of one day, or of several pooled
    unfinished: how many of them ended in an unknown minute rather than in the other state
    """
    if not lengths.size:
        return NO_RUNS
    ascending = np.sort(lengths)
    total = int(ascending.sum())
    enough = ascending.size >= min_runs
    alpha_chastin = find_alpha_chastin(ascending) if enough else None
    return Fragmentation(
        runs=ascending.size,
        total_min=total,
        mean_min=total / ascending.size,
        transition=ascending.size / total,
        transition_ggir=find_transition_probability(ascending.size - unfinished, total, unfinished),
        gini=find_gini(ascending) if enough else None,
        alpha=find_alpha(ascending) if enough else None,
        alpha_chastin=alpha_chastin,
        half_life_min=None if alpha_chastin is None else find_half_life(alpha_chastin),
        usual_min=find_usual_length(ascending),
        hazard=find_average_hazard(ascending),
    )


def find_gini(lengths: Lengths) -> float | None:
    """Return the Gini index of the run lengths, corrected for a small sample; None under two runs.

    [2 * sum(i * L_i) / (n * sum(L)) - (n + 1) / n] * n / (n - 1), at most 1, with L ascending
    Source: ineq `Gini(corr = TRUE)`, as ActFrag and GGIR use it; scikit-digital-health gives 1 for one run, and 0 for none
    """
    n = lengths.size
    if n < 2:
        return None
    rank = np.arange(1, n + 1)
    raw = 2.0 * float(np.dot(rank, np.sort(lengths))) / (n * float(lengths.sum())) - (n + 1) / n
    return min(max(raw * n / (n - 1), 0.0), 1.0)


def find_alpha(lengths: Lengths) -> float | None:
    """Return the exponent of the power law of the run lengths, discrete: 1 + n / sum(ln(L / (min - 0.5))).

    Source: Clauset 2009 (3.7) as ActFrag and scikit-digital-health use it
    """
    return 1 + lengths.size / float(np.log(lengths / (lengths.min() - 0.5)).sum()) if lengths.size else None


def find_alpha_chastin(lengths: Lengths, xmin: int = 1) -> float | None:
    """Return the exponent of the power law, continuous: 1 + n / sum(ln(L / xmin)); None if no run is longer than `xmin`.

    xmin: the shortest length that can be recorded
    Source: Chastin & Granat 2010 as GGIR uses it
    """
    logs = float(np.log(lengths / xmin).sum())
    return 1 + lengths.size / logs if logs > 0 else None


def find_half_life(alpha: float, xmin: int = 1) -> float | None:
    """Return the median run length by the power law: xmin * 2^(1 / (alpha - 1)); None beyond any float.

    Source: Chastin & Granat 2010
    """
    exponent = 1 / (alpha - 1)
    return float(xmin * 2.0**exponent) if exponent < 1023 else None


def find_usual_length(lengths: Lengths) -> int | None:
    """Return W50: the run length at which the time in runs no longer than it reaches half of the time in all.

    Source: Chastin & Granat 2010. GGIR's `W0.5` is another thing: a share of the time
    """
    if not lengths.size:
        return None
    ascending = np.sort(lengths)
    reached = np.cumsum(ascending)
    return int(ascending[np.searchsorted(2 * reached, reached[-1])])


def find_average_hazard(lengths: Lengths) -> float | None:
    """Return the mean over the distinct lengths l of #{L = l} / #{L >= l}.

    Source: Di 2017, as ActFrag and scikit-digital-health compute it
    """
    if not lengths.size:
        return None
    ending = np.bincount(lengths)
    reaching = np.cumsum(ending[::-1])[::-1]
    ended = ending > 0
    return float((ending[ended] / reaching[ended]).mean())


def find_transition_probability(transitions: int, minutes: int, unfinished: int) -> float:
    """Return the chance of a minute of a state to be its last, rounded to 6 digits.

    transitions: how often the state gave way to the other
    minutes:     how long it lasted in all
    unfinished:  in how many segments it was the last: the minutes after which nothing is known
    Source:      GGIR 3.3 `g.fragmentation`, which adds 1e-6 to both sides of the fraction
    """
    return round((transitions + 1e-6) / (minutes - unfinished + 1e-6), 6)


@dataclass(frozen=True, slots=True)
class Transitions:
    """From one set of classes to another: how often, with what chance a minute, and the mean length of a finished run."""

    count: int
    probability: float
    mean_min: float | None


def find_transitions(classes: npt.NDArray[np.int8], origin: tuple[int, ...], target: tuple[int, ...]) -> Transitions:
    """Return the transitions from `origin` to `target` in a series cut into segments by unknown minutes.

    classes: (n,) int8, the class of each minute, negative where unknown
    Source:  GGIR 3.3 `g.fragmentation`: the mean leaves the unfinished run out; differs: a series of one run has no
             transition there and here, but GGIR then counts one
    """
    value, _, length = encode_runs(classes)
    following = np.append(value[1:], -1)
    ours = np.isin(value, origin)
    crossed = ours & np.isin(following, target)
    count = int(np.count_nonzero(crossed))
    unfinished = int(np.count_nonzero(ours & (following < 0)))
    probability = find_transition_probability(count, int(length[ours].sum()), unfinished)
    return Transitions(count, probability, float(length[crossed].mean()) if count else None)
