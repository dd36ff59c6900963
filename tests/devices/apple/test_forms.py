"""Every way in which XML lets a record be written gives the same record, and what is no record gives none."""

from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.files.apple import READER
from devices.recording import Device
from tests.devices.apple.collected import Collected, read_bytes
from tests.devices.apple.made import HEAD, HEART_RATE, STEPS, TAIL, WATCH, export, metadata, ms, record
from tests.devices.apple.oracle import read_by_lxml

NINE, TEN_PAST = "2023-03-26 09:00:00 +0200", "2023-03-26 09:10:00 +0200"
DEVICE = Device("apple", "Watch6,2", name="Eva’s Apple Watch")
ONE = {(DEVICE, "steps"): {(ms(NINE), ms(TEN_PAST)): 812}}
ATTRIBUTES = {
    "type": STEPS,
    "sourceName": "Eva’s Apple\N{NO-BREAK SPACE}Watch",
    "sourceVersion": "9.1",
    "device": WATCH.format(address="0x1", version="9.1"),
    "unit": "count",
    "creationDate": TEN_PAST,
    "startDate": NINE,
    "endDate": TEN_PAST,
    "value": "812",
}


def written(attributes: dict[str, str], *, quote: str = '"', space: str = " ", equals: str = "=", end: str = "/>") -> str:
    return "<Record" + "".join(f"{space}{name}{equals}{quote}{text}{quote}" for name, text in attributes.items()) + end


def shuffled(seed: int) -> dict[str, str]:
    names = list(ATTRIBUTES)
    Random(seed).shuffle(names)
    return {name: ATTRIBUTES[name] for name in names}


def without(*names: str) -> dict[str, str]:
    return {name: text for name, text in ATTRIBUTES.items() if name not in names}


@pytest.mark.parametrize(
    "text",
    [
        written(ATTRIBUTES),
        written(ATTRIBUTES, end=" />"),
        written(ATTRIBUTES, end=">\n</Record>"),
        written(ATTRIBUTES, quote="'"),
        written(ATTRIBUTES, space="\n          "),
        written(ATTRIBUTES, space="\t", end="\r\n/>"),
        written(ATTRIBUTES, equals=" = "),
        written(ATTRIBUTES, equals="=\n"),
        written(without("sourceVersion")),
        written(without("creationDate")),
        written(ATTRIBUTES | {"note": "a > b"}),
        written(ATTRIBUTES | {"note": "'single' = 'quotes'"}),
        written({"note": "<Record".replace("<", "&lt;")} | ATTRIBUTES),
        written(ATTRIBUTES | {"sourceName": "Eva&#8217;s&#x20;Apple Watch"}),
        written(ATTRIBUTES | {"sourceName": "Eva’s\nApple\n  Watch"}),
        # iOS 8 made metadata of other apps attributes, names with spaces and all.
        written(ATTRIBUTES).replace("sourceVersion=", "Health Mate App Version="),
        written(ATTRIBUTES, quote="'").replace("sourceVersion=", "Health Mate App Version="),
        *(written(shuffled(seed)) for seed in range(8)),
        *(written(shuffled(seed), quote="'", space="\n") for seed in range(4)),
    ],
)
def test_the_same_record(text: str) -> None:
    found = read_bytes(READER, export(text))
    assert found.samples == ONE
    assert found.rejects == []


@pytest.mark.parametrize(
    "text",
    [
        f"<!-- {written(ATTRIBUTES)} -->",
        f"<!-- ' -->{'<!-- x -->' * 20}<!--{written(ATTRIBUTES)}-->",
        f"<![CDATA[ {written(ATTRIBUTES)} ]]>",
        f"<?php {written(ATTRIBUTES)} ?>",
        written(ATTRIBUTES | {"type": STEPS + "s"}),
        written(ATTRIBUTES).replace("<Record", "<Recorder"),
        written(ATTRIBUTES).replace("<Record", "< Record"),
        f'<MetadataEntry key="a" value="{written(ATTRIBUTES).replace("<", "&lt;").replace(chr(34), "&quot;")}"/>',
    ],
)
def test_no_record(text: str) -> None:
    found = read_bytes(READER, export(text, record(STEPS, TEN_PAST, "2023-03-26 09:20:00 +0200", 5)))
    assert list(found.all_samples("steps").values()) == [5]
    assert found.error is None


