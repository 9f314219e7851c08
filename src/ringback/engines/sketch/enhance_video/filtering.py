"""A chain of FFmpeg's filters, frame by frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction

from av import VideoFrame
from av.error import BlockingIOError as Waiting
from av.error import EOFError as Ended
from av.filter import Graph
from av.video.format import VideoFormat

Filter = tuple[str, Mapping[str, str]]
"""The name of a filter and its options."""


class FilterChain:
    """Filters one after the other; some hold back frames to look ahead."""

    def __init__(
        self, filters: Iterable[Filter], *, size: tuple[int, int], pix_fmt: str, time_base: Fraction
    ) -> None:
        self._graph = Graph()
        self._graph.threads = 1
        last = self._graph.add_buffer(
            width=size[0], height=size[1], format=VideoFormat(pix_fmt), time_base=time_base
        )
        for name, options in filters:
            following = self._graph.add(name, **options)
            last.link_to(following)
            last = following
        # Some filters know fewer formats, and the graph converts for them.
        form = self._graph.add("format", pix_fmts=pix_fmt)
        last.link_to(form)
        form.link_to(self._graph.add("buffersink"))
        self._graph.configure()

    def run(self, frames: Iterable[VideoFrame]) -> Iterator[VideoFrame]:
        """Yield the filtered frames, each as soon as it is ready."""
        for frame in frames:
            self._graph.push(frame)
            yield from self._ready()
        self._graph.push(None)
        yield from self._ready()

    def _ready(self) -> Iterator[VideoFrame]:
        while True:
            try:
                frame = self._graph.pull()
            except (Waiting, Ended):
                return
            assert isinstance(frame, VideoFrame)
            yield frame
