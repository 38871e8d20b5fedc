"""Publishing a release: model card, repository on the Hugging Face Hub, export to ONNX or PyTorch program."""
