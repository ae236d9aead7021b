"""The guard on links: addresses, spellings, and the one resolution that counts."""

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from storage.errors import InputForbidden
from storage.inputs.url_guard import PinnedResolver, UrlGuard, is_public, parse_url, system_resolve

PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.215.14", "2606:4700:4700::1111", "2a00:1450:4001:81b::200e"]
NOT_PUBLIC = [
    "0.0.0.0",  # noqa: S104 - an address to refuse, nothing is bound
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:2::1",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700:4700::1111%eth0",
    "fec0::1",
    "ff02::1",
    "",
    "localhost",
    "127.1",
    "2130706433",
    "0177.0.0.1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_ordinary_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_special_addresses_are_refused(address: str) -> None:
    assert not is_public(address)


@given(st.ip_addresses())
def test_nothing_counts_as_public_that_the_standard_library_calls_special(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if is_public(str(address)):
        assert address.is_global
        assert not address.is_multicast
        assert not address.is_reserved


@given(st.ip_addresses(v=4))
def test_no_ipv4_address_gets_in_dressed_as_ipv6(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    dressed = (
        number,  # compatible
        0xFFFF << 32 | number,  # mapped
        0xFFFF << 48 | number,  # translated
        0x64FF9B << 96 | number,  # NAT64
        0x64FF9B0001 << 80 | number,  # local NAT64
        0x2002 << 112 | number << 80 | 1,  # 6to4
        0x20010000 << 96 | number ^ 0xFFFFFFFF,  # Teredo
    )
    assert not any(is_public(str(ipaddress.IPv6Address(value))) for value in dressed)


def spellings(address: ipaddress.IPv4Address) -> list[str]:
    """Write an IPv4 address in the ways `inet_aton` understands and nobody else should."""
    a, b, c, d = address.packed
    return [
        str(int(address)),
        hex(int(address)),
        f"0{int(address):o}",
        f"{a}.{int(address) & 0xFFFFFF}",
        f"{a}.{b}.{c << 8 | d}",
        f"0x{a:x}.{b}.{c}.{d}",
        f"{a}.{b}.{c}.0x{d:x}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        f"{address}.",
        f"0x{int(address):X}.",
    ]


@given(st.ip_addresses(v=4))
def test_odd_spellings_of_an_address_are_refused_even_of_a_public_one(address: ipaddress.IPv4Address) -> None:
    guard = UrlGuard(is_allowed=lambda _: True)
    for spelling in spellings(address):
        with pytest.raises(InputForbidden):
            guard.check(parse_url(f"https://{spelling}/"))


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "//example.com/",
        "https:example.com",
        "https:///a",
        "https://files..test/",
        "https://.files.test/",
        f"https://{'a' * 64}.test/",
        "https://user@example.com/",
        "https://user:password@example.com/",
        "https://:password@example.com/",
        "https://example.com:80/",
        "https://example.com:22/",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:169.254.169.254]/",
        "https://[fe80::1%25eth0]/",
        "https://[::1/",
        "https://\uff11\uff12\uff17.0.0.1/",
        "https://127\u30020\u30020\u30021/",
        "https://exa mple.com/",
        "https://example.com\\@127.0.0.1/",
        "https://127.0.0.1\\.example.com/",
        "https://exam%70le.com/",
    ],
)
def test_a_link_that_is_not_plain_public_https_is_refused(url: str) -> None:
    with pytest.raises(InputForbidden):
        UrlGuard().check(parse_url(url))


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/",
        "https://EXAMPLE.com:443/a?b",
        "https://1.1.1.1/",
        "https://[2606:4700:4700::1111]/",
        "https://bücher.example/ä",
        "https://a_b.example.com./x",
        f"https://{'a' * 63}.test/",
    ],
)
def test_a_plain_link_passes(url: str) -> None:
    UrlGuard().check(parse_url(url))


@given(st.text(max_size=60))
def test_whatever_the_host_is_it_passes_as_a_name_or_an_accepted_address(host: str) -> None:
    guard = UrlGuard()
    try:
        url = parse_url(f"https://{host}/")
        guard.check(url)
    except InputForbidden:
        return
    passed = url.raw_host or ""
    assert passed.isascii()
    assert is_public(passed) or not passed.rstrip(".").rpartition(".")[2].isdigit()


def test_a_signed_query_reaches_the_server_to_the_letter() -> None:
    text = "https://example.com/a%2Fb?X-Amz-Credential=AK%2F2026&sig=a%2Bb%3D"
    assert str(parse_url(text)) == text


def resolving(*answers: list[str]) -> UrlGuard:
    left = list(answers)

    async def resolve(_: str) -> list[str]:
        return left.pop(0)

    return UrlGuard(resolve=resolve)


@pytest.mark.parametrize("bad", ["127.0.0.1", "fd00:ec2::254", "fe80::1%2", "::ffff:10.0.0.1"])
async def test_one_refused_address_among_good_ones_refuses_the_name(bad: str) -> None:
    for answer in ([bad, *PUBLIC], [*PUBLIC, bad]):
        with pytest.raises(InputForbidden):
            await resolving(answer).addresses("example.com")


async def test_the_resolver_hands_on_exactly_the_addresses_that_were_looked_at() -> None:
    found = await PinnedResolver(resolving(PUBLIC)).resolve("example.com", 443)
    assert [(entry["host"], entry["port"], entry["hostname"]) for entry in found] == [
        (address, 443, "example.com") for address in PUBLIC
    ]
    assert {entry["flags"] for entry in found} == {socket.AI_NUMERICHOST}


async def test_a_name_without_addresses_does_not_exist() -> None:
    with pytest.raises(socket.gaierror):
        await PinnedResolver(resolving([])).resolve("example.com", 443)


async def test_the_systems_own_name_for_this_machine_is_refused() -> None:
    assert set(await system_resolve("localhost")) <= {"127.0.0.1", "::1"}
    with pytest.raises(InputForbidden):
        await UrlGuard().addresses("localhost")


def test_a_fullwidth_address_is_folded_to_ascii_before_the_check() -> None:
    assert parse_url("https://\uff11\uff12\uff17.0.0.1/") == URL("https://127.0.0.1/")
