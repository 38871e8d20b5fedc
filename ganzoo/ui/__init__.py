"""HTML pages over checkpoints: the gallery (one static file) and the demo (a Gradio server)."""
