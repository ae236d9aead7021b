"""The protocol by which one consumer owns a job."""
