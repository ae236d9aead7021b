"""Threads that work, and the bytes they may hold."""
