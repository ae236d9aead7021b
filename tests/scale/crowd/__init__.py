"""A crowd of consumers on one inbox, counted in virtual time; see `crowd`."""
