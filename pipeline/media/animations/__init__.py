"""Animated GIF, PNG and WebP, a frame at a time."""
