"""Legible on AWS: one stage is made, changed, shown and removed."""
