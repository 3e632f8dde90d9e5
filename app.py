"""The entry that Chalice looks for; the API itself is `chalice_app`, shipped by `vendor/chalice_app`.

Chalice deploys every handler under its name in this module, so each is imported here.
"""

from chalice_app.api import app, sweep

__all__ = ["app", "sweep"]
