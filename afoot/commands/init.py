"""afoot init."""

import re
from pathlib import Path
from typing import Annotated

import typer

from afoot.deploying import make_deployment
from afoot.output import print_text, refusals

_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")


def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder.")],
    domain: Annotated[
        str, typer.Option("--domain", help="The name under which others reach it by HTTPS; none: only this machine.")
    ] = "",
) -> None:
    """Make the folder that docker-compose.yml runs on: random secrets, settings, folders for data. No default password."""
    with refusals():
        if domain and not _DOMAIN.fullmatch(domain):
            raise ValueError(f"--domain {domain!r}: expected a name such as afoot.example.org")
        if "'" in str(folder.resolve()) or "\n" in str(folder.resolve()) or "$" in str(folder.resolve()):
            raise ValueError("the folder's path: expected one without quotation marks, dollar signs and line ends")
        made = make_deployment(folder, domain=domain)
    for path in made:
        print_text(f"secret: {path}")
    print_text(f"docker compose --env-file {folder / '.env'} up -d")
