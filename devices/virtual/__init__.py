"""Virtual wearers: seeded people who live days after a lumbar fusion, and whose devices write real files.

The same wearer and days give the same bytes. No clock, no network; files go where the caller says. See docs/virtual-wearers.md.
"""

from devices.virtual.apple import write_apple
from devices.virtual.fitbit import write_fitbit
from devices.virtual.gadgetbridge import write_gadgetbridge
from devices.virtual.garmin import fit_serial, write_fit
from devices.virtual.life import Day, Stage, State, Walk, Workout, truth
from devices.virtual.plan import WorkoutKind
from devices.virtual.wearer import Habit, Trip, Wearer, cast, days_from, recovery_share

__all__ = [
    "Day",
    "Habit",
    "Stage",
    "State",
    "Trip",
    "Walk",
    "Wearer",
    "Workout",
    "WorkoutKind",
    "cast",
    "days_from",
    "fit_serial",
    "recovery_share",
    "truth",
    "write_apple",
    "write_fit",
    "write_fitbit",
    "write_gadgetbridge",
]
