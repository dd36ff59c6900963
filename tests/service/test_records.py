"""What is read and said by the API: days, observations with their emergency text, alerts, prescriptions; all of it audited."""

from typing import Any

import pytest

from afoot.service.audit import list_acts
from ingest.observations import CODES, EMERGENCY
from rules import ledger, outbox
from rules.finding import Recipient
from rules.routes import add_route
from tests.service.making import Clinic, day_csv, open_alert


def of_anna(clinic: Clinic, what: str) -> str:
    return f"/api/v1/patients/{clinic.pseudonym('anna')}/{what}"


def acts(clinic: Clinic) -> list[tuple[str, str]]:
    with clinic.app.store.reading() as connection:
        return [(one.who, one.action) for one in list_acts(connection, patient_id=clinic.patients["anna"].id)]


def test_days_with_unknown_as_unknown(clinic: Clinic) -> None:
    assert clinic.get("patient/anna", of_anna(clinic, "days")).json() == []
    clinic.upload("device/anna", day_csv())
    (day,) = clinic.get("patient/anna", of_anna(clinic, "days")).json()
    assert day["summary"]["day"] == "2026-03-03"
    assert day["summary"]["unknown_min"] == 1440 - 60
    assert day["verdict"]["phase"] == "P2"  # the fifteenth day after surgery
    both = clinic.get("patient/anna", of_anna(clinic, "days"), params={"from": "2026-03-02", "to": "2026-03-03"}).json()
    assert [one["summary"]["unknown_min"] for one in both] == [1440, 1380]
    for params in ({"from": "yesterday"}, {"from": "2026-03-04", "to": "2026-03-01"}, {"from": "2020-01-01", "to": "2026-01-01"}):
        assert clinic.get("patient/anna", of_anna(clinic, "days"), params=params).status_code == 422


def test_a_warning_sign_is_answered_at_once_and_queued_in_the_same_commit(clinic: Clinic) -> None:
    add_channel(clinic)
    given = {"entries": [{"code": "chest_pain", "value": True}, {"code": "pain", "value": 6}]}
    answer = clinic.post("patient/anna", of_anna(clinic, "observations"), json=given)
    assert answer.status_code == 201
    assert answer.json()["emergency"] == EMERGENCY
    assert answer.json()["told"] is True
    with clinic.app.store.reading() as connection:
        (waiting,) = outbox.list_waiting(connection, clinic.patients["anna"].id)
    assert ":red_flag:" in waiting
    calm = clinic.post("patient/anna", of_anna(clinic, "observations"), json={"entries": [{"code": "fever", "value": False}]})
    assert (calm.json()["emergency"], calm.json()["told"]) == (None, False)


def add_channel(clinic: Clinic) -> None:
    with clinic.app.store.writing() as connection:
        add_route(connection, Recipient.THERAPIST, "json://127.0.0.1:9/ward")


def test_where_no_channel_is_set_nobody_is_told_that_a_message_is_on_its_way(clinic: Clinic) -> None:
    given, key = {"entries": [{"code": "chest_pain", "value": True}]}, {"Idempotency-Key": "once"}
    for _ in range(2):
        answer = clinic.post("patient/anna", of_anna(clinic, "observations"), json=given, headers=key)
        assert (answer.json()["emergency"], answer.json()["told"]) == (EMERGENCY, False)
    with clinic.app.store.reading() as connection:
        assert len(outbox.list_waiting(connection, clinic.patients["anna"].id)) == 1, "it waits for a channel"


