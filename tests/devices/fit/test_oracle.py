"""Every value of every public sample, field by field, against fitparse; what fitparse lacks, against the Garmin SDK."""

import csv
import hashlib
import io

import numpy as np
import pytest
from garmin_fit_sdk import Decoder, Encoder, Stream
from garmin_fit_sdk.profile import Profile

from devices.files.fit import newer
from devices.files.fit.container import decode
from devices.files.fit.values import message_name, named_columns
from tests.devices.fit import oracle
from tests.shared import shared

FIRST_MESSAGES = 60


def digests() -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(oracle.TABLE.read_text())))


@pytest.mark.parametrize("part", range(4))
def test_all_values_of_all_samples_are_what_fitparse_said_of_them(part: int) -> None:
    shared("samples/fit")
    compared = 0
    for row in digests()[part::4]:
        data = shared(f"samples/fit/{row['sample']}").read_bytes()
        assert hashlib.sha256(data).hexdigest() == row["sha256"], f"{row['sample']} is another file; regenerate oracle.csv"
        columns = oracle.ours(data, int(row["messages"]))
        assert sum(len(rows) for rows in columns.values()) == int(row["values"]), row["sample"]
        assert oracle.digest(columns) == row["digest"], row["sample"]
        compared += int(row["values"])
    assert compared > 500_000


def test_the_digests_stand_for_more_than_five_million_values() -> None:
    assert sum(int(row["values"]) for row in digests()) > 5_000_000


def test_the_first_messages_of_each_sample_value_by_value() -> None:
    """The same on fitparse as it is installed, so that a difference shows itself and not its digest."""
    shared("samples/fit")
    for path in oracle.sample_paths():
        name = path.relative_to(oracle.SAMPLES).as_posix()
        data = path.read_bytes()
        columns, count, error = oracle.theirs(data, FIRST_MESSAGES)
        expected, found = (list(oracle.agreed(one)) for one in (columns, oracle.ours(data, count)))
        assert [key for key, *_ in found] == [key for key, *_ in expected], name
        for own, other in zip(found, expected, strict=True):
            assert own == other, f"{name}: {own[0]}"
        assert not error or error.find(oracle.FITPARSE_STOPS[name]) >= 0


def test_fitparse_stops_in_these_samples_only() -> None:
    shared("samples/fit")
    named = {row["sample"]: int(row["messages"]) for row in digests()}
    for path in oracle.sample_paths():
        name = path.relative_to(oracle.SAMPLES).as_posix()
        ours = sum(len(file.records) for file in decode(path.read_bytes(), rejects=oracle.Rejects()))
        # Of a file that ends within its CRC, fitparse gives up the last message with it.
        assert (ours == named[name]) or name in oracle.FITPARSE_STOPS, name


def sdk(data: bytes) -> dict[str, list[dict[object, object]]]:
    messages, errors = Decoder(Stream.from_byte_array(bytearray(data))).read(
        convert_datetimes_to_dates=False, merge_heart_rates=False
    )
    assert not errors
    return messages  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", ["fit/HrmPluginTestActivity.fit", "fit/activity_poolswim_with_hr.fit"])
def test_running_on_bits_are_what_the_sdk_makes_of_them(name: str) -> None:
    data = shared(f"samples/fit/{name}").read_bytes()
    expected = []
    for message in sdk(data)["hr_mesgs"]:
        stamps = message.get("event_timestamp", [])
        expected += stamps if isinstance(stamps, list) else [stamps]
    found = [
        value
        for _, value in sorted(
            (place, value)
            for file in decode(data)
            for table in file.of(132)
            for column in named_columns(file, table)
            if column.name == "event_timestamp"
            for place, value in zip(table.at[column.rows].tolist(), column.values, strict=True)
        )
    ]
    assert len(found) > 800
    assert found == pytest.approx(expected, abs=0)


