"""The entry that Chalice looks for; the API itself is `chalice_app`, shipped by `vendor/chalice_app`."""

from chalice_app.api import app

__all__ = ["app"]
