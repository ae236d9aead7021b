"""Odd files, each made by code, and a judge that sends them through decoding, a swap and encoding."""
