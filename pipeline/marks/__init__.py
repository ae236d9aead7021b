"""What a result says of how it was made."""
