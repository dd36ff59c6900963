"""Exports made by hand, in the way Apple writes them."""

from datetime import datetime

WATCH = (
    "&lt;&lt;HKDevice: {address}&gt;, name:Apple Watch, manufacturer:Apple Inc., model:Watch,"
    " hardware:Watch6,2, software:{version}&gt;"
)
PHONE = (
    "&lt;&lt;HKDevice: {address}&gt;, name:iPhone, manufacturer:Apple Inc., model:iPhone,"
    " hardware:iPhone12,1, software:{version}&gt;"
)
DTD = """<!DOCTYPE HealthData [
<!-- HealthKit Export Version: 12 -->
<!ELEMENT HealthData (ExportDate,Me,(Record|Correlation|Workout|ActivitySummary|ClinicalRecord|VisionPrescription)*)>
<!ATTLIST HealthData
  locale CDATA #REQUIRED
>
<!ELEMENT Record ((MetadataEntry|HeartRateVariabilityMetadataList)*)>
<!ATTLIST Record
  type          CDATA #REQUIRED
>
<!-- Note: Any Records that appear as children of a correlation also appear as top-level records in this document. -->
]>
"""
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n' + DTD + '<HealthData locale="en_US">\n'
TAIL = "</HealthData>\n"
STEPS, HEART_RATE = "HKQuantityTypeIdentifierStepCount", "HKQuantityTypeIdentifierHeartRate"
SLEEP = "HKCategoryTypeIdentifierSleepAnalysis"
UNITS = {STEPS: "count", HEART_RATE: "count/min"}


def export(*elements: str, head: str = HEAD, tail: str = TAIL) -> bytes:
    return (head + "".join(elements) + tail).encode()


def record(
    kind: str,
    start: str,
    end: str,
    value: object,
    *,
    source: str = "Eva’s Apple\N{NO-BREAK SPACE}Watch",
    device: str | None = WATCH,
    unit: str | None = None,
    address: str = "0x282a45810",
    version: str = "9.1",
    children: str = "",
) -> str:
    parts = [f'type="{kind}"', f'sourceName="{source}"', f'sourceVersion="{version}"']
    if device:
        parts.append(f'device="{device.format(address=address, version=version)}"')
    if unit or kind in UNITS:
        parts.append(f'unit="{unit or UNITS[kind]}"')
    parts += [f'creationDate="{end}"', f'startDate="{start}"', f'endDate="{end}"', f'value="{value}"']
    return f" <Record {' '.join(parts)}" + (f">\n{children} </Record>\n" if children else "/>\n")


def metadata(key: str, value: str) -> str:
    return f'  <MetadataEntry key="{key}" value="{value}"/>\n'


def ms(text: str) -> int:
    """The instant of `2023-03-26 08:15:00 +0200`, by the standard library."""
    return round(datetime.strptime(text, "%Y-%m-%d %H:%M:%S %z").timestamp() * 1000)
