"""Erasing one patient: nothing that was kept of them stays, but that they were erased."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from sqlalchemy import Connection, Table, delete, select, text

from afoot.app import STATE, App
from afoot.service import accounts, audit, partial
from afoot.service import tables as service_tables
from afoot.service.dropping import folders_of
from afoot.service.roles import Role
from ingest import ledger, tables
from ingest.collect.pairing import captures_of
from ingest.people import Patient
from ingest.wearables import list_wearables
from rules import outbox

# What else is to be done in the same transaction, such as queueing the erasure of what was published elsewhere.
HOOKS: tuple[Callable[[Connection, Patient], None], ...] = ()
# The audit says who looked at the patient of that number, which is nobody's any more.
KEPT = (service_tables.audit,)


def erase_patient(app: App, patient: Patient, by: str) -> None:
    """Erase all that is kept of a patient, in one transaction; files of theirs go right after it.

    Raw bytes stay where another patient's import rests on the same ones.
    """
    is_sqlite = app.store.engine.dialect.name == "sqlite"
    with app.store.writing() as connection:
        if is_sqlite:
            # Else the bytes would stay in free pages until something else is written there.
            connection.execute(text("PRAGMA secure_delete=ON"))
        for hook in HOOKS:
            hook(connection, patient)
        hashes = [entry.hash for entry in ledger.list_imports(connection, patient.id)]
        worn = {one.paired.id for one in list_wearables(connection, [patient.id])}
        uploads = _delete_rows(connection, patient)
        audit.note(connection, [audit.Act(app.now_ms(), by, Role.OPERATOR.value, "erase patient", patient.id)])
        for digest in hashes:
            app.archive.drop_unused(connection, digest)
    for path in (*_files(app, patient, uploads), *captures_of(app.settings.radio_folder, worn)):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    if is_sqlite:
        with app.store.engine.connect() as connection:
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))


def _delete_rows(connection: Connection, patient: Patient) -> list[str]:
    """Delete every row of the patient, in whichever table; returns the ids of uploads, whose files are to go."""
    found = service_tables.accounts
    for account_id, name in connection.execute(select(found.c.id, found.c.name).where(found.c.patient_id == patient.id)).all():
        audit.forget_names(connection, [name], Role.PATIENT.value)
        accounts.remove_account(connection, account_id)
    labels = select(service_tables.tokens.c.role, service_tables.tokens.c.label)
    for role, label in connection.execute(labels.where(service_tables.tokens.c.patient_id == patient.id)).all():
        audit.forget_names(connection, [label], role)
    uploads = service_tables.uploads
    ids = list(connection.execute(select(uploads.c.id).where(uploads.c.patient_id == patient.id)).scalars())
    outbox.erase_patient(connection, patient.id)
    mine = select(tables.imports.c.id).where(tables.imports.c.patient_id == patient.id)
    connection.execute(delete(tables.rejects).where(tables.rejects.c.import_id.in_(mine)))
    for table in _tables_of_patients():
        connection.execute(delete(table).where(table.c.patient_id == patient.id))
    connection.execute(delete(tables.patients).where(tables.patients.c.id == patient.id))
    return ids


def _tables_of_patients() -> Iterator[Table]:
    """Every table that says of which patient a row is, those that refer to others first."""
    for metadata in (*STATE, tables.metadata):
        for table in reversed(metadata.sorted_tables):
            if "patient_id" in table.c and table not in KEPT:
                yield table


def _files(app: App, patient: Patient, uploads: list[str]) -> Iterator[Path]:
    for id_ in uploads:
        yield partial.path_of(app.settings.uploads_folder, id_)
    if app.settings.drop is not None:
        yield from (folder for folder in folders_of(app.settings.drop, patient) if folder.is_dir())
