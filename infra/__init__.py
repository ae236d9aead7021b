"""What is deployed, and tools for developers; no part of the installed package."""
