"""`chalice local`, without the 40 ms that each answer waits for, and with the schedule that AWS keeps.

Chalice's development server writes headers and body apart, so that Nagle's algorithm holds the body back
until the client's delayed acknowledgement of the headers (RFC 1122, 4.2.3.2). It also never calls what is
scheduled: here a thread sweeps every LEGIBLE_SWEEP_SECONDS, 60 unless set.
"""

import contextlib
import os
import threading
import time

from chalice.cli import main
from chalice.local import ChaliceRequestHandler
from chalice.test import TestEventsClient

from chalice_app.problems import Problem


def sweep_for_ever(seconds: float) -> None:
    """Do what EventBridge does on AWS."""
    from app import app, sweep  # noqa: PLC0415  Chalice sets its environment before it is imported

    while True:
        time.sleep(seconds)
        event = TestEventsClient(app).generate_cw_event("aws.events", "Scheduled Event", {}, [])
        with contextlib.suppress(Problem):  # the store is away; it has been logged
            sweep(event, None)


if __name__ == "__main__":
    ChaliceRequestHandler.disable_nagle_algorithm = True
    every = float(os.environ.get("LEGIBLE_SWEEP_SECONDS", "60"))
    threading.Thread(target=sweep_for_ever, args=(every,), daemon=True).start()
    main()
