"""Which kind of workout does a vendor's English name mean?"""

from devices.recording import Activity

# The first word that occurs in the name decides, so that `Treadmill run` is no run outdoors.
_WORDS = (
    ("treadmill", Activity.TREADMILL),
    ("hike", Activity.HIKING),
    ("hiking", Activity.HIKING),
    ("walk", Activity.WALKING),
    ("run", Activity.RUNNING),
    ("jog", Activity.RUNNING),
    ("bike", Activity.CYCLING),
    ("biking", Activity.CYCLING),
    ("cycling", Activity.CYCLING),
    ("spinning", Activity.CYCLING),
    ("swim", Activity.SWIMMING),
    ("weight", Activity.STRENGTH),
    ("strength", Activity.STRENGTH),
    ("yoga", Activity.YOGA),
    ("pilates", Activity.PILATES),
    ("stretch", Activity.FLEXIBILITY),
    ("flexibility", Activity.FLEXIBILITY),
    ("mobility", Activity.MOBILITY),
    ("breath", Activity.BREATHWORK),
    ("aerobic", Activity.CARDIO),
    ("cardio", Activity.CARDIO),
    ("elliptical", Activity.CARDIO),
    ("stair", Activity.CARDIO),
)


def find_activity(name: str) -> Activity:
    lower = name.lower()
    return next((activity for word, activity in _WORDS if word in lower), Activity.OTHER)