@pytest.mark.parametrize(
    "text",
    [
        written(ATTRIBUTES).replace('"812"', "812"),
        written(ATTRIBUTES).replace('"count"', '"count'),
        written(ATTRIBUTES).replace("/>", ""),
        written(ATTRIBUTES | {"note": "raw < in a value"}),
    ],
)
def test_a_record_that_is_no_xml_is_counted(text: str) -> None:
    found = read_bytes(READER, export(text, record(STEPS, TEN_PAST, "2023-03-26 09:20:00 +0200", 5)))
    assert list(found.all_samples("steps").values()) == [5]
    assert [(reject.expected, reject.count) for reject in found.rejects] == [("a record whose attributes can be read", 1)]


def test_the_malformed_dtd_of_ios_16_and_a_vertical_tab() -> None:
    dtd = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE HealthData [
<!-- HealthKit Export Version: 12 -->
<!ELEMENT VisionPrescription (MetadataEntry|RightEye|LeftEye|Attachment)*>
<!ATTLIST VisionPrescription
  type             CDATA #REQUIRED
  brand            CDATA #IMPLIED
<!ELEMENT RightEye EMPTY>
<!ATTLIST LeftEye
  device        CDATA #IMPLIED
<!ATTLIST MetadataEntry
  key   CDATA #IMPLIED
>
]>
<HealthData locale="nl_NL">
"""
    odd = metadata("a", "x\x0by") + metadata("b", "\x0b")
    found = read_bytes(READER, export(record(STEPS, NINE, TEN_PAST, 812, children=odd), head=dtd))
    assert found.samples == ONE
    assert found.error is None
    in_the_name = record(STEPS, NINE, TEN_PAST, 812, source="Eva’s\x0bApple Watch")
    assert read_bytes(READER, export(in_the_name, head=dtd)).samples == ONE


@pytest.mark.parametrize(
    "head",
    [
        "<HealthData>",
        "\ufeff<HealthData locale='en'>",
        "<!-- <HealthData> --><HealthData\n>",
        '<?xml version="1.0"?><!DOCTYPE HealthData SYSTEM "x.dtd"><HealthData >',
        '<!DOCTYPE HealthData [<!ENTITY a "]> <HealthDat">]><!-- x --><?y?><HealthData>',
    ],
)
def test_prologs(head: str) -> None:
    assert read_bytes(READER, export(record(STEPS, NINE, TEN_PAST, 812), head=head)).samples == ONE


def test_entities_of_a_dtd_are_left_as_they_stand() -> None:
    head = HEAD.replace("]>", '<!ENTITY steps "812">]>')
    found = read_bytes(READER, export(record(STEPS, NINE, TEN_PAST, "&steps;"), head=head))
    assert found.samples == {}
    assert found.rejects[0].found == "'&steps;'"


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2023-03-26 9:00:00 AM +0200", "2023-03-26 9:10:00 AM +0200"),
        ("2023-03-26 9:00:00\N{NARROW NO-BREAK SPACE}a.m. +0200", "2023-03-26 9:10:00\N{NARROW NO-BREAK SPACE}am +0200"),
        ("2023-03-26 上午9:00:00 +0200", "2023-03-26 上午9:10:00 +0200"),
        ("20230326090000+0200", "20230326091000+0200"),
        ("2023-03-26T07:00:00Z", "2023-03-26T07:10:00.000Z"),
        ("٢٠٢٣-٠٣-٢٦ ٠٩:٠٠:٠٠ +٠٢٠٠", "2023-03-26 09:10:00 +0200"),
        ("2023-03-26&#10;09:00:00 +0200", "2023-03-26 09:10:00 +0200"),
        ("2023-03-25 21:00:00 -1000", "2023-03-26 21:10:00 +1400"),
    ],
)
def test_dates_of_other_phones(start: str, end: str) -> None:
    assert read_bytes(READER, export(written(ATTRIBUTES | {"startDate": start, "endDate": end}))).samples == ONE


@pytest.mark.parametrize("start", ["26.03.2023 09:00", "2023-02-29 09:00:00 +0100", "2023-03-26 25:00:00 +0200",
                                   "2023-03-26 13:00:00 PM +0200", "2023-03-26 09:00:00", "", "2023-03-26 09:00:60 +0200",
                                   "2023-03-26 09:00:00 +9900"])  # fmt: skip
def test_a_date_that_is_none_is_named(start: str) -> None:
    found = read_bytes(READER, export(written(ATTRIBUTES | {"startDate": start})))
    assert found.samples == {}
    assert found.rejects[0].expected == "record dates like 2023-03-26 08:15:00 +0200"
    assert repr(start) in found.rejects[0].found


def test_a_calendar_of_another_era_is_refused() -> None:
    buddhist = record(STEPS, "2566-03-26 09:00:00 +0200", "2566-03-26 09:10:00 +0200", 5)
    found = read_bytes(READER, export(buddhist))
    assert found.samples == {}
    assert len(found.rejects) == 1


def by_source(found: Collected) -> dict[tuple[str, str], dict[tuple[int, int], int]]:
    """By the name of the source, which is the first word of the device's."""
    kinds = {"steps": STEPS, "heart_rate": HEART_RATE}
    merged: dict[tuple[str, str], dict[tuple[int, int], int]] = {}
    for (device, metric), samples in found.samples.items():
        of_source = merged.setdefault((device.name.split(" ")[0], kinds[metric]), {})
        for span, value in samples.items():
            of_source[span] = max(value, of_source.get(span, value))
    return merged


