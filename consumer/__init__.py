"""Time and work: triggers, scheduling, retries, drain, health, metrics, the command line."""
