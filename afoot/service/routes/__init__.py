"""The routes, one file a subject. A new one is a module with a `router`, and one line here.

Every route depends on `access.allow`, or is named in PUBLIC.
"""

from afoot.service.routes import about, login

ROUTERS = (about.router, login.router)
# What anybody may ask for without a token or session, by path.
PUBLIC = frozenset({"/", "/login", "/api/v1/health"})
