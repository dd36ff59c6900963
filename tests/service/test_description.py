"""The API against its own description: whatever is sent is answered as that says, and never with a fault."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)

from rules import ledger
from tests.service.making import Clinic, day_csv, open_alert, open_clinic
from tests.service.test_matrix import MATRIX

EXAMPLES = int(os.environ.get("AFOOT_TEST_EXAMPLES", "5"))
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    with open_clinic(
        tmp_path_factory.mktemp("described") / "home", uploads_per_minute=1_000_000, serve_url="http://testserver"
    ) as opened:
        opened.upload("device/anna", day_csv())
        yield opened


def described(clinic: Clinic) -> Any:
    answer = clinic.get("operator/", "/api/v1/openapi.json")
    assert answer.status_code == 200
    return answer.json()


def test_every_operation_is_described(ward: Clinic) -> None:
    for path, operations in described(ward)["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (path, method)
            assert operation["description"], (path, method)
            assert operation.get("security") or path == "/api/v1/health", (path, method)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=lambda mode: mode.value)
def test_whatever_is_sent_is_answered_as_described(ward: Clinic, mode: GenerationMode) -> None:
    """Made requests to each operation, right or wrong, by one who may, to places that exist, so that some get through."""
    with ward.app.store.writing() as connection:
        ledger.forget(connection, ward.patients["anna"].id)
        alert = open_alert(connection, ward.patients["anna"], ward.app.now_ms())
    started = {"Tus-Resumable": "1.0.0", "Upload-Length": "99", "Upload-Metadata": "filename YQ=="}
    upload = ward.post("device/anna", "/api/v1/uploads", headers=started).headers["location"].rpartition("/")[2]
    places = {"upload": upload, "patient": ward.pseudonym("anna"), "alert": alert}
    headers = ward.headers("operator/")
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", without_start(ward.web.app), headers=headers)
    for result in schema.get_all_operations():
        operation = result.ok()
        attack(operation, mode, places, ward.headers(one_who_may(operation.method, operation.path)))


def one_who_may(method: str, path: str) -> str:
    may = MATRIX[method.upper(), path].may
    return next(who for who in ("therapist/anna", "device/anna", "operator/") if who.partition("/")[0] in may)


@schemathesis.serializer("application/offset+octet-stream")
def as_it_is(_: Any, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def without_start(app: Any) -> Any:
    """The application runs already: whoever asks it to start is told that it has."""

    async def asked(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        for _ in range(2):
            told = await receive()
            await send({"type": f"{told['type']}.complete"})

    return asked


def attack(operation: Any, mode: GenerationMode, places: dict[str, str], headers: dict[str, str]) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def each(case: Any) -> None:
        case.path_parameters = {name: places.get(name, value) for name, value in (case.path_parameters or {}).items()}
        answer = case.call(headers=headers)
        case.validate_response(answer, checks=CHECKS)
        answered.append(answer.status_code)

    answered: list[int] = []
    try:
        each()
    except Unsatisfiable:
        # There is no wrong way to ask for what takes nothing.
        assert mode is GenerationMode.NEGATIVE
    else:
        assert answered
