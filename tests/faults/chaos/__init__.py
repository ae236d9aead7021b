"""`make chaos`: many jobs, consumers killed at random, a store that fails at random; nothing may be lost."""
