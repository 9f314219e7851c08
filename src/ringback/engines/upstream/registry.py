"""The registry of the types of upstream engine."""

from __future__ import annotations

from ringback.engines.upstream import krea, openai_images
from ringback.engines.upstream.comfyui import adapter as comfyui
from ringback.engines.upstream.factory import ProviderType
from ringback.engines.upstream.fal import adapter as fal
from ringback.engines.upstream.replicate import adapter as replicate

TYPES: dict[str, ProviderType] = {
    "krea": krea.TYPE,
    "openai-images": openai_images.TYPE,
    "comfyui": comfyui.TYPE,
    "replicate": replicate.TYPE,
    "fal": fal.TYPE,
}
"""By the value of a table's ``type``."""
