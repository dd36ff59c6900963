"""The web application: its routes, and the layers around them."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.staticfiles import StaticFiles

import dashboards.pages
from afoot.app import App
from afoot.service.edge import Edge
from afoot.service.headers import SecureHeaders
from afoot.service.hosts import KnownHosts, known_hosts
from afoot.service.page_captures import keep_abandoned
from afoot.service.parts import Parts, make_parts
from afoot.service.patience import Patience
from afoot.service.problems import Problem, add_handlers
from afoot.service.routes import ROUTERS

log = logging.getLogger(__name__)

STATIC = Path(dashboards.pages.__file__).parent / "static"
MOST_BODY_BYTES = 1 << 20
_PROBLEMS: dict[int | str, dict[str, Any]] = {code: {"model": Problem} for code in (400, 401, 403, 404, 413, 422, 429, 503)}


def build_web(app: App, parts: Parts | None = None) -> FastAPI:
    """Return the application that serves this program. It reads the clock by `app.now_ms` alone."""
    parts = parts or make_parts(app)

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        parts.intake.start()
        try:
            # Captures are on this machine, whoever runs the jobs.
            await run_in_threadpool(keep_abandoned, app)
        except (SQLAlchemyError, OSError) as error:
            log.error("%s while keeping what pages' syncs left", type(error).__name__)
        yield
        await run_in_threadpool(parts.intake.stop)

    web = FastAPI(
        title="afoot",
        version=version("afoot"),
        description="Movement in the prescribed dose after lumbar spinal fusion. Not a medical device.",
        # Their pages load scripts from elsewhere; the description itself is a route of ours.
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        responses=_PROBLEMS,
        # Of all but files, which are not held in memory and have a limit of their own.
        max_body_size=MOST_BODY_BYTES,
        lifespan=running,
    )
    web.state.parts = parts
    add_handlers(web)
    for router in ROUTERS:
        web.include_router(router)
    web.mount("/static", StaticFiles(directory=STATIC), name="static")
    # The last added is the outermost.
    web.add_middleware(KnownHosts, hosts=known_hosts(app.settings))
    web.add_middleware(Patience, seconds=app.settings.body_seconds)
    web.add_middleware(Edge, count=parts.metrics.count_request)
    web.add_middleware(SecureHeaders, https=parts.is_https)
    return web
