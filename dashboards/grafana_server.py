"""The one module that speaks with Grafana's API: organisations, users, teams, folder permissions, reading provisioned files anew.

Through the package grafana-api. Its calls of alert notifications and of data sources by number stay unused: Grafana dropped them.
Source: Grafana HTTP API: Organization, Admin, User, Team, Folder, Folder permissions
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from grafana_api.grafana_api import GrafanaClientError, GrafanaException
from grafana_api.grafana_face import GrafanaFace
from requests.exceptions import RequestException

from ingest.errors import IngestError

VIEWER, ORGANISATION_HEADER = "Viewer", "X-Grafana-Org-Id"
VIEW = 1
TIMEOUT_S = 20.0
_NOT_FOUND = 404


class GrafanaError(IngestError):
    """Grafana did not do what it was asked. Its message says what, and never a password."""


@dataclass(frozen=True, slots=True)
class Member:
    """A user, in an organisation or a team. role: within the organisation"""

    id: int
    login: str
    role: str = ""


class GrafanaServer:
    """One server, as its administrator; `in_organisation` looks into one of its organisations."""

    def __init__(self, url: str, user: str, password: str, organisation: int | None = None) -> None:
        """Raises: ValueError for a URL that is none"""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("AFOOT_GRAFANA_URL: expected http:// or https:// and a host")
        path = parts.path.strip("/")
        self._arguments = (url, user, password)
        # Without what may stand before the host: a name and a password.
        self._place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        self._face = GrafanaFace(
            auth=(user, password),
            host=parts.hostname,
            port=parts.port,
            protocol=parts.scheme,
            url_path_prefix=f"{path}/" if path else "",
            timeout=TIMEOUT_S,
        )
        if organisation is not None:
            self._face.api.s.headers[ORGANISATION_HEADER] = str(organisation)

    def in_organisation(self, organisation: int) -> "GrafanaServer":
        return GrafanaServer(*self._arguments, organisation)

    def organisations(self) -> dict[str, int]:
        """Return the id of each organisation, by name."""
        return {one["name"]: int(one["id"]) for one in self._ask("organisations", self._face.organizations.list_organization)}

    def add_organisation(self, name: str) -> int:
        made = self._ask(f"organisation {name}", self._face.organization.create_organization, {"name": name})
        return int(made["orgId"])

    def members(self, organisation: int) -> list[Member]:
        rows = self._ask("members", self._face.organizations.organization_user_list, organisation)
        return [Member(int(one["userId"]), one["login"], one["role"]) for one in rows]

    def add_member(self, organisation: int, login: str) -> None:
        self._ask("member", self._face.organizations.organization_user_add, organisation, _viewer(login))

    def remove_member(self, organisation: int, user: int) -> None:
        self._ask("member", self._face.organizations.organization_user_delete, organisation, user)

    def find_user(self, login: str) -> int | None:
        path = f"/users/lookup?loginOrEmail={quote(login, safe='')}"
        found = self._found(f"user {login}", self._face.api.GET, path)
        return None if found is None else int(found["id"])

    def add_user(self, login: str, password: str, organisation: int) -> int:
        """Make a user who belongs to that organisation alone."""
        user = {"name": login, "login": login, "password": password, "OrgId": organisation}
        return int(self._ask(f"user {login}", self._face.admin.create_user, user)["id"])

    def find_team(self, name: str) -> int | None:
        found = self._ask(f"team {name}", self._face.teams.get_team_by_name, quote(name, safe=""))
        return next((int(one["id"]) for one in found if one["name"] == name), None)

    def add_team(self, name: str) -> int:
        return int(self._ask(f"team {name}", self._face.teams.add_team, {"name": name})["teamId"])

    def team_members(self, team: int) -> list[Member]:
        rows = self._ask("team members", self._face.teams.get_team_members, team)
        return [Member(int(one["userId"]), one["login"]) for one in rows]

    def add_team_member(self, team: int, user: int) -> None:
        self._ask("team member", self._face.teams.add_team_member, team, user)

    def remove_team_member(self, team: int, user: int) -> None:
        self._ask("team member", self._face.teams.remove_team_member, team, user)

    def has_folder(self, uid: str) -> bool:
        return self._found(f"folder {uid}", self._face.folder.get_folder, uid) is not None

    def add_folder(self, uid: str, title: str) -> None:
        self._ask(f"folder {uid}", self._face.folder.create_folder, title, uid)

    def folder_teams(self, uid: str) -> dict[int, int] | None:
        """Return which team may do what in a folder; None if anybody else may do something there by a role or a name."""
        rows = self._ask(f"folder {uid}", self._face.folder.get_folder_permissions, uid)
        own = [one for one in rows if not one.get("inherited")]
        # An administrator of the organisation always may; Grafana lists that, too, in some releases.
        others = [one for one in own if not one.get("teamId") and one.get("role") != "Admin" and one.get("userLogin") != "admin"]
        return None if others else {int(one["teamId"]): int(one["permission"]) for one in own if one.get("teamId")}

    def let_team_view(self, uid: str, team: int) -> None:
        """Let this team look into the folder, and nobody else."""
        items = {"items": [{"teamId": team, "permission": VIEW}]}
        self._ask(f"folder {uid}", self._face.folder.update_folder_permissions, uid, items)

    def read_files_anew(self, kind: str) -> None:
        """kind: datasources, dashboards or alerting"""
        self._ask(f"provisioning of {kind}", self._face.api.POST, f"/admin/provisioning/{kind}/reload")

    def _found(self, what: str, call: Any, *arguments: Any) -> Any:
        """Return the answer; None if there is no such thing."""
        try:
            return self._ask(what, call, *arguments)
        except GrafanaError as error:
            cause = error.__cause__
            if isinstance(cause, GrafanaClientError) and cause.status_code == _NOT_FOUND:
                return None
            raise

    def _ask(self, what: str, call: Any, *arguments: Any) -> Any:
        try:
            return call(*arguments)
        except GrafanaException as error:
            raise GrafanaError(f"Grafana: {what}: {_said(error)} (HTTP {error.status_code})") from error
        except RequestException as error:
            checks = "does it run, and is this the address at which this machine reaches it (AFOOT_GRAFANA_URL)?"
            raise GrafanaError(f"Grafana at {self._place}: {what}: no answer: {type(error).__name__}; {checks}") from error


def _viewer(login: str) -> dict[str, str]:
    return {"loginOrEmail": login, "role": VIEWER}


def _said(error: GrafanaException) -> str:
    said = error.response.get("message", "") if isinstance(error.response, dict) else ""
    return str(said)[:200] or "it refuses"
