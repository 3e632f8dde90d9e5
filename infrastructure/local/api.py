"""`chalice local`, without the 40 ms that each answer waits for.

Chalice's development server writes headers and body apart, so that Nagle's algorithm holds the body back
until the client's delayed acknowledgement of the headers (RFC 1122, 4.2.3.2). Switching it off is all that
this adds.
"""

from chalice.cli import main
from chalice.local import ChaliceRequestHandler

if __name__ == "__main__":
    ChaliceRequestHandler.disable_nagle_algorithm = True
    main()
