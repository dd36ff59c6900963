"""afoot grafana."""

from typing import Annotated

import typer

from afoot.commands.common import Json, opened
from afoot.output import print_json, print_text

grafana = typer.Typer(help="Grafana: organisations, people and dashboards.", no_args_is_help=True)


@grafana.command("sync")
def sync(
    therapist: Annotated[
        list[str] | None,
        typer.Option(
            "--therapist",
            metavar="LOGIN=GROUP",
            help="Who looks into which group; may be given again. Others are taken out. Without any, people are left alone.",
        ),
    ] = None,
    accounts: Annotated[
        bool, typer.Option("--accounts", help="As --therapist, for every therapist's account of `afoot user`, with its groups.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    json: Json = False,
) -> None:
    """Make Grafana what the care groups are: an organisation, a team, a data source, dashboards for each. Again does nothing."""
    if accounts and therapist is not None:
        raise typer.BadParameter("expected --therapist or --accounts, found both", param_hint="--accounts")
    with opened() as app:
        # Imported where it is used: the clients take a while, which other commands would spend for nothing.
        from afoot.grafana_syncing import list_therapists, sync_grafana

        wanted = list_therapists(app) if accounts else therapist
        outcome = sync_grafana(app, _by_group(wanted), dry_run=dry_run)
    if json:
        print_json({"dry_run": dry_run, "steps": outcome.steps, "passwords": [str(path) for path in outcome.passwords]})
        return
    for step in outcome.steps:
        print_text(f"{'would ' if dry_run else ''}{step}")
    for path in outcome.passwords:
        print_text(f"first password of {path.name}: {path}; hand it over and delete the file")
    if not outcome.steps:
        print_text("Grafana is as it should be")


def _by_group(pairs: list[str] | None) -> dict[str, list[str]] | None:
    """Raises: ValueError for a pair that is none"""
    if pairs is None:
        return None
    found: dict[str, list[str]] = {}
    for pair in pairs:
        login, sign, group = pair.rpartition("=")
        if not sign or not login.strip() or login != login.strip() or "/" in login or not group:
            raise ValueError(f"therapist {pair!r}: expected LOGIN=GROUP, and no / in it")
        found.setdefault(group, []).append(login)
    return found
