"""How a state falls into pieces, by its run lengths alone."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fragmentation:
    """The run lengths of one state, in numbers; None where the definition gives none.

    runs:              how many
    total_min:         their sum
    mean_min:          sum / runs
    transition:        1 / mean: SATP of stationary runs, ASTP of active ones
    gini:              of the lengths, 0 alike to 1, with the n/(n-1) correction
    alpha:             of the power law, discrete: 1 + n / sum(ln(L / (min - 0.5)))
    alpha_chastin:     the same, continuous: 1 + n / sum(ln(L / 1))
    half_life_min:     the median length of the fitted power law
    usual_min:         W50: the length at which half of the time is in runs no longer
    hazard:            mean over distinct lengths of the share of runs that end there among those that got there
    """

    runs: int
    total_min: int
    mean_min: float | None
    transition: float | None
    gini: float | None
    alpha: float | None
    alpha_chastin: float | None
    half_life_min: float | None
    usual_min: int | None
    hazard: float | None
