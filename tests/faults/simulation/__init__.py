"""A seeded simulation of many consumers on one bucket, in virtual time; see `world`."""
