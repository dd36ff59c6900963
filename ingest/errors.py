"""What can go wrong between a recording and the store, grouped by how one recovers."""


class IngestError(Exception):
    """Root of the errors this room raises."""


class NotKnown(IngestError):
    """A patient, device or import of that name is not in the store."""


class NoSuchPatient(NotKnown):
    """There is no patient of that name."""


class Conflict(IngestError):
    """What was asked contradicts what the store holds (a device of another patient, a name that is taken)."""


class DamagedStore(IngestError):
    """Bytes in the store or archive are not what was written there. Rebuild from the archive, or restore a backup."""


class BadBackup(IngestError):
    """A backup cannot be written or read whole. Write it again, or take another one."""
