"""Ask the server beside this process whether it reads images: `python -m inference_image.healthcheck`."""

import http
import http.client
import os
import sys

from inference_image.settings import Settings


def main() -> int:
    """Return 0 if the server answers its ping, else 1."""
    connection = http.client.HTTPConnection(
        "127.0.0.1", Settings.from_environment(os.environ).port, timeout=2
    )
    try:
        connection.request("GET", "/ping")
        return 0 if connection.getresponse().status == http.HTTPStatus.OK else 1
    except OSError:
        return 1


if __name__ == "__main__":
    sys.exit(main())
