"""Weights and sessions: finding, verifying and opening model files."""
