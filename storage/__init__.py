"""The bucket: keys, records, leases, inputs."""
