"""Odd videos, each made by code, and a judge that sends them through whole jobs."""
