"""The routes, one file a subject. A new one is a module with a `router`, and one line here.

Every route depends on `access.allow`, or is named in PUBLIC.
"""

from afoot.service.routes import (
    about,
    alerts,
    files,
    login,
    observations,
    operator_page,
    page_radio,
    patient_pages,
    patients,
    prescription_page,
    prescriptions,
    uploads,
    ward_pages,
)

ROUTERS = (
    about.router,
    login.router,
    files.router,
    uploads.router,
    patients.router,
    observations.router,
    alerts.router,
    prescriptions.router,
    patient_pages.router,
    page_radio.router,
    ward_pages.router,
    prescription_page.router,
    operator_page.router,
)
# What anybody may ask for without a token or session, by path.
PUBLIC = frozenset({"/", "/login", "/api/v1/health", "/offline", "/worker.js", "/app.webmanifest"})
