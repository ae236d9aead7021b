"""The contract between the consumer and the Worker, made from the consumer's own types, and its cases."""
