"""Fitbit, Google Health, Google Fit and Fitabase."""

from devices.files.fitbit.fitabase import FitabaseReader
from devices.files.fitbit.google_fit import GoogleFitReader
from devices.files.fitbit.reader import FitbitReader

READERS = (FitbitReader(), GoogleFitReader(), FitabaseReader())
