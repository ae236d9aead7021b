"""Swap engines behind one port."""
