"""FIT: the files of Garmin watches and trackers, and of most bicycle computers and training apps."""

from devices.files.fit.reader import FitReader

READER = FitReader()
