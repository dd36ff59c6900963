"""FIT files, of whatever kind, to recordings."""

from collections.abc import Iterator, Sequence

from devices.files.fit.activity import read_heart_rate, read_sessions
from devices.files.fit.container import MAX_BYTES, FitFile, decode
from devices.files.fit.device import FileId, read_file_id
from devices.files.fit.local_time import read_clock
from devices.files.fit.messages import (
    MONITORING,
    MONITORING_HR_DATA,
    NAP_EVENT,
    RECORD,
    SESSION,
    SLEEP_LEVEL,
    STRESS_LEVEL,
)
from devices.files.fit.monitoring import read_monitoring
from devices.files.fit.profile import type_name
from devices.files.fit.wellness import read_naps, read_off_wrist, read_resting_heart_rate, read_sleep
from devices.files.reader import ReadOptions, SingleFile
from devices.files.source import Source, read_all
from devices.recording import Counter, Device, Recording, Reject, Rejects, Span, Stream, VendorTotal

_MOVEMENT = (MONITORING, MONITORING_HR_DATA, NAP_EVENT, RECORD, SESSION, SLEEP_LEVEL, STRESS_LEVEL)


class FitReader(SingleFile):
    """Monitoring, activities and sleep of Garmin and every other maker that writes FIT."""

    name = "fit"

    def identify(self, name: str, head: bytes, members: Sequence[str]) -> bool:
        return not members and len(head) >= 12 and head[0] >= 12 and head[8:12] == b".FIT"

    def read(self, source: Source, options: ReadOptions) -> Iterator[Recording | Reject]:
        """Yield a recording for each FIT file in the input that holds movement, leniently."""
        data = read_all(source, MAX_BYTES)
        rejects = Rejects()
        file_id = _NO_FILE_ID
        for file in decode(data, rejects=rejects):
            # What a chest strap stored is chained on without a file_id of its own: it belongs to the file before it.
            own = read_file_id(file)
            file_id = own or file_id
            if file.of(*_MOVEMENT):
                recording = _read_file(file, file_id, options, rejects)
                if recording.streams or recording.spans or recording.offsets or recording.totals:
                    yield recording
            else:
                rejects.add(f"byte {file.start}", "a file that holds movement, heart rate or sleep", _kind(own))
        yield from rejects.drain()


_NO_FILE_ID = FileId(None, Device("unknown"))


def _read_file(file: FitFile, file_id: FileId, options: ReadOptions, rejects: Rejects) -> Recording:
    """Return what the file's messages say.

    By its messages rather than by its type: makers differ in whether sleep and stress have files of their own.
    """
    clock = read_clock(file, options.zone, rejects)
    streams: list[Stream] = []
    spans: list[Span] = []
    totals: list[VendorTotal] = []
    if file.of(MONITORING):
        monitoring = read_monitoring(file, clock, rejects)
        streams += monitoring.streams
        totals += monitoring.totals
    if file.of(MONITORING_HR_DATA):
        totals += read_resting_heart_rate(file, clock)
    if file.of(SESSION, RECORD):
        spans += read_sessions(file, rejects)
        heart_rate = read_heart_rate(file, rejects)
        streams += [heart_rate] if heart_rate is not None else []
    if file.of(SLEEP_LEVEL):
        spans += read_sleep(file)
    if file.of(NAP_EVENT):
        spans += read_naps(file)
    if file.of(STRESS_LEVEL):
        spans += read_off_wrist(file)
    offsets = clock.offsets(_last_s(streams))
    return Recording(file_id.device, tuple(streams), tuple(spans), offsets, tuple(totals))


def _last_s(streams: Sequence[Stream]) -> int | None:
    """Return the last second that the streams speak of; None if they are empty."""
    ends = [
        int((samples.at_ms if isinstance(samples, Counter) else samples.end_ms).max()) // 1000
        for samples in (stream.samples for stream in streams)
        if len(samples.value)
    ]
    return max(ends, default=None)


def _kind(own: FileId | None) -> str:
    if own is None or own.type is None:
        return "a file without a type"
    return f"a file of type {own.type}: {type_name('file', own.type) or 'not in the profile'}"
