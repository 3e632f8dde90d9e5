"""Engines: each hands the same splits to the same map, and the results to the same reduce."""
