"""The tables, the same on SQLite and PostgreSQL.

What people said and what arrived is the record: patients, zones, devices, prescriptions, archive, imports. Everything below
`DERIVED` can be made again from it by one command. Every table leads with the patient, so that they can be distributed by it.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

SCHEMA_VERSION = 1

metadata = MetaData()

about = Table("about", metadata, Column("key", String, primary_key=True), Column("value", String, nullable=False))

patients = Table(
    "patients",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("pseudonym", String, nullable=False, unique=True),
    Column("zone", String, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    # The number of a patient who was erased is never another's: the audit still names it, and what was under way when they
    # were erased must come to nobody.
    sqlite_autoincrement=True,
)

zones = Table(
    "zones",
    metadata,
    Column("patient_id", ForeignKey("patients.id"), primary_key=True),
    Column("from_ms", BigInteger, primary_key=True),
    Column("zone", String, nullable=False),
)

care_groups = Table(
    "care_groups",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("title", String, nullable=False),
)

group_patients = Table(
    "group_patients",
    metadata,
    Column("patient_id", ForeignKey("patients.id"), primary_key=True),
    Column("group_id", ForeignKey("care_groups.id"), nullable=False),
)

devices = Table(
    "devices",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("patient_id", ForeignKey("patients.id"), nullable=False),
    Column("key", String, nullable=False),
    Column("vendor", String, nullable=False),
    Column("model", String, nullable=False),
    Column("serial", String),
    Column("name", String, nullable=False),
    Column("priority", Integer, nullable=False),
    UniqueConstraint("patient_id", "key"),
)
# A serial number is one device in the world, so of one patient; a name such as "iPhone" is not.
Index(
    "devices_by_serial",
    devices.c.key,
    unique=True,
    sqlite_where=devices.c.serial.is_not(None),
    postgresql_where=devices.c.serial.is_not(None),
)

prescriptions = Table(
    "prescriptions",
    metadata,
    Column("patient_id", ForeignKey("patients.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("effective", Date, nullable=False),
    Column("body", JSON, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)

objects = Table(
    "objects",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("data", LargeBinary, comment="zstd; null where the object is a file beside the store"),
)

imports = Table(
    "imports",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("patient_id", ForeignKey("patients.id"), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("name", String, nullable=False),
    Column("options", JSON, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("state", String, nullable=False, comment="archived | done | refused"),
    Column("readers", String, nullable=False),
    Column("error", Text, nullable=False),
    Column("inserted", BigInteger, nullable=False),
    Column("changed", BigInteger, nullable=False),
    Column("unchanged", BigInteger, nullable=False),
    UniqueConstraint("patient_id", "hash"),
)

rejects = Table(
    "rejects",
    metadata,
    Column("import_id", ForeignKey("imports.id"), primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("place", Text, nullable=False),
    Column("expected", Text, nullable=False),
    Column("found", Text, nullable=False),
    Column("count", BigInteger, nullable=False),
)

observations = Table(
    "observations",
    metadata,
    Column("patient_id", ForeignKey("patients.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("code", String, nullable=False),
    Column("value", Integer, comment="1 and 0 for yes and no; null where the code has none, and of one taken back"),
    Column("detail", JSON, nullable=False),
    Column("source", String, nullable=False),
    Column("entered_by", String, nullable=False),
    Column("entered_ms", BigInteger, nullable=False),
    Column("replaces", Integer, comment="the number of the one that this corrects"),
    Column("withdrawn", Boolean, nullable=False, comment="what it replaces was not so, and nothing stands for it"),
    UniqueConstraint("patient_id", "replaces"),
)
Index("observations_by_time", observations.c.patient_id, observations.c.code, observations.c.at_ms)

care_log = Table(
    "care_log",
    metadata,
    Column("patient_id", ForeignKey("patients.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("kind", String, nullable=False, comment="review, or the kind of contact"),
    Column("minutes", Integer, nullable=False),
    Column("live", Boolean, nullable=False),
    Column("note", Text, nullable=False),
    Column("entered_by", String, nullable=False),
    Column("entered_ms", BigInteger, nullable=False),
    Column("replaces", Integer, comment="the number of the one that this corrects"),
    Column("withdrawn", Boolean, nullable=False, comment="what it replaces was not so, and nothing stands for it"),
    UniqueConstraint("patient_id", "replaces"),
)
Index("care_log_by_time", care_log.c.patient_id, care_log.c.at_ms)

wearables = Table(
    "wearables",
    metadata,
    Column("id", String, primary_key=True, comment="of the device itself: a wearable is one patient's"),
    Column("patient_id", ForeignKey("patients.id"), nullable=False, index=True),
    Column("address", String, nullable=False),
    Column("name", String, nullable=False),
    Column("codec", String, nullable=False),
    Column("cursor", JSON, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("key", String, comment="hex; what the device wants to hear before it tells anything"),
    Column("battery", Integer),
    Column("charging", Boolean),
    Column("tried_ms", BigInteger),
    Column("synced_ms", BigInteger),
    Column("problem", String, nullable=False),
    Column("hint", String, nullable=False),
)

minutes = Table(
    "minutes",
    metadata,
    Column("patient_id", ForeignKey("patients.id"), primary_key=True),
    Column("device_id", ForeignKey("devices.id"), primary_key=True),
    Column("metric", String, primary_key=True),
    Column("day", Integer, primary_key=True, comment="UTC days since 1970"),
    Column("block", LargeBinary, nullable=False),
    Column("evidence", LargeBinary, comment="null where the minutes alone tell all"),
    Column("resolution_s", Integer, nullable=False),
    Column("unplaced", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("low", Integer, nullable=False),
    Column("high", Integer, nullable=False),
    Column("first", Integer, nullable=False),
    Column("last", Integer, nullable=False),
)

spans = Table(
    "spans",
    metadata,
    Column("patient_id", ForeignKey("patients.id"), primary_key=True),
    Column("device_id", ForeignKey("devices.id"), primary_key=True),
    Column("kind", String, primary_key=True),
    Column("start_ms", BigInteger, primary_key=True),
    Column("end_ms", BigInteger, nullable=False),
    Column("attributes", Text, nullable=False, comment="JSON with sorted keys: equal attributes are equal texts"),
)

offsets = Table(
    "offsets",
    metadata,
    Column("patient_id", ForeignKey("patients.id"), primary_key=True),
    Column("device_id", ForeignKey("devices.id"), primary_key=True),
    Column("at_ms", BigInteger, primary_key=True),
    Column("offset_s", Integer, nullable=False),
)

totals = Table(
    "totals",
    metadata,
    Column("patient_id", ForeignKey("patients.id"), primary_key=True),
    Column("device_id", ForeignKey("devices.id"), primary_key=True),
    Column("metric", String, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

hours = Table(
    "vendor_hours",
    metadata,
    Column("patient_id", ForeignKey("patients.id"), primary_key=True),
    Column("device_id", ForeignKey("devices.id"), primary_key=True),
    Column("metric", String, primary_key=True),
    Column("start_ms", BigInteger, primary_key=True),
    Column("end_ms", BigInteger, nullable=False),
    Column("value", BigInteger, nullable=False),
)

# Somebody looked at what was set aside, and says that the device was right. Its key, for a device may go and come again.
trusted = Table(
    "trusted_devices",
    metadata,
    Column("patient_id", ForeignKey("patients.id"), primary_key=True),
    Column("device_key", String, primary_key=True),
    Column("start_ms", BigInteger, primary_key=True),
    Column("end_ms", BigInteger, nullable=False),
    Column("entered_ms", BigInteger, nullable=False),
)

dirty_days = Table(
    "dirty_days",
    metadata,
    Column("patient_id", ForeignKey("patients.id"), primary_key=True),
    Column("day", Integer, primary_key=True, comment="UTC days since 1970"),
    Column("marks", Integer, nullable=False, comment="how often it changed since it was judged"),
)

unpublished_days = Table(
    "unpublished_days",
    metadata,
    Column("patient_id", ForeignKey("patients.id"), primary_key=True),
    Column("day", Integer, primary_key=True, comment="UTC days since 1970; -1: what is no day's, such as alerts"),
    Column("marks", Integer, nullable=False, comment="how often it changed since it was published"),
)

# What lies in the databases that dashboards read. These rows outlive their patient: they say what is still to be deleted there.
published_patients = Table(
    "published_patients",
    metadata,
    Column("bucket", String, primary_key=True),
    Column("pseudonym", String, primary_key=True),
    Column("is_known", Boolean, nullable=False, comment="false: delete all of it first"),
    Column("facts", String, nullable=False, comment="by what its facts were published"),
    Column("basis", String, nullable=False, comment="by what its days were published, beside their minutes"),
)

published_days = Table(
    "published_days",
    metadata,
    Column("bucket", String, primary_key=True),
    Column("pseudonym", String, primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False, comment="as in unpublished_days"),
    Column("digest", String, nullable=False, comment="of its lines; empty while they are being written"),
    Column("presence", LargeBinary, nullable=False, comment="which points and fields may lie there"),
    Column("refused", Integer, nullable=False, comment="lines that the database does not take"),
    Column("reason", Text, nullable=False, comment="why, and which line is the first"),
)

published_buckets = Table(
    "published_buckets",
    metadata,
    Column("bucket", String, primary_key=True),
    Column("run", String, nullable=False, comment="what the mark in the bucket says"),
    Column("next_run", String, nullable=False, comment="what it says once the run that is under way has ended"),
)

publisher = Table(
    "publisher",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("holder", String, nullable=False, comment="who publishes now; empty: nobody"),
    Column("until_ms", BigInteger, nullable=False, comment="when the holder counts as gone"),
    Column("succeeded_ms", BigInteger),
    Column("failed_ms", BigInteger),
    Column("failures", Integer, nullable=False, comment="in a row"),
    Column("behind_ms", BigInteger, comment="since when what waits could not be published; null: it could"),
    Column("next_ms", BigInteger, nullable=False, comment="not before"),
    Column("error", Text, nullable=False),
)

DERIVED = (minutes, spans, offsets, totals, hours, rejects)
