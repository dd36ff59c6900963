"""Grafana's organisations, teams, people and permissions, against a stand-in that does what its documentation says."""

import json
import secrets
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import yaml

from dashboards.grafana import DASHBOARDS, OF_GROUPS
from dashboards.grafana_server import GrafanaError, GrafanaServer
from dashboards.grafana_sync import TEAM, CareGroup, Sync, Synced
from dashboards.provision import OPERATORS, Organisation, build_files
from tests.dashboards.grafana_double import PASSWORD, USER, GrafanaDouble, grafana_double


@pytest.fixture
def grafana() -> Iterator[GrafanaDouble]:
    with grafana_double() as double:
        yield double


def run(grafana: GrafanaDouble, *groups: CareGroup, dry_run: bool = False) -> Synced:
    server = GrafanaServer(grafana.url, USER, PASSWORD)
    return Sync(server, lambda: secrets.token_urlsafe(18), dry_run=dry_run).run(groups)


def logins(grafana: GrafanaDouble, members: Sequence[int]) -> set[str]:
    return {grafana.users[one]["login"] for one in members} - {USER}


SPINE = CareGroup("spine", ("anna.lang", "b. kern"))
DAY = CareGroup("day_clinic", ("b. kern",))


def test_each_group_has_an_organisation_of_its_own(grafana: GrafanaDouble) -> None:
    done = run(grafana, SPINE, DAY)
    assert [(one.name, one.bucket) for one in done.organisations] == [
        (OPERATORS, "afoot__operators"),
        ("spine", "afoot_spine"),
        ("day_clinic", "afoot_day_clinic"),
    ]
    for group in (SPINE, DAY):
        own = grafana.named(f"afoot_{group.name}")
        assert logins(grafana, list(own.members)) == set(group.therapists or ())
        assert {role for user, role in own.members.items() if user != 1} == {"Viewer"}
        ((number, (name, members)),) = own.teams.items()
        assert (name, logins(grafana, list(members))) == (TEAM, set(group.therapists or ()))
        assert own.folders == {"afoot": [{"teamId": number, "permission": 1}]}
    assert logins(grafana, list(grafana.organisations[1].members)) == set(), "therapists are not among operators"
    assert set(done.passwords) == {"anna.lang", "b. kern"}
    assert len(set(done.passwords.values())) == 2
    assert all(len(password) > 20 for password in done.passwords.values())
    assert not any(password in step for password in done.passwords.values() for step in done.steps)


def test_a_second_run_does_nothing(grafana: GrafanaDouble) -> None:
    run(grafana, SPINE, DAY)
    grafana.changes.clear()
    again = run(grafana, SPINE, DAY)
    assert (again.steps, again.passwords, grafana.changes) == ([], {}, [])


def test_a_dry_run_says_what_a_run_then_does_and_changes_nothing(grafana: GrafanaDouble) -> None:
    planned = run(grafana, SPINE, DAY, dry_run=True)
    assert (grafana.changes, planned.passwords) == ([], {})
    assert run(grafana, SPINE, DAY).steps == planned.steps
    more = CareGroup("spine", ("anna.lang", "cleo"))
    grafana.changes.clear()
    planned = run(grafana, more, DAY, dry_run=True)
    assert grafana.changes == []
    assert run(grafana, more, DAY).steps == planned.steps
    assert planned.steps == [
        "add user cleo",
        "organisation afoot_spine: add cleo to the team",
        "organisation afoot_spine: take b. kern out of the team",
        "organisation afoot_spine: take b. kern out",
    ]


def test_who_leaves_a_group_sees_no_more_of_it(grafana: GrafanaDouble) -> None:
    run(grafana, SPINE, DAY)
    run(grafana, CareGroup("spine", ("anna.lang",)), DAY)
    assert logins(grafana, list(grafana.named("afoot_spine").members)) == {"anna.lang"}
    assert logins(grafana, list(grafana.named("afoot_day_clinic").members)) == {"b. kern"}


def test_what_others_made_is_left_alone(grafana: GrafanaDouble) -> None:
    run(grafana, SPINE)
    own = grafana.named("afoot_spine")
    grafana.users[50] = {"login": "a.guest"}
    own.members[50] = "Viewer"
    head = grafana.find("anna.lang")
    own.members[head] = "Editor"
    run(grafana, CareGroup("spine", ("b. kern",)))
    assert own.members[50] == "Viewer"
    assert own.members[head] == "Editor", "out of the team, and what somebody made of her stays"
    assert logins(grafana, list(next(iter(own.teams.values()))[1])) == {"b. kern"}


def test_people_are_left_alone_where_nobody_says_who_they_are(grafana: GrafanaDouble) -> None:
    run(grafana, SPINE)
    assert run(grafana, CareGroup("spine")).steps == []


