"""A stand-in for Grafana's API, over HTTP: no Grafana runs here. It does what is documented of the calls that afoot makes.

Source: Grafana HTTP API documentation: Organization, Admin, User, Team, Folder, Folder permissions, Admin provisioning
"""

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

USER, PASSWORD = "admin", "a-password-of-the-tests"


class Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Organisation:
    def __init__(self, name: str) -> None:
        self.name = name
        self.members: dict[int, str] = {1: "Admin"}  # who makes one administers it
        self.teams: dict[int, tuple[str, set[int]]] = {}
        self.folders: dict[str, list[dict[str, Any]]] = {}


class GrafanaDouble:
    """State, and what was asked. fail: calls to answer otherwise, by method and path"""

    def __init__(self) -> None:
        self.organisations = {1: Organisation("Main Org.")}
        self.users: dict[int, dict[str, Any]] = {1: {"login": USER}}
        self.changes: list[str] = []
        self.reloads: list[str] = []
        self.fail: dict[tuple[str, str], int] = {}
        self.url = ""

    def named(self, name: str) -> Organisation:
        return next(one for one in self.organisations.values() if one.name == name)

    def answer(self, method: str, target: str, headers: Any, body: Any) -> Any:
        expected = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if headers.get("Authorization") != f"Basic {expected}":
            raise Refused(401, "Invalid username or password")
        parts = urlsplit(target)
        path = unquote(parts.path).removeprefix("/grafana/api")
        if (method, path) in self.fail:
            raise Refused(self.fail[method, path], "as the test wants it")
        number = int(headers.get("X-Grafana-Org-Id", 1))
        if number not in self.organisations:
            raise Refused(404, "organization not found")
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        for asked, pattern, call in ROUTES:
            found = re.fullmatch(pattern, path)
            if asked == method and found:
                if method != "GET":
                    self.changes.append(f"{method} {path}")
                return call(self, self.organisations[number], query, body or {}, *found.groups())
        raise Refused(404, f"not found: {method} {path}")

    def find(self, login: str) -> int:
        for number, user in self.users.items():
            if user["login"] == login:
                return number
        raise Refused(404, "user not found")


def _list(g: GrafanaDouble, own: Organisation, query: Any, body: Any) -> Any:
    return [{"id": number, "name": one.name} for number, one in g.organisations.items()]


def _add_organisation(g: GrafanaDouble, own: Organisation, query: Any, body: Any) -> Any:
    if any(one.name == body["name"] for one in g.organisations.values()):
        raise Refused(409, "Organization name taken")
    number = max(g.organisations) + 1
    g.organisations[number] = Organisation(body["name"])
    return {"orgId": str(number), "message": "Organization created"}


def _members(g: GrafanaDouble, own: Organisation, query: Any, body: Any, number: str) -> Any:
    members = g.organisations[int(number)].members
    return [{"orgId": int(number), "userId": one, "login": g.users[one]["login"], "role": role} for one, role in members.items()]


def _add_member(g: GrafanaDouble, own: Organisation, query: Any, body: Any, number: str) -> Any:
    user, members = g.find(body["loginOrEmail"]), g.organisations[int(number)].members
    if user in members:
        raise Refused(409, "User is already member of this organization")
    members[user] = body["role"]
    return {"message": "User added to organization", "userId": user}


def _remove_member(g: GrafanaDouble, own: Organisation, query: Any, body: Any, number: str, user: str) -> Any:
    del g.organisations[int(number)].members[int(user)]
    return {"message": "User removed from organization"}


def _lookup(g: GrafanaDouble, own: Organisation, query: Any, body: Any) -> Any:
    number = g.find(query["loginOrEmail"])
    return {"id": number, **g.users[number]}


def _add_user(g: GrafanaDouble, own: Organisation, query: Any, body: Any) -> Any:
    if len(body["password"]) < 4:
        raise Refused(400, "Missing or too short password")
    number = max(g.users) + 1
    g.users[number] = {"login": body["login"], "password": body["password"]}
    g.organisations[body["OrgId"]].members[number] = "Viewer"
    return {"id": number, "message": "User created"}


def _search_teams(g: GrafanaDouble, own: Organisation, query: Any, body: Any) -> Any:
    teams = [{"id": number, "name": name} for number, (name, _) in own.teams.items() if name == query["name"]]
    return {"totalCount": len(teams), "teams": teams, "page": 1, "perPage": 1000}


