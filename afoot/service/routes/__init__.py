"""The routes, one file a subject. A new one is a module with a `router`, and one line here.

Every route depends on `access.allow`, or is named in PUBLIC.
"""

from afoot.service.routes import about, login, operator_page, patient_pages, prescription_page, ward_pages

ROUTERS = (
    about.router,
    login.router,
    patient_pages.router,
    ward_pages.router,
    prescription_page.router,
    operator_page.router,
)
# What anybody may ask for without a token or session, by path.
PUBLIC = frozenset({"/", "/login", "/api/v1/health", "/offline", "/worker.js", "/app.webmanifest"})
