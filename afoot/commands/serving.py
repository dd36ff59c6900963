"""afoot serve."""

from typing import Annotated

import typer

from afoot.commands.common import opened


def serve(
    host: Annotated[str | None, typer.Option("--host", help="The address to listen on; default: AFOOT_SERVE_HOST.")] = None,
    port: Annotated[
        int | None, typer.Option("--port", help="Its port, 0 for a free one; default: AFOOT_SERVE_PORT.", min=0, max=65535)
    ] = None,
) -> None:
    """Serve the pages and the API, and run what runs by itself, until stopped (Ctrl-C, or SIGTERM)."""
    from afoot.service.running import serve as serve_until_stopped  # slow to load, and no other command needs it

    with opened() as app:
        given = {name: value for name, value in (("serve_host", host), ("serve_port", port)) if value is not None}
        app.settings = app.settings.model_copy(update=given)
        serve_until_stopped(app)
