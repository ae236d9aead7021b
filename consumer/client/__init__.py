"""Sending and following jobs: for the command line, the demo and other programs."""
