"""Files come in: in pieces that can be resumed, by the tus protocol 1.0.0 (https://tus.io/protocols/resumable-upload).

Core, creation, expiration and termination. The last piece is answered when the file is safe in the store.
"""

import base64
import binascii
import re
from email.utils import formatdate
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Message
from typing_extensions import TypedDict

from afoot.output import instant
from afoot.plain import PlainOutcome, plain_outcome
from afoot.service import partial
from afoot.service.access import Principal, Sender, may_see, patient_of_id
from afoot.service.bodies import STREAMED_BYTES, Body, checked_name, checked_size
from afoot.service.partial import Busy, Growing, Upload
from afoot.service.parts import Parts, TheParts
from afoot.service.problems import Problem, Refusal
from afoot.service.routes.files import check_still, hold_back, import_body, owner_of, uploads_folder
from devices.files.source import FileSource
from ingest.people import Patient

VERSION = {"Tus-Resumable": "1.0.0"}
EXTENSIONS = "creation,expiration,termination"
CONTENT_TYPE = "application/offset+octet-stream"
_SYNC_BYTES = 1 << 20
_RAW = {"required": True, "content": {CONTENT_TYPE: {"schema": {"type": "string", "format": "binary"}}}}


def _header(name: str, what: str, schema: dict[str, Any], *, needed: bool = True) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": needed, "description": what, "schema": schema}


_TUS = _header("Tus-Resumable", "version of the protocol", {"type": "string", "const": "1.0.0"})
_BYTES = {"type": "integer", "minimum": 0}
_BEGIN = {
    "parameters": [
        _TUS,
        _header("Upload-Length", "bytes that it will have", _BYTES | {"minimum": 1}),
        _header("Upload-Metadata", "keys, each with base64 of its value", {"type": "string"}),
    ]
}
_GO_ON = {"parameters": [_TUS, _header("Upload-Offset", "bytes that arrived by now", _BYTES)], "requestBody": _RAW}
_MORE: dict[int | str, dict[str, Any]] = {code: {"model": Problem} for code in (409, 412, 415, 423, 507)}

router = APIRouter(prefix="/api/v1/uploads", tags=["resumable uploads"], responses=_MORE)
Id = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="as Location said it")]


class State(TypedDict):
    """How far an upload is. outcome: null until all of it arrived and was imported."""

    offset: int
    size: int
    expires: str
    outcome: PlainOutcome | None


@router.post("", status_code=201, response_class=Response, openapi_extra=_BEGIN)
async def create(request: Request, parts: TheParts, who: Sender) -> Response:
    """Begin an upload. Upload-Metadata holds filename and, if wanted, sha256 (hex) and patient (a pseudonym)."""
    _check_version(request)
    said = read_metadata(request.headers.get("upload-metadata", ""))
    if "upload-length" not in request.headers:
        raise Refusal(400, "Upload-Length: expected the number of bytes")
    folder = uploads_folder(parts)
    size = checked_size(request.headers["upload-length"], parts.app.settings.upload_mb << 20, folder)
    if not size:
        raise Refusal(422, "Upload-Length: expected a file, found nothing")
    name, sha256 = checked_name(said.get("filename", "")), said.get("sha256", "").lower() or None
    if sha256 is not None and not re.fullmatch("[0-9a-f]{64}", sha256):
        raise Refusal(422, "sha256: expected 64 hexadecimal digits")
    owner = await run_in_threadpool(owner_of, parts, who, said.get("patient"))
    hold_back(parts, who, request)
    made = await run_in_threadpool(_add, parts, who, owner, name, size, sha256)
    location = f"{router.prefix}/{made.id}"
    return Response(status_code=201, headers=VERSION | {"Location": location, "Upload-Expires": _expires(made)})


@router.options("", status_code=204, response_class=Response)
async def options(parts: TheParts, _: Sender) -> Response:
    """Say what of the protocol is spoken."""
    most = str(parts.app.settings.upload_mb << 20)
    headers = {"Tus-Version": "1.0.0", "Tus-Extension": EXTENSIONS, "Tus-Max-Size": most}
    return Response(status_code=204, headers=VERSION | headers)


