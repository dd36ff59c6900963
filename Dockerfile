# afoot: `afoot serve` and every command, as a user without rights, on a pinned slim base.
FROM python:3.12.12-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY afoot afoot
COPY dashboards dashboards
COPY devices devices
COPY ingest ingest
COPY rules rules
RUN python -m venv /opt/afoot \
 && /opt/afoot/bin/pip install --no-cache-dir --disable-pip-version-check -c constraints.txt '.[postgres,parquet]'

FROM python:3.12.12-slim-bookworm
COPY --from=build /opt/afoot /opt/afoot
ENV PATH=/opt/afoot/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 AFOOT_HOME=/data
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin afoot && install -d -o afoot -g afoot -m 0700 /data
USER 10001:10001
VOLUME /data
EXPOSE 8765
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8765/api/v1/health', timeout=4)"]
ENTRYPOINT ["afoot"]
CMD ["serve"]
