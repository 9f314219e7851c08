"""Which URLs are this server's: by its names and addresses, however a URL is spelled."""

from __future__ import annotations

import pytest

from ringback.files.artifacts.own_urls import OwnUrls

NAME = "v0yIe34qhPyQ0O7F-Tue8MOXLt1eAPfW.png"
BASE_URL = "https://gen.example/rb"


def own_urls(*, listening: tuple[str, int] = ("127.0.0.1", 7464), **changes: object) -> OwnUrls:
    names = ("gen.example", "box.test", "2001:db8::7")
    return OwnUrls(
        names,
        public_url=BASE_URL,
        listening=listening,
        answers_any_host=bool(changes.get("answers_any_host")),
        is_local=lambda address: str(address) == "192.168.1.5",
    )


@pytest.mark.parametrize(
    "url",
    [
        f"{BASE_URL}/artifacts/{NAME}",
        f"https://gen.example/artifacts/{NAME}",
        f"https://gen.example:443/artifacts/{NAME}?",
        f"http://gen.example:8080/artifacts/{NAME}",
        f"https://GEN.example./artifacts/{NAME}",
        f"https://box.test/artifacts/{NAME}?x=1&y=/a/b#z",
        f"http://[2001:db8::7]:7464/artifacts/{NAME}",
        f"http://127.0.0.1:9/artifacts/{NAME}/",
        f"http://127.3.2.1:7464/artifacts/{NAME}",
        f"http://[::1]/artifacts/{NAME}",
        f"http://0.0.0.0:7464/artifacts/{NAME}",
        f"hTTps://gen.example//rb//artifacts//{NAME}",
        f"https://gen.example/rb/./x/../artifacts/{NAME}",
        f"https://gen.example/rb/%61rtifacts/{NAME.replace('-', '%2D').replace('.', '%2e')}",
    ],
)
def test_a_name_of_this_server_with_a_files_path_is_its_own(url: str) -> None:
    own = own_urls().find(url, base_url=BASE_URL)
    assert own is not None
    assert own.name == NAME


@pytest.mark.parametrize(
    "url",
    [
        f"https://other.example/artifacts/{NAME}",
        f"https://gen.example.evil.test/artifacts/{NAME}",
        f"https://evil.test/https://gen.example/artifacts/{NAME}",
        f"https://gen.example@evil.test/artifacts/{NAME}",
        f"https://evil.test?https://gen.example/artifacts/{NAME}",
        f"http://192.168.1.5:7464/artifacts/{NAME}",  # it listens on loopback alone
        "https://gen.example/static/fox.png",
        "https://gen.example/artifacts",
        f"ftp://gen.example/artifacts/{NAME}",
        "nonsense",
        "http://[::1",
    ],
)
def test_every_other_url_is_somebody_elses(url: str) -> None:
    assert own_urls().find(url, base_url=BASE_URL) is None


def test_a_server_on_every_address_is_known_by_those_of_its_machine() -> None:
    own = own_urls(listening=("0.0.0.0", 7464))
    assert own.find(f"http://192.168.1.5:7464/artifacts/{NAME}", base_url=BASE_URL) is not None
    assert own.find(f"http://192.168.1.6:7464/artifacts/{NAME}", base_url=BASE_URL) is None


def test_a_server_that_answers_to_every_name_has_every_name() -> None:
    own = own_urls(answers_any_host=True).find(
        f"http://pod-7.svc:7464/artifacts/{NAME}", base_url=BASE_URL
    )
    assert own is not None
    assert not own.is_here  # another server may have it, if this one does not


@pytest.mark.parametrize("rest", ["../ringback.db", "x.png", "%2e%2e%2fmaster.key", NAME[:-1]])
def test_a_name_that_is_no_files_names_none(rest: str) -> None:
    own = own_urls().find(f"{BASE_URL}/artifacts/{rest}", base_url=BASE_URL)
    assert own is None or own.name is None


def test_a_name_without_its_suffix_is_still_that_of_one_file() -> None:
    own = own_urls().find(f"{BASE_URL}/artifacts/{NAME[:-4]}", base_url=BASE_URL)
    assert own is not None
    assert own.name == NAME[:-4]