def test_permissions_that_somebody_widened_are_narrowed_again(grafana: GrafanaDouble) -> None:
    run(grafana, SPINE)
    folders = grafana.named("afoot_spine").folders
    before = list(folders["afoot"])
    folders["afoot"] = [*before, {"role": "Viewer", "permission": 1}]
    assert run(grafana, SPINE).steps == ["organisation afoot_spine: let the team, and nobody else, look into the folder"]
    assert folders["afoot"] == before


@pytest.mark.parametrize(
    "call",
    [
        ("POST", "/orgs"),
        ("POST", "/admin/users"),
        ("POST", "/teams"),
        ("POST", "/folders"),
        ("POST", "/folders/afoot/permissions"),
    ],
)
@pytest.mark.parametrize("status", [403, 500])
def test_what_grafana_refuses_is_said_and_the_next_run_goes_on(
    grafana: GrafanaDouble, call: tuple[str, str], status: int
) -> None:
    grafana.fail[call] = status
    with pytest.raises(GrafanaError, match=rf"Grafana: .* \(HTTP {status}\)"):
        run(grafana, SPINE, DAY)
    grafana.fail.clear()
    run(grafana, SPINE, DAY)
    assert run(grafana, SPINE, DAY).steps == []


def test_a_wrong_password_and_no_server_are_told_apart_and_not_shown(grafana: GrafanaDouble) -> None:
    with pytest.raises(GrafanaError, match="401") as raised:
        GrafanaServer(grafana.url, USER, "not-it").organisations()
    assert "not-it" not in str(raised.value)
    with pytest.raises(
        GrafanaError, match=r"Grafana at http://127\.0\.0\.1:9/grafana: .*no answer: .*AFOOT_GRAFANA_URL"
    ) as unheard:
        GrafanaServer("http://me:secret@127.0.0.1:9/grafana", USER, "not-it").organisations()
    assert "secret" not in str(unheard.value)
    with pytest.raises(ValueError, match="AFOOT_GRAFANA_URL"):
        GrafanaServer("grafana:3000", USER, PASSWORD)


ORGANISATIONS = [Organisation(1, OPERATORS, "afoot__operators"), Organisation(7, "spine", "afoot_spine")]


@pytest.fixture(scope="module")
def files() -> dict[str, Any]:
    return {
        path: yaml.safe_load(text)
        for path, text in build_files(ORGANISATIONS, "http://influxdb:8086", "https://afoot.example").items()
    }


def test_data_sources_read_one_bucket_each_by_a_token_of_their_own(files: dict[str, Any]) -> None:
    content = files["provisioning/datasources/afoot.yaml"]
    assert content["apiVersion"] == 1
    assert [
        (one["orgId"], one["jsonData"]["dbName"], one["secureJsonData"]["httpHeaderValue1"]) for one in content["datasources"]
    ] == [
        (1, "afoot__operators", "$__file{/etc/grafana/tokens/operators}"),
        (7, "afoot_spine", "$__file{/etc/grafana/tokens/spine}"),
    ]
    for one in content["datasources"]:
        assert (one["type"], one["uid"], one["access"], one["editable"]) == ("influxdb", "afoot", "proxy", False)
        assert one["jsonData"] == {"dbName": one["database"], "httpMode": "POST", "httpHeaderName1": "Authorization"}
        assert one["url"] == "http://influxdb:8086"


def test_each_organisation_has_its_dashboards_in_the_folder_that_has_permissions(files: dict[str, Any]) -> None:
    providers = files["provisioning/dashboards/afoot.yaml"]["providers"]
    assert [(one["orgId"], one["folderUid"], one["options"]["path"]) for one in providers] == [
        (1, "afoot", "/etc/grafana/dashboards/operators"),
        (7, "afoot", "/etc/grafana/dashboards/groups"),
    ]
    assert len({one["name"] for one in providers}) == 2
    assert {path for path in files if path.startswith("dashboards/")} == {
        *(f"dashboards/operators/{name}.json" for name in DASHBOARDS),
        *(f"dashboards/groups/{name}.json" for name in OF_GROUPS),
    }


def test_links_lead_to_this_afoot(files: dict[str, Any]) -> None:
    for name in OF_GROUPS:
        variables = {one["name"]: one for one in files[f"dashboards/groups/{name}.json"]["templating"]["list"]}
        assert variables["afoot_url"]["query"] == variables["afoot_url"]["current"]["value"] == "https://afoot.example"
        assert "127.0.0.1" not in json.dumps(files[f"dashboards/groups/{name}.json"])


def test_the_one_alert_speaks_when_there_is_nothing(files: dict[str, Any]) -> None:
    (group,) = files["provisioning/alerting/afoot.yaml"]["groups"]
    (rule,) = group["rules"]
    assert (group["orgId"], rule["noDataState"], rule["execErrState"]) == (1, "Alerting", "Alerting")
    names = [step["refId"] for step in rule["data"]]
    assert rule["condition"] == names[-1] == "C"
    assert [step["model"].get("expression") for step in rule["data"]] == [None, "A", "B"]
    assert rule["data"][0]["datasourceUid"] == "afoot"
    assert 'FROM "operations"' in rule["data"][0]["model"]["query"]
