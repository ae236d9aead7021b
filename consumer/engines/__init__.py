"""Which engines there are, which are open, and how their files get here."""
