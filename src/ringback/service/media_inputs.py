"""The files that a request may name: one verdict for every door.

A text is a URL of this server's file, under any name and spelling; a data URI, decoded here; or a
URL to fetch later. The API's bodies, forms of the page, runs of node apps and MCP all ask here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Container, Iterable, Mapping
from typing import Any, NamedTuple

from ringback.egress.data_uris import DataUri, is_data_uri, read_data_uri
from ringback.egress.policy import TargetPolicy, check_target
from ringback.egress.url import parse_target
from ringback.errors import FetchError, FieldError, InvalidMedia
from ringback.files.artifacts.contract import ArtifactStore, StoredArtifact
from ringback.files.artifacts.names import artifact_url, content_name, input_name, is_stem
from ringback.files.artifacts.own_urls import OwnUrls
from ringback.files.assets.store import AssetStore
from ringback.files.media.content import UNKNOWN
from ringback.files.media.parsing import sniff
from ringback.ids import new_artifact_stem
from ringback.service.assets import FILE_BYTES_MAX, Remote
from ringback.service.request_files import RequestFiles

INLINE_LENGTH_MAX = 4_096
"""Characters of a data URI that stay in the job; the file of a longer one is stored beside it."""


Media = StoredArtifact | DataUri | Remote


class StoredMedia(NamedTuple):
    """The files of a request, stored where they have to be."""

    urls: dict[str, str]  # by the texts that named them
    files: list[str]  # the names of those that are stored for it
    contents: dict[str, str]  # the names of their contents, by their URLs


class MediaInputs:
    """Reads and checks the files that a request names."""

    def __init__(
        self, own: OwnUrls, *, artifacts: ArtifactStore, assets: AssetStore, policy: TargetPolicy
    ) -> None:
        self._own = own
        self._artifacts = artifacts
        self._assets = assets
        self._policy = policy

    async def read(self, text: str, *, path: str, workspace_id: str, base_url: str) -> Media:
        """Return the file that a text names; no request is sent.

        Raises ``InvalidRequest`` with the path for a wrong data URI, a file of this server that is
        gone or another workspace's asset, and a URL that may never be fetched.
        """
        text = text.strip()
        if is_data_uri(text):
            return await _data_uri(text, path)
        file = await self._own_file(text, path, workspace_id, base_url)
        if file is not None:
            return file
        # No server is sent a fragment, so it changes nothing about the file.
        url = check_target(self._policy, text.partition("#")[0], path=path)
        return Remote(url if url.isascii() else parse_target(url).url)

    async def settle(
        self, named: Iterable[tuple[str, str]], *, workspace_id: str, base_url: str
    ) -> dict[str, Media]:
        """Return the file of each text, by the text; the texts come with their paths."""
        found: dict[str, Media] = {}
        for path, text in named:
            if text not in found:
                found[text] = await self.read(
                    text, path=path, workspace_id=workspace_id, base_url=base_url
                )
        return found

    async def store(
        self, media: Mapping[str, Media], *, base_url: str, step: str | None = None
    ) -> StoredMedia:
        """Store the files of long data URIs, and return the plain URL of each text's file.

        The names are drawn anew, so that only this request has them: it may be refused while one
        with the same files is accepted. The files of a ``step``, which begins once however often
        it is tried, have the same names each time.
        """
        stored = StoredMedia({}, [], {})
        key = step or new_artifact_stem()
        try:
            for text, one in media.items():
                if isinstance(one, Remote):
                    stored.urls[text] = one.url
                elif isinstance(one, StoredArtifact):
                    stored.urls[text] = artifact_url(one.name, base_url=base_url)
                elif len(text) <= INLINE_LENGTH_MAX:
                    stored.urls[text] = _plain(one)
                else:
                    await self._store(text, one, stored, base_url=base_url, key=key)
        except BaseException:
            if step is None:
                await RequestFiles(self._artifacts).delete(stored.files)
            raise
        return stored

    async def _own_file(
        self, text: str, path: str, workspace_id: str, base_url: str
    ) -> StoredArtifact | None:
        own = self._own.find(text, base_url=base_url)
        if own is None:
            return None
        file = None if own.name is None else await self._find(own.name)
        if file is not None:
            asset = await self._assets.asset_of_file(file.name)
            if asset is not None and asset.workspace_id != workspace_id:
                raise _refused(
                    "This workspace has no asset with that URL; GET /assets lists them.", path
                )
            return file
        if own.is_here:
            raise _refused(
                "This server has no file with that URL; give the URL of an asset or of a result as "
                f"the server wrote it, like {base_url}/artifacts/NAME.png, while the file is kept.",
                path,
            )
        return None

    async def _find(self, name: str) -> StoredArtifact | None:
        if is_stem(name):
            return await self._artifacts.find_by_stem(name)
        return await self._artifacts.find(name)

    async def _store(
        self, text: str, data: DataUri, stored: StoredMedia, *, base_url: str, key: str
    ) -> None:
        content = await asyncio.to_thread(content_name, data.content, _type_of(data))
        name = input_name(content, key=key)
        url = artifact_url(name, base_url=base_url)
        stored.files.append(name)
        stored.urls[text], stored.contents[url] = url, content
        if await self._artifacts.find(name) is None:
            await self._artifacts.put(name, data.content)


def replaced(value: Any, urls: Mapping[str, str]) -> Any:
    """Return the value with the given texts replaced wherever they stand, at any depth."""
    if isinstance(value, str):
        return urls.get(value, value)
    if isinstance(value, dict):
        return {name: replaced(one, urls) for name, one in value.items()}
    if isinstance(value, list):
        return [replaced(one, urls) for one in value]
    return value


def is_longer(value: Any, length_max: int, *, media: Container[str]) -> bool:
    """Say whether a value has more characters and members, not counting files that are stored."""
    length = 0
    unread = [value]
    while unread and length <= length_max:
        one = unread.pop()
        length += 1
        if isinstance(one, str):
            is_stored = len(one) > INLINE_LENGTH_MAX and one in media
            length += 0 if is_stored else len(one)
        elif isinstance(one, dict):
            unread += one.values()
            length += sum(map(len, one))
        elif isinstance(one, list):
            unread += one
    return length > length_max


async def _data_uri(text: str, path: str) -> DataUri:
    try:
        if len(text) <= INLINE_LENGTH_MAX:
            return read_data_uri(text, bytes_max=FILE_BYTES_MAX)
        return await asyncio.to_thread(read_data_uri, text, bytes_max=FILE_BYTES_MAX)
    except FetchError as exc:
        name = path.removeprefix("/") or "The URL"
        raise _refused(f"{name} is a data: URI that cannot be read: {exc.words}.", path) from exc


def _plain(data: DataUri) -> str:
    return DataUri(media_type=_type_of(data), content=data.content).text


def _type_of(data: DataUri) -> str:
    return sniff(data.content) or data.media_type or UNKNOWN


def _refused(sentence: str, path: str) -> InvalidMedia:
    return InvalidMedia(sentence, [FieldError(path, sentence)])
