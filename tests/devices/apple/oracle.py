"""The same export read by lxml, one element at a time: slow, plain, and none of our own code."""

import io
import re
from collections import defaultdict

from lxml import etree

from tests.devices.apple.made import HEART_RATE, SLEEP, STEPS, ms

Samples = dict[tuple[str, str], dict[tuple[int, int], int]]


def read_by_lxml(data: bytes) -> tuple[Samples, dict[str, set[tuple[str, int, int]]]]:
    """Return samples by source name and type, and the sleep and workouts of each source as (value, start, end)."""
    samples: Samples = defaultdict(dict)
    spans: dict[str, set[tuple[str, int, int]]] = defaultdict(set)
    for _, element in etree.iterparse(io.BytesIO(data), tag=("Record", "Workout"), resolve_entities=False, load_dtd=False):
        kind = element.get("type", "")
        if element.tag == "Record" and kind not in (STEPS, HEART_RATE, SLEEP):
            continue
        source = re.sub(r"\s+", " ", element.get("sourceName"))
        start, end = ms(element.get("startDate")), ms(element.get("endDate"))
        if element.tag == "Workout":
            spans[source].add((element.get("workoutActivityType"), start, end))
        elif kind == SLEEP:
            spans[source].add((element.get("value"), start, end))
        else:
            value = int(float(element.get("value")) + 0.5)
            samples[source, kind][start, end] = max(value, samples[source, kind].get((start, end), 0))
        element.clear()
    return samples, spans
