"""Engines: each calls the same map and the same reduce."""