def test_answers_that_come_again_are_kept_once(clinic: Clinic) -> None:
    add_channel(clinic)
    given = {"entries": [{"code": "fever", "value": True}, {"code": "pain", "value": 6}]}
    key = {"Idempotency-Key": "2b1f7f1e-8d6c-4c59-9a27-0c6f3d1c6a11"}

    def say(who: str, patient: str) -> Any:
        path = f"/api/v1/patients/{clinic.pseudonym(patient)}/observations"
        return clinic.post(who, path, json=given, headers=key)

    first, again, other = say("patient/anna", "anna"), say("patient/anna", "anna"), say("patient/bela", "bela")
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 201)
    assert again.json() == first.json()
    assert (first.json()["emergency"], first.json()["told"]) == (EMERGENCY, True)
    assert len(clinic.get("patient/anna", of_anna(clinic, "observations")).json()) == 2
    with clinic.app.store.reading() as connection:
        assert len(outbox.list_waiting(connection, clinic.patients["anna"].id)) == 1
    for bad in ("", "a key", "x" * 65):
        refused = clinic.post("patient/anna", of_anna(clinic, "observations"), json=given, headers={"Idempotency-Key": bad})
        assert refused.status_code == 422


def test_a_key_of_answers_that_could_not_be_kept_is_free_again(clinic: Clinic) -> None:
    key = {"Idempotency-Key": "one"}
    bad = {"entries": [{"code": "pain", "value": 11}]}
    assert clinic.post("patient/anna", of_anna(clinic, "observations"), json=bad, headers=key).status_code == 422
    good = {"entries": [{"code": "pain", "value": 1}]}
    assert clinic.post("patient/anna", of_anna(clinic, "observations"), json=good, headers=key).status_code == 201


def test_who_said_it_comes_from_who_asks(clinic: Clinic) -> None:
    given = {"entries": [{"code": "pain", "value": 2}], "at": "2026-03-03T20:00:00Z"}
    clinic.post("patient/anna", of_anna(clinic, "observations"), json=given)
    clinic.post("therapist/anna", of_anna(clinic, "observations"), json=given)
    found = clinic.get("therapist/anna", of_anna(clinic, "observations")).json()
    assert [(one["source"], one["entered_by"]) for one in found] == [
        ("patient", "patient of anna"),
        ("clinic", "therapist of anna"),
    ]
    fixed = {"entries": [{"code": "pain", "value": 4}], "corrects": found[0]["number"]}
    assert clinic.post("patient/anna", of_anna(clinic, "observations"), json=fixed).status_code == 201
    assert clinic.post("patient/anna", of_anna(clinic, "observations"), json=fixed).status_code == 409
    gone = clinic.web.delete(of_anna(clinic, f"observations/{found[1]['number']}"), headers=clinic.headers("therapist/anna"))
    assert gone.json()["withdrawn"] is True
    stands = clinic.get("patient/anna", of_anna(clinic, "observations"), params={"code": "pain"}).json()
    assert [(one["value"], one["at"]) for one in stands] == [(4, "2026-03-03T20:00:00Z")]


@pytest.mark.parametrize(
    "given",
    [
        {"entries": []},
        {"entries": [{"code": "pain", "value": 11}]},
        {"entries": [{"code": "pain"}]},
        {"entries": [{"code": "nothing", "value": 1}]},
        {"entries": [{"code": "pain", "value": 1}], "at": "2030-01-01T00:00:00Z"},
        {"entries": [{"code": "pain", "value": 1}], "at": "soon"},
        {"entries": [{"code": "pain", "value": 1}], "source": "clinic"},
        {"entries": [{"code": "note", "detail": {"text": 5}}, {"code": "pain", "value": "x"}]},
    ],
)
def test_what_cannot_be_said_is_refused_whole(clinic: Clinic, given: Any) -> None:
    answer = clinic.post("patient/anna", of_anna(clinic, "observations"), json=given)
    assert answer.status_code == 422
    assert (
        "expected" in answer.json()["detail"] or "should" in answer.json()["detail"] or "not permitted" in answer.json()["detail"]
    )
    assert clinic.get("patient/anna", of_anna(clinic, "observations")).json() == []


def test_every_question_is_listed(clinic: Clinic) -> None:
    assert [one["code"] for one in clinic.get("patient/anna", "/api/v1/questions").json()] == list(CODES)


