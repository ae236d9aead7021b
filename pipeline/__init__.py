"""Pixels: decoding, finding faces, swapping, encoding."""
