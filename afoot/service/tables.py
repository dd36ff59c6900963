"""What the service keeps beside the record: who may come in, who did what, what is being uploaded, which job runs where.

No secret is in it: passwords, tokens and sessions are kept as hashes.
"""

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Index, Integer, MetaData, String, Table, Text

service_metadata = MetaData()

accounts = Table(
    "accounts",
    service_metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("role", String, nullable=False),
    Column("patient_id", Integer, comment="of a patient's account: whose"),
    Column("password", String, nullable=False, comment="scrypt, with its parameters and salt"),
    Column("created_ms", BigInteger, nullable=False),
)
Index("accounts_by_patient", accounts.c.patient_id)

account_groups = Table(
    "account_groups",
    service_metadata,
    Column("account_id", ForeignKey("accounts.id"), primary_key=True),
    Column("group_id", Integer, primary_key=True, autoincrement=False),
)

tokens = Table(
    "tokens",
    service_metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", String(64), nullable=False, unique=True, comment="SHA-256 of the token"),
    Column("role", String, nullable=False),
    Column("label", String, nullable=False),
    Column("patient_id", Integer, comment="of a patient's or a device's token: whose"),
    Column("created_ms", BigInteger, nullable=False),
    Column("used_ms", BigInteger, comment="to the hour; null: never"),
)
Index("tokens_by_patient", tokens.c.patient_id)

token_groups = Table(
    "token_groups",
    service_metadata,
    Column("token_id", ForeignKey("tokens.id"), primary_key=True),
    Column("group_id", Integer, primary_key=True, autoincrement=False),
)

sessions = Table(
    "sessions",
    service_metadata,
    Column("digest", String(64), primary_key=True, comment="SHA-256 of the cookie's value"),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
)
Index("sessions_by_account", sessions.c.account_id)

audit = Table(
    "audit",
    service_metadata,
    Column("id", Integer, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("who", String, nullable=False, comment="account, or label of a token"),
    Column("role", String, nullable=False),
    Column("action", String, nullable=False, comment="read or change, and of what"),
    Column("patient_id", Integer, comment="a number that means nothing once the patient is erased"),
)
Index("audit_by_time", audit.c.at_ms)
Index("audit_by_patient", audit.c.patient_id, audit.c.at_ms)

uploads = Table(
    "uploads",
    service_metadata,
    Column("id", String(32), primary_key=True),
    Column("patient_id", Integer, nullable=False),
    Column("who", String, nullable=False),
    Column("role", String, nullable=False),
    Column("name", Text, nullable=False),
    Column("size", BigInteger, nullable=False, comment="bytes that it will have"),
    Column("sha256", String(64), comment="what the sender says that its bytes hash to"),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("outcome", JSON(none_as_null=True), comment="null until its bytes are imported"),
)
Index("uploads_by_patient", uploads.c.patient_id)

said_once = Table(
    "said_once",
    service_metadata,
    Column("patient_id", Integer, primary_key=True, autoincrement=False),
    Column("key", String(64), primary_key=True, comment="made by the phone on which it was answered"),
    Column("at_ms", BigInteger, nullable=False),
    Column("numbers", JSON, nullable=False, comment="of the observations that it became"),
    Column("told", Boolean, nullable=False, comment="a message of a warning sign was on its way"),
)

jobs = Table(
    "jobs",
    service_metadata,
    Column("name", String, primary_key=True),
    Column("next_ms", BigInteger, nullable=False, comment="when it is due"),
    Column("holder", String, nullable=False, comment="the process that runs it; empty: none"),
    Column("until_ms", BigInteger, nullable=False, comment="its lease: whoever comes after may take it"),
    Column("failures", Integer, nullable=False, comment="in a row"),
    Column("started_ms", BigInteger),
    Column("ended_ms", BigInteger),
    Column("good_ms", BigInteger, comment="when it last ended well"),
    Column("problem", String, nullable=False, comment="the kind of error, never its text: that may hold names"),
)
