"""Putting a changed face back into its frame."""
