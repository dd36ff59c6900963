"""`python -m dashboards.grafana`: make the committed JSON anew."""

from dashboards.grafana import write_all

write_all()
