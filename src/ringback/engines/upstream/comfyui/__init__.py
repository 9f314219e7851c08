"""ComfyUI: a workflow of the operator's, run by a server of the operator's."""
