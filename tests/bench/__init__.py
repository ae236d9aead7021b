"""Measurements, side by side with their references in one run: `make bench`."""