def test_what_fitparse_cannot_read_of_a_coros_file_the_sdk_can() -> None:
    name = "python-fitparse/coros-pace-2-cycling-misaligned-fields.fit"
    data = shared(f"samples/fit/{name}").read_bytes()
    expected = sdk(data)["record_mesgs"]
    (file,) = decode(data)
    places = np.sort(np.concatenate([table.at for table in file.of(20)]))
    assert len(places) == len(expected) == 11_272
    for name in ("heart_rate", "distance", "altitude"):
        found: dict[int, object] = {}
        for table in file.of(20):
            for column in named_columns(file, table):
                if column.name == name and not column.expanded:
                    found |= zip(table.at[column.rows].tolist(), column.values, strict=True)
        assert sum(value is not None for value in found.values()) > 5_000, name
        assert [found.get(place) for place in places.tolist()] == [message.get(name) for message in expected], name


# The newer messages, written by the SDK's own encoder.
WRITTEN = {
    211: {"timestamp": 1_100_000_000, "resting_heart_rate": 58, "current_day_resting_heart_rate": 61},
    229: {
        "update_time": 1_100_000_000,
        "vo2_max": 43.2,
        "sport": "walking",
        "sub_sport": "casual_walking",
    },
    269: {"timestamp": 1_100_000_000, "reading_spo2": 96, "reading_confidence": 7, "mode": "periodic"},
    275: {"timestamp": 1_100_000_000, "sleep_level": "deep"},
    290: {"timestamp": 1_100_000_000, "timestamp_ms": 250, "time": [812, 798, 805]},
    297: {"timestamp": 1_100_000_000, "respiration_rate": 14.25},
    304: {"timestamp": 1_100_000_000, "processing_interval": 60, "steps": [12, 15, 70_000]},
    305: {"timestamp": 1_100_000_000, "processing_interval": 2, "reading_spo2": [95, 96], "confidence": [5, 6]},
    306: {"timestamp": 1_100_000_000, "processing_interval": 3, "stress_level": [25, -1, -2]},
    307: {"timestamp": 1_100_000_000, "processing_interval": 2, "respiration_rate": [13.5, 14.0]},
    308: {"timestamp": 1_100_000_000, "processing_interval": 2, "status": 1, "heart_rate": [61, 62]},
    346: {"combined_awake_score": 90, "overall_sleep_score": 77, "awakenings_count": 3, "average_stress_during_sleep": 17.25},
    370: {"timestamp": 1_100_000_000, "weekly_average": 48.5, "last_night_average": 51.25, "status": "balanced"},
    371: {"timestamp": 1_100_000_000, "value": 52.0},
    398: {"timestamp": 1_100_000_000, "average_deviation": 0.25, "nightly_value": 33.5},
    412: {"timestamp": 1_100_000_000, "start_time": 1_099_990_000, "end_time": 1_099_995_000},
}


@pytest.mark.parametrize("number", sorted(newer.MESSAGES))
def test_newer_messages_are_what_the_sdk_wrote(number: int) -> None:
    encoder = Encoder()
    encoder.on_mesg(number, dict(WRITTEN[number]))
    (file,) = decode(bytes(encoder.close()))
    (table,) = file.tables
    assert message_name(number) == Profile["messages"][number]["name"]
    found = {column.name: column.values[0] for column in named_columns(file, table)}
    for name, value in WRITTEN[number].items():
        kind = next(f["type"] for f in Profile["messages"][number]["fields"].values() if f["name"] == name)
        own = found[name]
        if kind == "date_time":
            own = own.timestamp() - 631_065_600  # type: ignore[attr-defined]
        assert own == (tuple(value) if isinstance(value, list) else value), name


def test_the_newer_tables_say_what_the_sdks_profile_says() -> None:
    for number, (name, fields) in newer.MESSAGES.items():
        known = Profile["messages"][number]
        assert known["name"] == name
        for field_number, field in fields.items():
            theirs = known["fields"][field_number]
            assert (field.name, field.type) == (theirs["name"], theirs["type"])
            assert (field.scale or 1) == theirs["scale"][0]
            assert field.units in (theirs["units"], "s")
    not_public = {("file", 44), ("file", 49), ("file", 68)}
    for kind, names in newer.TYPES.items():
        for value, text in names.items():
            assert (kind, value) in not_public or Profile["types"][kind][value] == text
