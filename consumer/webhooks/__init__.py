"""Calls to the senders of jobs that have ended."""
