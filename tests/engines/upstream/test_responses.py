"""The words of a provider, as a user sees them."""

from __future__ import annotations

import pytest

from ringback.engines.upstream.responses import plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cannot identify '/opt/ComfyUI/input/a.png'", "cannot identify 'a.png'"),
        ("cannot identify '/opt/My UI/input/a b.png'", "cannot identify 'a b.png'"),
        ('File "/opt/ComfyUI/nodes.py", line 3', 'File "nodes.py", line 3'),
        ("No such file: /opt/ComfyUI/models/x.safetensors.", "No such file: x.safetensors."),
        ("No such file: /opt/ComfyUI/output/", "No such file: output"),
        ("Saving outside (/srv/out/../x) is refused", "Saving outside (x) is refused"),
        (r"[WinError 3] 'C:\Users\Ann Lee\ComfyUI\a.png'", "[WinError 3] 'a.png'"),
        (r"cannot open D:\ComfyUI\input\a.png: denied", "cannot open a.png: denied"),
        (r"cannot open \\nas\models\x.ckpt", "cannot open x.ckpt"),
        ("file:///opt/ComfyUI/a.png is gone", "a.png is gone"),
        ("~/models/x.ckpt is gone", "x.ckpt is gone"),
        ("/srv/zoë/bilder/ä.png", "ä.png"),
        ("see https://example.com/docs/errors", "see https://example.com/docs/errors"),
        (
            "see //example.com and/or input/output, 3/4",
            "see //example.com and/or input/output, 3/4",
        ),
        ("black-forest-labs/flux-dev is busy", "black-forest-labs/flux-dev is busy"),
        ("ringback/ab12.png is wrong", "ringback/ab12.png is wrong"),
    ],
)
def test_of_a_path_on_the_providers_machine_only_the_files_name_is_shown(
    text: str, shown: str
) -> None:
    assert plain(text) == shown


@pytest.mark.parametrize("text", ["'/" * 4_000_000, "'" + "/" * 8_000_000, "/a" * 4_000_000])
def test_no_text_makes_the_search_for_paths_long(text: str) -> None:
    assert len(plain(text)) <= 400
