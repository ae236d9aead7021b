"""Swap engines on the networks of the inswapper kind: an aligned crop and an identity in, a crop out."""