@router.head("/{upload}", response_class=Response, openapi_extra={"parameters": [_TUS]})
async def head(request: Request, parts: TheParts, who: Sender, upload: Id) -> Response:
    """Say how many bytes arrived: these are on the disk."""
    _check_version(request)
    found = await run_in_threadpool(find, parts, who, upload)
    offset = await run_in_threadpool(_synced_offset, parts, found)
    told = {"Upload-Offset": str(offset), "Upload-Length": str(found.size), "Upload-Expires": _expires(found)}
    return Response(headers=VERSION | told)


@router.get("/{upload}")
async def state(parts: TheParts, who: Sender, upload: Id) -> State:
    """Say how far it is, and what became of it."""
    found = await run_in_threadpool(find, parts, who, upload)
    offset = await run_in_threadpool(_synced_offset, parts, found)
    return {"offset": offset, "size": found.size, "expires": instant(found.expires_ms), "outcome": found.outcome}


@router.patch("/{upload}", status_code=204, response_class=Response, openapi_extra=_GO_ON, max_body_size=STREAMED_BYTES)
async def append(request: Request, parts: TheParts, who: Sender, upload: Id) -> Response:
    """Take the next piece, from Upload-Offset on. Answers when it is on the disk, and, of the last, in the store."""
    _check_version(request)
    if request.headers.get("content-type", "") != CONTENT_TYPE:
        raise Refusal(415, f"Content-Type: expected {CONTENT_TYPE}")
    checked_size(request.headers.get("content-length"), parts.app.settings.upload_mb << 20, uploads_folder(parts))
    found = await run_in_threadpool(find, parts, who, upload)
    if found.outcome is not None:
        _check_offset(request, found.size)
        return _appended(found, found.size)
    try:
        with partial.growing(uploads_folder(parts), upload) as file:
            _check_offset(request, file.offset)
            await _receive(request, file, found.size)
            await finish(request, parts, who, found, file)
            return _appended(found, file.offset)
    except Busy as error:
        raise Refusal(423, "another request writes to this upload") from error


def _appended(upload: Upload, offset: int) -> Response:
    told = {"Upload-Offset": str(offset), "Upload-Expires": _expires(upload)}
    return Response(status_code=204, headers=VERSION | told)


@router.delete("/{upload}", status_code=204, response_class=Response, openapi_extra={"parameters": [_TUS]})
async def give_up(request: Request, parts: TheParts, who: Sender, upload: Id) -> Response:
    """Give an upload up; what was imported stays."""
    _check_version(request)
    await run_in_threadpool(find, parts, who, upload)
    await run_in_threadpool(_drop, parts, upload)
    return Response(status_code=204, headers=VERSION)


async def _receive(request: Request, file: Growing, size: int) -> None:
    """Append what comes. Raises: Refusal if it is more than was announced, or stalls; what came by then is kept."""
    pending = bytearray()
    receive = request.receive
    more, stalled = True, None
    while more:
        try:
            message: Message = await receive()
        except Refusal as error:
            message, stalled = {"type": "http.disconnect"}, error
        # Whoever hangs up may resume: what came is kept, and `more` ends.
        more = message["type"] == "http.request" and message.get("more_body", False)
        pending += message.get("body", b"")
        if file.offset + len(pending) > size:
            raise Refusal(413, f"expected at most {size:,} bytes in all")
        if len(pending) >= _SYNC_BYTES or not more:
            await run_in_threadpool(file.append, bytes(pending))
            pending.clear()
    await run_in_threadpool(file.sync)
    if stalled is not None:
        raise stalled


