"""Pictures in and out: sniffing, decoding, encoding."""
