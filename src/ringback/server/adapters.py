"""Chooses the concrete adapters: the store of artifacts and the engines."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from ringback.clock import Clock
from ringback.engines.contract import Engine
from ringback.engines.null import NullEngine
from ringback.engines.sketch.engine import SketchEngine
from ringback.engines.sketch.folders import Folder, temporary_folder
from ringback.engines.upstream.factory import Upstream
from ringback.errors import SetupError
from ringback.files.artifacts.bucket import bucket_at
from ringback.files.artifacts.contract import ArtifactStore
from ringback.files.artifacts.local import LocalArtifacts
from ringback.server.factories import ENGINES
from ringback.settings import Settings
from ringback.worker import Slot

_NULL_CONCURRENCY = 512  # its jobs cost nothing but their bookkeeping
_SKETCH_FETCHING = 8  # jobs that may fetch their inputs while others are drawn


def artifacts_for(settings: Settings, clock: Clock) -> ArtifactStore:
    """Return the store of artifacts, or raise ``SetupError``."""
    if settings.artifacts_url is None:
        return LocalArtifacts(settings.data / "artifacts")
    try:
        from ringback.files.artifacts.s3 import S3Artifacts
    except ImportError as exc:
        raise SetupError(
            "Artifacts in a bucket need another package: pip install 'ringback[s3]'."
        ) from exc
    bucket = bucket_at(
        settings.artifacts_url,
        endpoint=settings.artifacts_endpoint,
        region=settings.artifacts_region,
        path_style=settings.artifacts_path_style,
        environment=os.environ,  # the usual AWS variables
    )
    return S3Artifacts(
        bucket,
        clock=clock,
        links=settings.artifacts_links == "presigned",
        link_s=settings.artifacts_link_s,
        ca_file=settings.ca_file,
    )


def slots_for(
    settings: Settings,
    upstreams: Mapping[str, Upstream] = MappingProxyType({}),
    *,
    folder: Folder = temporary_folder,
) -> dict[str, Slot]:
    """Return the engines of this process with their concurrency, by name."""
    sketch: Engine = SketchEngine(
        processes=settings.sketch_processes, weights=_weights_of(settings), folder=folder
    )
    slots = {
        "sketch": Slot(engine=sketch, concurrency=settings.sketch_processes + _SKETCH_FETCHING),
        "null": Slot(engine=NullEngine(), concurrency=_NULL_CONCURRENCY),
        **{name: _slot_of(upstream) for name, upstream in upstreams.items()},
    }
    if unknown := [name for name in settings.worker_engines if name not in slots]:
        raise SetupError(f"There is no engine {unknown[0]}; there are {' and '.join(slots)}.")
    assert set(slots) == {*ENGINES, *upstreams}
    return {
        name: slot for name, slot in slots.items() if name in (settings.worker_engines or slots)
    }


def _weights_of(settings: Settings) -> Path | None:
    """Return the upscaling network's file, or raise ``SetupError`` if it cannot be used."""
    weights = settings.enhance_weights
    if weights is None:
        return None
    if find_spec("spandrel") is None:
        raise SetupError(
            "An upscaling network needs other packages: pip install 'ringback[neural]'."
        )
    if not weights.is_file():
        raise SetupError(f"enhance_weights names {weights}, which is not a file.")
    return weights


def _slot_of(upstream: Upstream) -> Slot:
    return Slot(
        engine=upstream.engine,
        concurrency=upstream.settings.concurrency,
        timeout_s=upstream.settings.timeout_s,
    )
