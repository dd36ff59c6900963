"""The vectors for other languages are those of the codecs as they are now, and show what they are for."""

import json
from pathlib import Path

from devices.radio.capture import parse_capture
from devices.virtual.radio.vectors import build_vectors

KEPT = Path(__file__).with_name("vectors.json")


def test_the_vectors_are_what_the_codecs_do() -> None:
    """To write them again: python -m devices.virtual.radio.vectors tests/devices/radio/vectors.json"""
    assert json.loads(KEPT.read_text()) == json.loads(json.dumps(build_vectors()))


def test_every_turn_that_an_exchange_takes_is_in_them() -> None:
    vectors = json.loads(KEPT.read_text())["vectors"]
    steps = [step for vector in vectors for step in vector["steps"]]
    assert {step["told"] for step in steps} == {"begin", "receive", "refused", "idle", "committed"}
    assert {action["do"] for step in steps for action in step["actions"]} >= {
        "Subscribe",
        "Read",
        "Write",
        "Wait",
        "Commit",
        "Done",
    }
    for vector in vectors:
        assert vector["steps"][-1]["actions"][-1]["do"] == "Done"
        sent = [action["data"] for step in vector["steps"] for action in step["actions"] if action["do"] == "Write"]
        captures = [parse_capture(text.encode()) for text in vector["captures"]]
        assert [frame.data.hex() for capture in captures for frame in capture.frames if frame.direction == "out"] == sent
        assert all(capture.is_complete for capture in captures)
