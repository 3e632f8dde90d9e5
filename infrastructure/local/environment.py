"""The variables of what runs on this machine: the person's own, but for those that lead away from it."""

import os
from collections.abc import Mapping

from infrastructure.local.settings import HOST

_LEADING_AWAY = ("AWS_", "UVICORN_", "PYTHONPATH", "PYTHONHOME")


def with_own(variables: Mapping[str, str], inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the inherited variables with further ones.

    Without the person's AWS_…: a session's token does not go with the store's key, and a profile may name
    another endpoint. Nor UVICORN_…, which are options of the page's server, nor other modules than those of
    this environment. And no proxy, of whichever protocol, is asked for what listens here.
    """
    kept = {name: value for name, value in inherited.items() if not name.startswith(_LEADING_AWAY)}
    return {**kept, "NO_PROXY": HOST, "no_proxy": HOST, **variables}
