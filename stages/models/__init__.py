"""The registry: where weights and media come from, and their conversion to ONNX."""