async def finish(request: Request, parts: Parts, who: Principal, upload: Upload, file: Growing) -> None:
    """Import an upload of which all bytes are there; nothing if some are not. Its bytes are in the store afterwards.

    Raises: Refusal if they are not what the sender says that they hash to, or who sends may no longer: the upload is given up
    """
    if file.offset < upload.size:
        return
    if upload.sha256 is not None and (found := await run_in_threadpool(file.sha256)) != upload.sha256:
        await run_in_threadpool(_drop, parts, upload.id)
        raise Refusal(422, f"sha256: expected {found}, the hash of what arrived; begin anew")
    owner = await run_in_threadpool(_owner, parts, upload)
    try:
        await run_in_threadpool(check_still, parts, request, who, owner)
    except Refusal:
        await run_in_threadpool(_drop, parts, upload.id)  # else the job would import it nevertheless
        raise
    outcome = await import_body(parts, who, owner, Body(FileSource(file.path, upload.name), upload.size, upload.sha256 or ""))
    await run_in_threadpool(_end, parts, upload, plain_outcome(outcome))


def find(parts: Parts, who: Principal, id_: str) -> Upload:
    """Raises: Refusal (404) if there is none, or it is another's"""
    with parts.app.store.reading() as connection:
        found = partial.find_upload(connection, id_)
        if found is None or (found.who, found.role) != (who.name, who.role) or not may_see(connection, who, found.patient_id):
            raise Refusal(404, "upload: there is none of that id", headers=VERSION)
    return found


def read_metadata(text: str) -> dict[str, str]:
    """Return the pairs of Upload-Metadata. Raises: Refusal"""
    said = {}
    for pair in filter(None, (one.strip() for one in text.split(","))):
        key, _, value = pair.partition(" ")
        try:
            said[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, ValueError) as error:
            raise Refusal(400, "Upload-Metadata: expected pairs of a key and base64 of UTF-8") from error
    return said


def _check_version(request: Request) -> None:
    if request.headers.get("tus-resumable") != VERSION["Tus-Resumable"]:
        raise Refusal(412, "Tus-Resumable: expected 1.0.0", headers={"Tus-Version": "1.0.0"})


def _check_offset(request: Request, offset: int) -> None:
    told = request.headers.get("upload-offset", "")
    if not (told.isascii() and told.isdigit() and len(told) < 19):
        raise Refusal(400, "Upload-Offset: expected a whole number of bytes")
    if int(told) != offset:
        raise Refusal(409, f"Upload-Offset: expected {offset}, found {int(told)}")


def _add(parts: Parts, who: Principal, owner: Patient, name: str, size: int, sha256: str | None) -> Upload:
    with parts.app.store.writing() as connection:
        made = partial.add_upload(connection, owner.id, who.name, who.role.value, name, size, sha256, parts.app.now_ms())
    if made is None:
        raise Refusal(429, "too many uploads of this patient are not complete: go on with them, or delete them", wait_s=3600)
    partial.path_of(uploads_folder(parts), made.id).touch(mode=0o600)
    return made


def _synced_offset(parts: Parts, upload: Upload) -> int:
    if upload.outcome is not None:
        return upload.size
    try:
        with partial.growing(uploads_folder(parts), upload.id) as file:
            file.sync()
            return file.offset
    except Busy as error:
        raise Refusal(423, "another request writes to this upload", headers=VERSION) from error


def _owner(parts: Parts, upload: Upload) -> Patient:
    with parts.app.store.reading() as connection:
        return patient_of_id(connection, upload.patient_id)


def _end(parts: Parts, upload: Upload, outcome: PlainOutcome) -> None:
    with parts.app.store.writing() as connection:
        partial.end_upload(connection, upload.id, outcome)
    partial.path_of(uploads_folder(parts), upload.id).unlink(missing_ok=True)


def _drop(parts: Parts, id_: str) -> None:
    with parts.app.store.writing() as connection:
        partial.drop_upload(connection, id_)
    partial.path_of(uploads_folder(parts), id_).unlink(missing_ok=True)


def _expires(upload: Upload) -> str:
    return formatdate(upload.expires_ms / 1000, usegmt=True)
