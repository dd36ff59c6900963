"""Making Grafana's organisations, teams, users and permissions what afoot's care groups and therapists are.

What is already so is left alone, so that a second run does nothing. What somebody else made is left alone, too: only members of
afoot's own team are taken out again. A dry run asks and says, and changes nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from dashboards.grafana_server import VIEW, VIEWER, GrafanaServer
from dashboards.provision import FOLDER_TITLE, FOLDER_UID, OPERATORS, Organisation
from ingest.publishing.schema import bucket_of

TEAM = "afoot therapists"
# Grafana's own first organisation is the operators'.
FIRST = 1
_UNMADE = 0


@dataclass(frozen=True, slots=True)
class CareGroup:
    """What is wanted. therapists: logins; None: nobody said, and people are left alone"""

    name: str
    therapists: Sequence[str] | None = None


@dataclass
class Synced:
    """What was done, or would be. organisations: as they are afterwards; passwords: of users who are new"""

    steps: list[str] = field(default_factory=list)
    organisations: list[Organisation] = field(default_factory=list)
    passwords: dict[str, str] = field(default_factory=dict)


class Sync:
    """One run. new_password: makes one for each new user"""

    def __init__(self, server: GrafanaServer, new_password: Callable[[], str], *, dry_run: bool = False) -> None:
        self._server, self._new_password, self._dry_run = server, new_password, dry_run
        self._made: dict[str, int] = {}
        # Who was made in an organisation by this run belongs to it from the first.
        self._new: set[tuple[str, str]] = set()
        self.done = Synced()

    def run(self, groups: Sequence[CareGroup]) -> Synced:
        """Raises: GrafanaError where Grafana does not do its part; running again goes on from there"""
        known = self._server.organisations()
        self.done.organisations.append(Organisation(FIRST, OPERATORS, bucket_of(None)))
        for group in groups:
            name = bucket_of(group.name)
            organisation = known.get(name)
            if organisation is None:
                organisation = self._do(f"add organisation {name}", self._server.add_organisation, name)
            self.done.organisations.append(Organisation(organisation, group.name, name))
            self._organisation(group, organisation)
        return self.done

    def _do(self, said: str, call: Callable[..., Any], *arguments: Any) -> Any:
        """Do it, unless this is a dry run; what a dry run did not make has the number 0."""
        self.done.steps.append(said)
        return _UNMADE if self._dry_run else call(*arguments)

    def _organisation(self, group: CareGroup, organisation: int) -> None:
        where = f"organisation {bucket_of(group.name)}"
        server = self._server.in_organisation(organisation)
        # In a dry run there may be nothing yet to look into.
        team = server.find_team(TEAM) if organisation else None
        if team is None:
            team = self._do(f"{where}: add team {TEAM}", server.add_team, TEAM)
        if group.therapists is not None:
            self._people(group.therapists, organisation, where, server, team)
        self._folder(organisation, where, server, team)

    def _people(self, therapists: Sequence[str], organisation: int, where: str, server: GrafanaServer, team: int) -> None:
        members = {one.login: one for one in server.members(organisation)} if organisation else {}
        in_team = {one.login: one.id for one in server.team_members(team)} if team else {}
        for login in therapists:
            user = self._user(login, organisation, where)
            if login not in members and (where, login) not in self._new:
                self._do(f"{where}: add {login} as {VIEWER}", self._server.add_member, organisation, login)
            if login not in in_team:
                self._do(f"{where}: add {login} to the team", server.add_team_member, team, user)
        for login, user in in_team.items():
            if login in therapists:
                continue
            self._do(f"{where}: take {login} out of the team", server.remove_team_member, team, user)
            if login in members and members[login].role == VIEWER:
                self._do(f"{where}: take {login} out", self._server.remove_member, organisation, user)

    def _user(self, login: str, organisation: int, where: str) -> int:
        if login in self._made:
            return self._made[login]
        user = self._server.find_user(login)
        if user is None:
            password = self._new_password()
            user = int(self._do(f"add user {login}", self._server.add_user, login, password, organisation))
            self.done.passwords |= {} if self._dry_run else {login: password}
            self._new.add((where, login))
        self._made[login] = user
        return user

    def _folder(self, organisation: int, where: str, server: GrafanaServer, team: int) -> None:
        there = bool(organisation) and server.has_folder(FOLDER_UID)
        if not there:
            self._do(f"{where}: add folder {FOLDER_TITLE}", server.add_folder, FOLDER_UID, FOLDER_TITLE)
        if not there or server.folder_teams(FOLDER_UID) != {team: VIEW}:
            self._do(f"{where}: let the team, and nobody else, look into the folder", server.let_team_view, FOLDER_UID, team)
