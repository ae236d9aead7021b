"""What is done to one picture, step by step."""
