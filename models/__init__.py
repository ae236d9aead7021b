"""Weights and sessions: finding, verifying and opening model files."""

import os

# ONNX Runtime reports what it does to its makers unless this is set before it is first imported; it is
# read once. Only this package imports it (`make lint`), and what we start inherits the variable.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