def test_alerts_are_seen_taken_on_and_put_to_rest(clinic: Clinic) -> None:
    with clinic.app.store.writing() as connection:
        alert = open_alert(connection, clinic.patients["anna"], clinic.app.now_ms())
    (seen,) = clinic.get("patient/anna", of_anna(clinic, "alerts"), params={"open": True}).json()
    assert (seen["alert"], seen["patient"], seen["because"]) == (alert, clinic.pseudonym("anna"), "fewer steps")
    assert (seen["coverage"], seen["measured"], seen["thresholds"]) == (0.9, {"steps": 7}, {"share": 0.5})
    taken = clinic.post("therapist/anna", f"/api/v1/alerts/{alert}/ack", json={"note": "called; a cold"}).json()
    assert (taken["state"], taken["acknowledged_by"], taken["note"]) == ("acknowledged", "therapist of anna", "called; a cold")
    assert clinic.post("therapist/anna", "/api/v1/alerts/nonsense/ack", json={"note": "x"}).status_code == 404
    rest = {"rule": "sudden_drop", "until": "2026-03-09T08:00:00Z", "why": "a cold"}
    assert clinic.post("therapist/anna", of_anna(clinic, "snooze"), json=rest).status_code == 201
    assert clinic.get("patient/anna", of_anna(clinic, "snoozes")).json() == [rest | {"by": "therapist of anna"}]
    assert clinic.post("therapist/anna", of_anna(clinic, "snooze"), json=rest | {"rule": "none"}).status_code == 422
    with clinic.app.store.reading() as connection:
        assert len(ledger.list_snoozes(connection, clinic.patients["anna"].id, clinic.app.now_ms())) == 1


def test_a_prescription_is_versioned_and_tried_before(clinic: Clinic) -> None:
    clinic.upload("device/anna", day_csv())
    tried = clinic.post("therapist/anna", of_anna(clinic, "prescription/preview"), json={"changes": {"cadence_cap_spm": 60}})
    assert tried.status_code == 200
    assert {one["rule"]: one["alerts"] for one in tried.json()["rules"]}["too_brisk"] >= 1
    assert {one["rule"]: one["alerts_as_it_is"] for one in tried.json()["rules"]}["too_brisk"] == 0
    new = {"effective": "2026-03-05", "reason": "walks well", "changes": {"P1.walks_per_day": 4}}
    made = clinic.web.put(of_anna(clinic, "prescription"), json=new, headers=clinic.headers("therapist/anna"))
    assert (made.status_code, made.json()["version"], made.json()["author"]) == (201, 2, "therapist of anna")
    versions = clinic.get("patient/anna", of_anna(clinic, "prescription")).json()
    assert [one["version"] for one in versions] == [1, 2]
    for wrong in (new | {"reason": " "}, new | {"changes": {"P1.nothing": 1}}, new | {"changes": {"P1.walks_per_day": "many"}}):
        refused = clinic.web.put(of_anna(clinic, "prescription"), json=wrong, headers=clinic.headers("therapist/anna"))
        assert refused.status_code == 422
    assert len(clinic.get("patient/anna", of_anna(clinic, "prescription")).json()) == 2


def test_every_read_of_a_person_and_every_change_is_in_the_audit(clinic: Clinic) -> None:
    before = len(acts(clinic))
    kinds = ("days", "imports", "devices", "observations", "alerts", "snoozes", "prescription")
    for what in kinds:
        clinic.get("therapist/anna", of_anna(clinic, what))
    clinic.get("therapist/anna", "/api/v1/patients")
    clinic.post("patient/anna", of_anna(clinic, "observations"), json={"entries": [{"code": "pain", "value": 1}]})
    clinic.upload("device/anna", day_csv())
    clinic.get("therapist/bela", of_anna(clinic, "days"))
    therapist = "therapist of anna"
    assert acts(clinic)[before:] == [
        *(
            (therapist, f"read {what}")
            for what in ("days", "imports", "devices", "observations", "alerts", "snoozes", "prescription")
        ),
        (therapist, "read list of patients"),
        ("patient of anna", "change observations"),
        ("device of anna", "change files"),
    ]
    told = clinic.get("operator/", "/api/v1/audit").json()
    assert told[-1] | {"at": ""} == {
        "at": "",
        "who": "device of anna",
        "role": "device",
        "did": "change files",
        "patient": clinic.pseudonym("anna"),
    }
