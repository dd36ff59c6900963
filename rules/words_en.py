"""English: every sentence that a message may hold. A language is one such table; see docs/messages.md for how to add one.

To the patient: what was seen and what to do next, without blame, jargon or diagnosis. To the therapist: the field's words.
To the operator: what to repair, and no more about the patient than that.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Told:
    """What one recipient is told about one rule.

    heading: a few words for the subject line
    seen:    what was seen
    next:    what to do
    over:    what to say once it is resolved
    """

    heading: str
    seen: str
    next: str
    over: str


@dataclass(frozen=True, slots=True)
class Language:
    """All words of one language.

    patient, therapist, operator: by rule; "" is what is said of a rule that the table does not name
    frames:  by recipient and kind, what is put around `Told`, with {heading}, {seen}, {next}, {over}, {title}
    labels:  the words of the evidence and of the frame of a message
    """

    patient: Mapping[str, Told]
    therapist: Mapping[str, Told]
    operator: Mapping[str, Told]
    frames: Mapping[str, Mapping[str, str]]
    weekdays: tuple[str, ...]
    months: tuple[str, ...]
    date: str
    labels: Mapping[str, str]


_PATIENT = {
    "": Told(
        "a note on your movement",
        "There is something in your movement that your clinic follows.",
        "You need not do anything now. If you have questions, please ask your clinic.",
        "This is settled.",
    ),
    "stationary_now": Told(
        "time to move a little",
        "You have been in one place for a while.",
        "When it suits you, stand up and walk a few easy steps.",
        "You have been up and about again.",
    ),
    "prolonged_stationary_day": Told(
        "long spells in one place",
        "On several days there were long spells in one place.",
        "Try to stand up for a minute or two in between. Your therapist can help to fit this into your day.",
        "Your days have had more breaks from staying in one place.",
    ),
    "frequency_low": Told(
        "your walks",
        "On several of the last days there were fewer walks than planned.",
        "If you feel up to it, add one short walk today. If something keeps you from walking, please tell your clinic.",
        "Your walks are back at the number planned.",
    ),
    "hourly_coverage": Told(
        "a few steps each hour",
        "On several days there were hours with only a few steps.",
        "Try to walk a few steps each hour while you are up.",
        "You have been moving through more hours of the day.",
    ),
    "too_long": Told(
        "a long walk",
        "One walk lasted longer than is planned for now.",
        "Please keep the next walks short, with a rest in between. Several short walks are better now than one long walk.",
        "Your walks are within the planned length.",
    ),
    "too_brisk": Told(
        "a fast walk",
        "For a while you walked faster than is planned for now.",
        "Please walk gently for now, at a pace at which you can talk easily.",
        "Your walks are at the planned pace.",
    ),
    "spike": Told(
        "many steps in one day",
        "You have walked much more today than on the days before, and more than is planned for now.",
        "Please take it easier for the rest of the day. More is not better yet.",
        "Your steps are back within what is planned.",
    ),
    "load_ratio": Told(
        "a quick increase",
        "Over the last days you have walked a good deal more than in the weeks before.",
        "Please increase your walks in small steps. Your therapist can tell you how much is right for now.",
        "Your walking grows at a steady pace.",
    ),
    "sudden_drop": Told(
        "fewer steps than usual",
        "Over the last two days there were far fewer steps than usual for you.",
        "If you do not feel well, or have new complaints, please call your clinic. If all is well, walk as you usually do.",
        "Your steps are close to what is usual for you again.",
    ),
    "below_floor": Told(
        "fewer steps than planned",
        "On the last days there were fewer steps than planned.",
        "If you feel up to it, add a short walk. If something keeps you from walking, please tell your clinic.",
        "Your steps are back at what is planned.",
    ),
    "no_progress": Told(
        "your steps over two weeks",
        "Over the last two weeks your steps have stayed about the same.",
        "Your therapist can look with you at what would help next.",
        "Your steps have been growing again.",
    ),
    "secondary_decline": Told(
        "fewer steps than some weeks ago",
        "Over the last week there were fewer steps than in your best week since surgery.",
        "Please tell your clinic how you feel, above all if something has changed.",
        "Your steps are close to your best week again.",
    ),
    "avoidance_pattern": Told(
        "some questions for you",
        "Your clinic would like to know how you feel about moving.",
        "Please fill in the short questionnaire that your therapist gives you. There are no wrong answers.",
        "Thank you. Nothing more is needed for now.",
    ),
    "night_activity": Told(
        "your nights",
        "On several nights there were more steps than usual for you.",
        "If something keeps you awake, please tell your clinic.",
        "Your nights are as usual again.",
    ),
    "device_silent": Told(
        "nothing heard from your wearable",
        "For some time nothing, or only a part of the day, has arrived from your wearable.",
        "Please wear it during the day, charge it, and open its app once near your phone. "
        "If it still fails, your clinic can help.",
        "Your wearable is heard again.",
    ),
    "device_fault": Told(
        "your wearable",
        "Your wearable told something that cannot be right.",
        "You need not do anything now. Your clinic will get in touch if the wearable has to be looked at.",
        "Your wearable works as expected again.",
    ),
    "red_flag": Told(
        "please call now",
        "You answered yes to a question about a warning sign.",
        "Please call your clinic now. If you cannot reach anybody, or if it gets worse, call the emergency number.",
        "Your answer has been followed up.",
    ),
}

_THERAPIST = {
    "": Told(
        "a rule has fired",
        "A rule that is set for this patient has fired.",
        "Please look at the evidence below and decide whether to act.",
        "The condition has cleared.",
    ),
    "stationary_now": Told(
        "long stationary run",
        "The current stationary run has reached the prescribed limit while the wearable was worn, in waking hours.",
        "The patient has been reminded. No action is needed unless this keeps happening.",
        "The patient has moved again.",
    ),
    "prolonged_stationary_day": Told(
        "long stationary bouts",
        "Long stationary bouts on several of the last valid days.",
        "Ask what keeps the patient in one place, and agree on breaks. Check that the wearable was worn as thought.",
        "The last days had no such bouts.",
    ),
    "frequency_low": Told(
        "fewer walks than prescribed",
        "Fewer credited walks than prescribed on most of the last valid days.",
        "Ask what stands in the way; adjust the number or the length of walks if it is too much.",
        "The last days reached the prescribed number of walks.",
    ),
    "hourly_coverage": Told(
        "hours without movement",
        "On most of the last valid days fewer than half of the eligible hours reached the prescribed steps.",
        "Agree with the patient on short breaks each hour, or lower the prescribed steps an hour.",
        "Enough hours of the day hold movement again.",
    ),
    "too_long": Told(
        "walk longer than the cap",
        "A walking bout went beyond the prescribed cap more than once within seven days.",
        "Remind the patient of the cap, or raise it if healing allows.",
        "No such walk since.",
    ),
    "too_brisk": Told(
        "cadence above the cap",
        "Several minutes in a row at or above the prescribed cadence cap.",
        "Remind the patient to walk gently, or raise the cap if healing allows.",
        "No such minutes since.",
    ),
    "spike": Told(
        "steps far above the own median",
        "The day's steps are far above the patient's own median and above the prescribed cap.",
        "Ask about the day and about symptoms; remind of pacing.",
        "The following days are within the usual range.",
    ),
    "load_ratio": Told(
        "load rises quickly",
        "The mean of the last three days is high against the mean of the fourteen days before them.",
        "Consider slowing the progression. The ratio describes load; it does not predict injury.",
        "The ratio is back within range.",
    ),
    "sudden_drop": Told(
        "steps fell suddenly",
        "Two valid days in a row far below the patient's own median.",
        "Please contact the patient today: ask about pain, wound, fever, new weakness or numbness, bladder and bowel, "
        "mood, and plain reasons such as a journey.",
        "Steps are back near the patient's own median.",
    ),
    "below_floor": Told(
        "steps below the floor",
        "The median of the last valid days is below the prescribed floor.",
        "Ask what stands in the way; adjust the floor if it was set too high.",
        "The median is back at or above the floor.",
    ),
    "no_progress": Told(
        "no progress over two weeks",
        "No upward trend of steps over fourteen days, and still well below baseline.",
        "Review goals, pain management and barriers with the patient.",
        "Steps rise again, or are close to baseline.",
    ),
    "secondary_decline": Told(
        "decline after recovery",
        "The seven-day median has stayed well below the best seven days since surgery.",
        "Ask about symptoms and what has changed; consider a review.",
        "The median is close to the best week again.",
    ),
    "avoidance_pattern": Told(
        "consider a fear-of-movement questionnaire",
        "Steps have been below the floor for a week or more while reported pain is low.",
        "Consider a fear-of-movement questionnaire. This is a prompt to ask, not a finding about the patient.",
        "The pattern is no longer there.",
    ),
    "night_activity": Told(
        "more steps at night",
        "Steps within the sleep window are well above the patient's own median on several nights.",
        "Ask about sleep, pain at night and medication.",
        "Nights are as usual again.",
    ),
    "device_silent": Told(
        "no data from the wearable",
        "No data, or too little worn time. While this lasts, no other rule speaks about this patient: nothing is known.",
        "The operator has been told. If it lasts, ask whether the patient still wears the device.",
        "Data arrive again; the other rules judge again.",
    ),
    "device_fault": Told(
        "implausible data",
        "The wearable delivered values that cannot be right. What is judged of these days may be wrong.",
        "The operator has been told. No clinical action follows from this.",
        "Data are plausible again.",
    ),
    "red_flag": Told(
        "warning sign answered with yes",
        "The patient answered yes to a question about a warning sign. The emergency text was shown at once.",
        "Please call the patient now and follow your clinic's procedure.",
        "The answer has been followed up.",
    ),
}

_OPERATOR = {
    "red_flag": Told(
        "an urgent alert waits for a therapist",
        "A patient answered yes to a question about a warning sign. The message to the therapist has not been answered.",
        "Reach a therapist now, by telephone, and see whether their channel works: `afoot notify`, `afoot alerts --open`.",
        "The alert is closed.",
    ),
    "": Told(
        "a clinical alert",
        "A clinical rule has spoken about this patient.",
        "Nothing is to be repaired. Please make sure that the therapist has seen it.",
        "The alert is closed.",
    ),
    "device_silent": Told(
        "no data from the wearable",
        "No data, or too little worn time, from this patient's devices.",
        "Check the last sync, the account link, battery and app; then contact the patient if nothing is wrong on our side.",
        "Data arrive again.",
    ),
    "device_fault": Told(
        "implausible data",
        "Too many steps in a minute, a clock that jumped, or minutes that disagree with the vendor's own hours.",
        "Check the device's clock and firmware and the import; until then what is judged of these days may be wrong.",
        "Data are plausible again.",
    ),
}

_FRAMES = {
    "patient": {
        "opened": "{seen}\n{next}",
        "reminder": "A reminder: {seen}\n{next}",
        "raised": "{seen}\n{next}",
        "escalated": "{seen}\n{next}\nYour clinic has been told as well.",
        "resolved": "{over}\nYou need not do anything.",
        "withdrawn": "Please disregard our earlier message ({heading}). Data that arrived later tell otherwise.\n"
        "You need not do anything.",
        "test": "This is a test. Messages about your movement will reach you this way.\nYou need not do anything.",
    },
    "therapist": {
        "opened": "{seen}\nNext: {next}",
        "reminder": "Still open: {seen}\nNext: {next}",
        "raised": "More urgent than before: {seen}\nNext: {next}",
        "escalated": "Nobody has acknowledged this yet. {seen}\nNext: {next}",
        "resolved": "Resolved. {over}\nNext: nothing; the alert is closed.",
        "withdrawn": "Withdrawn: data that arrived later do not support this alert ({heading}).\n"
        "Next: nothing, unless you have already acted on it.",
        "test": "This is a test. Alerts to therapists will reach you this way.\nNext: nothing.",
    },
    "operator": {
        "opened": "{seen}\nNext: {next}",
        "reminder": "Still open: {seen}\nNext: {next}",
        "raised": "More urgent than before: {seen}\nNext: {next}",
        "escalated": "Nobody has acknowledged this yet. {seen}\nNext: {next}",
        "resolved": "Resolved. {over}\nNext: nothing.",
        "withdrawn": "Withdrawn: data that arrived later do not support this alert ({heading}).\nNext: nothing.",
        "test": "This is a test. Messages to operators will reach you this way.\nNext: nothing.",
    },
}

ENGLISH = Language(
    patient=_PATIENT,
    therapist=_THERAPIST,
    operator=_OPERATOR,
    frames=_FRAMES,
    weekdays=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    months=(
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
    date="{weekday} {day} {month} {year}",
    labels={
        "several": "{count} notes",
        "test": "test message",
        "subject_patient": "Your movement: {heading}",
        "subject_about": "{who}: {heading}",
        "subject_high": "[urgent] {subject}",
        "when": "When",
        "minutes": "{minutes} min",
        "more": "and {count} more",
        "reason": "Why",
        "window": "Window",
        "coverage": "Coverage",
        "no_coverage": "not judged by coverage",
        "wear_source": "Wear source",
        "measured": "Found",
        "thresholds": "Thresholds",
        "version": "Prescription version",
        "no_version": "none in force",
        "unknown": "not told",
        "reference": "Message",
        "disclaimer_patient": "This comes from a wearable, which can be wrong. It is not a diagnosis. "
        "If you feel unwell, do not wait for a message: call your clinic, or the emergency number.",
        "disclaimer_said": "As the patient said it. It is no diagnosis.",
        "disclaimer_therapist": "From a wearable; it can be wrong and is no diagnosis.",
        "disclaimer_operator": "From a wearable; it can be wrong and is no diagnosis.",
    },
)
