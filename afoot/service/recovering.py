"""Uploads of which every byte arrived, but whose import was cut short: they are imported when nobody else does it."""

from afoot.app import App
from afoot.plain import plain_outcome
from afoot.service import audit, partial
from afoot.service.partial import Busy, Upload, growing, path_of
from devices.files.reader import ReadOptions
from devices.files.source import FileSource
from ingest import people
from ingest.collect.files import import_files
from ingest.people import Patient


def import_complete(app: App) -> int:
    """Import what is complete and that no request is at work on; returns how many."""
    folder = app.settings.uploads_folder
    with app.store.reading() as connection:
        found = partial.list_open(connection)
        patients = {one.id: one for one in people.list_patients(connection)} if found else {}
    done = 0
    for upload in found:
        # Where several machines share a store, each has the files that came to it.
        if upload.patient_id in patients and path_of(folder, upload.id).exists():
            done += _import(app, patients[upload.patient_id], upload)
    return done


def _import(app: App, patient: Patient, upload: Upload) -> bool:
    try:
        with growing(app.settings.uploads_folder, upload.id) as file:
            wrong = upload.sha256 is not None and file.offset == upload.size and file.sha256() != upload.sha256
            if file.offset < upload.size or wrong:
                return False
            source = FileSource(file.path, upload.name)
            options = ReadOptions(people.checked_zone(patient.zone))
            (outcome,) = import_files(app.store, app.archive, patient, [source], options, app.now_ms())
            if not outcome.hash:
                return False  # it could not be kept; the bytes stay where they are
            with app.store.writing() as connection:
                act = audit.Act(app.now_ms(), upload.who, upload.role, "change files", patient.id)
                audit.note(connection, [act])
                partial.end_upload(connection, upload.id, plain_outcome(outcome))
            file.path.unlink()
    except Busy:
        return False
    return True
