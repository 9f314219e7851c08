"""The adapter for ComfyUI: the operator's workflows on the operator's server."""