DEVICES = (
    WATCH.format(address="0x1", version="9.1"),
    WATCH.format(address="0x282a45810", version="10"),
    *("", "&lt;&lt;HKDevice: ", "&lt;&lt;HKDevice: 0x1", "&lt;&lt;HKDevice: 0x1&gt;", "&lt;&lt;HKDevice", "&lt;&lt;", "&amp;"),
    "&lt;&lt;HKDevice: 0x282a45810, name:x&gt;",
)
names = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters="<&'\""), min_size=1, max_size=12)


@st.composite
def records(draw: st.DrawFn) -> str:
    kind = draw(st.sampled_from((STEPS, HEART_RATE, "HKQuantityTypeIdentifierBodyMass")))
    minute, length = draw(st.integers(16_000_000, 34_000_000)), draw(st.integers(1, 59))
    start = f"{datetime.fromtimestamp(minute * 60, UTC):%Y-%m-%d %H:%M}:00 {draw(st.sampled_from(('+0000', '-0330', '+1345')))}"
    end = start.replace(":00 ", f":{length:02} ")
    attributes = {
        "type": kind,
        "sourceName": draw(names),
        "device": draw(st.sampled_from(DEVICES)),
        "unit": "count" if kind == STEPS else "count/min",
        "creationDate": end,
        "startDate": start,
        "endDate": end,
        "value": draw(st.one_of(st.integers(30, 200).map(str), st.floats(30, 200).map(str))),
    }
    order = draw(st.one_of(st.just(list(attributes)), st.permutations(list(attributes))))
    text = written(
        {name: attributes[name] for name in order},
        quote=draw(st.sampled_from("\"'")),
        space=draw(st.sampled_from((" ", "\n ", "\t"))),
        end=draw(st.sampled_from(("/>", " />", "></Record>"))),
    )
    return draw(st.sampled_from(("{}", "{}", "<!-- {} -->", "<Correlation>{}</Correlation>", "{}<!-- ' \" -->"))).format(text)


@settings(max_examples=120, deadline=None)
@given(st.lists(records(), max_size=12))
def test_lxml_reads_the_same(texts: list[str]) -> None:
    data = (HEAD + "\n".join(texts) + TAIL).encode()
    found = read_bytes(READER, data)
    expected, _ = read_by_lxml(data)
    assert by_source(found) == expected
    assert found.rejects == []
