"""Where jobs are announced."""