def _add_team(g: GrafanaDouble, own: Organisation, query: Any, body: Any) -> Any:
    number = 1 + max((one for each in g.organisations.values() for one in each.teams), default=0)
    own.teams[number] = (body["name"], set())
    return {"message": "Team created", "teamId": number, "uid": f"t{number}"}


def _team_members(g: GrafanaDouble, own: Organisation, query: Any, body: Any, team: str) -> Any:
    return [{"userId": one, "login": g.users[one]["login"], "teamId": int(team)} for one in sorted(own.teams[int(team)][1])]


def _add_team_member(g: GrafanaDouble, own: Organisation, query: Any, body: Any, team: str) -> Any:
    if body["userId"] not in own.members:
        raise Refused(400, "user is not a member of this organization")
    if body["userId"] in own.teams[int(team)][1]:
        raise Refused(400, "User is already added to this team")
    own.teams[int(team)][1].add(body["userId"])
    return {"message": "Member added to Team"}


def _remove_team_member(g: GrafanaDouble, own: Organisation, query: Any, body: Any, team: str, user: str) -> Any:
    own.teams[int(team)][1].remove(int(user))
    return {"message": "Team Member removed"}


def _folder(g: GrafanaDouble, own: Organisation, query: Any, body: Any, uid: str) -> Any:
    if uid not in own.folders:
        raise Refused(404, "folder not found")
    return {"uid": uid, "title": uid}


def _add_folder(g: GrafanaDouble, own: Organisation, query: Any, body: Any) -> Any:
    if body["uid"] in own.folders:
        raise Refused(412, "the folder has been changed by someone else")
    # A new folder lets viewers view and editors edit.
    own.folders[body["uid"]] = [{"role": "Editor", "permission": 2}, {"role": "Viewer", "permission": 1}]
    return {"uid": body["uid"], "title": body["title"]}


def _permissions(g: GrafanaDouble, own: Organisation, query: Any, body: Any, uid: str) -> Any:
    empty = {"teamId": 0, "userId": 0, "userLogin": "", "inherited": False}
    return [empty | one for one in own.folders[uid]]


def _set_permissions(g: GrafanaDouble, own: Organisation, query: Any, body: Any, uid: str) -> Any:
    for one in body["items"]:
        if one.get("teamId") not in own.teams:
            raise Refused(400, "team not found")
    own.folders[uid] = body["items"]
    return {"message": "Dashboard permissions updated"}


def _reload(g: GrafanaDouble, own: Organisation, query: Any, body: Any, kind: str) -> Any:
    g.reloads.append(kind)
    return {"message": f"{kind} config reloaded"}


ROUTES: list[tuple[str, str, Callable[..., Any]]] = [
    ("GET", "/orgs", _list),
    ("POST", "/orgs", _add_organisation),
    ("GET", r"/orgs/(\d+)/users", _members),
    ("POST", r"/orgs/(\d+)/users", _add_member),
    ("DELETE", r"/orgs/(\d+)/users/(\d+)", _remove_member),
    ("GET", "/users/lookup", _lookup),
    ("POST", "/admin/users", _add_user),
    ("GET", "/teams/search", _search_teams),
    ("POST", "/teams", _add_team),
    ("GET", r"/teams/(\d+)/members", _team_members),
    ("POST", r"/teams/(\d+)/members", _add_team_member),
    ("DELETE", r"/teams/(\d+)/members/(\d+)", _remove_team_member),
    ("GET", r"/folders/([\w-]+)", _folder),
    ("POST", "/folders", _add_folder),
    ("GET", r"/folders/([\w-]+)/permissions", _permissions),
    ("POST", r"/folders/([\w-]+)/permissions", _set_permissions),
    ("POST", r"/admin/provisioning/(datasources|dashboards|alerting)/reload", _reload),
]


@contextmanager
def grafana_double() -> Iterator[GrafanaDouble]:
    double = GrafanaDouble()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            try:
                status, content = 200, double.answer(self.command, self.path, self.headers, body)
            except Refused as error:
                status, content = error.status, {"message": str(error)}
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    double.url = f"http://127.0.0.1:{server.server_port}/grafana"
    try:
        yield double
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
