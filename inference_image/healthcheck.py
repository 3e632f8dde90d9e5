"""Ask the server beside this process whether it reads images: `python -m inference_image.healthcheck`."""

import os
import sys
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

from inference_image.settings import Settings

_LOOPBACKS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - of who listens on all addresses


def main() -> int:
    """Return 0 if the server answers its ping, else 1."""
    settings = Settings.from_environment(os.environ)
    host = _LOOPBACKS.get(settings.host, settings.host)
    connection = HTTPConnection(host, settings.port, timeout=2)
    try:
        connection.request("GET", "/ping")
        return 0 if connection.getresponse().status == HTTPStatus.OK else 1
    except (OSError, HTTPException):  # the latter from what speaks no HTTP
        return 1


if __name__ == "__main__":
    sys.exit(main())
