"""What the service counts, for Prometheus. No label holds a patient, an account or a file; docs/operator.md lists them all."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ingest.collect.files import Outcome

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """A registry of its own, so that two services in one process count apart."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()

        def counter(name: str, what: str, *labels: str) -> Counter:
            return Counter(name, what, labels, registry=self.registry)

        self.requests = counter("afoot_requests", "Answers, by method, route and status.", "method", "route", "status")
        self.logins = counter("afoot_logins", "Sign-ins, by how they ended.", "result")
        self.uploads = counter("afoot_uploads", "Uploads, by what became of them.", "result")
        self.upload_bytes = counter("afoot_upload_bytes", "Bytes of uploads that were stored.")
        self.upload_seconds = Histogram(
            "afoot_upload_seconds", "From the last byte of an upload to its commit.", registry=self.registry
        )
        self.waiting = Gauge("afoot_uploads_waiting", "Uploads that wait to be stored.", registry=self.registry)
        self.page_syncs = counter("afoot_page_syncs", "Syncs over the radio of a patient's page, by how they ended.", "end")
        self.page_syncs_open = Gauge("afoot_page_syncs_open", "Syncs over a page's radio that go on.", registry=self.registry)
        self.jobs = counter("afoot_jobs", "Runs of jobs, by name and how they ended.", "job", "result")
        self.job_seconds = Gauge("afoot_job_seconds", "How long a job's last run took.", ["job"], registry=self.registry)
        self.job_good = Gauge(
            "afoot_job_last_success_timestamp_seconds", "When a job last ended well.", ["job"], registry=self.registry
        )

    def count_request(self, method: str, route: str, status: int) -> None:
        self.requests.labels(method if method in _METHODS else "other", route, str(status)).inc()

    def count_upload(self, outcome: Outcome, size: int) -> None:
        result = "refused" if outcome.refused else "known" if outcome.known else "new"
        self.uploads.labels(result).inc()
        self.upload_bytes.inc(size)

    def count_job(self, name: str, began_ms: int, ended_ms: int, *, failed: bool) -> None:
        self.jobs.labels(name, "failed" if failed else "good").inc()
        self.job_seconds.labels(name).set((ended_ms - began_ms) / 1000)
        if not failed:
            self.job_good.labels(name).set(ended_ms / 1000)

    def text(self) -> bytes:
        """Return all of it in Prometheus' text form."""
        return generate_latest(self.registry)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "WEBSOCKET"})
