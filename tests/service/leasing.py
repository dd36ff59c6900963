"""A process that runs one job over and over and writes down when: `python -m tests.service.leasing HOME URL LOG LASTS`.

LASTS is a file that says for how many milliseconds the next run lasts.
"""

import os
import sys
import time
from pathlib import Path

from afoot.app import App
from afoot.service import turns
from afoot.service.jobs import Job
from afoot.service.metrics import Metrics
from afoot.service.scheduler import Scheduler
from afoot.settings import Settings

LEASE_MS = 1200


def main() -> None:
    home, store, log, lasts = Path(sys.argv[1]), sys.argv[2], sys.argv[3], Path(sys.argv[4])
    turns.LEASE_MS, turns.RENEW_MS = LEASE_MS, 300
    app = App(Settings(home=home, store=store, durable=False))

    def run(_: App) -> None:
        lasts_ms = int(lasts.read_text())
        with open(log, "a", buffering=1) as out:
            out.write(f"begin {os.getpid()} {time.monotonic_ns()} {lasts_ms}\n")
            time.sleep(lasts_ms / 1000)
            out.write(f"end {os.getpid()} {time.monotonic_ns()} {lasts_ms}\n")

    scheduler = Scheduler(app, Metrics(), [Job("only one", lambda _: 20, run)], look_s=0.05)
    scheduler.start()
    sys.stdout.write("started\n")
    sys.stdout.flush()
    time.sleep(60)


if __name__ == "__main__":
    main()
