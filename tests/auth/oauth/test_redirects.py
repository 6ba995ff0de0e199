"""Which addresses a client may name, and which of them a request means."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from auth.oauth.redirects import is_loopback, redirect_for, require_safe
from errors import BadRedirect, InvalidRedirectUri

SAFE = (
    # What the agents of SOURCES and their documentation use.
    "https://chatgpt.com/connector_platform_oauth_redirect",
    "https://chatgpt.com/connector/oauth/abc_123-X",
    "https://claude.ai/api/mcp/auth_callback",
    "http://localhost/callback",
    "http://127.0.0.1/callback",
    "http://127.0.0.1:33418/",
    "http://127.0.0.1:33418",
    "http://[::1]:5000/callback",
    "https://vscode.dev/redirect",
    "http://localhost:8787/callback",
    "https://www.cursor.com/agents/mcp/oauth/callback",
    "cursor://anysphere.cursor-retrieval/oauth/user-abc/callback",
    "cursor://anysphere.cursor-mcp/oauth/callback",
    "vscode://vscode.github-authentication/did-authenticate",
    "com.example.app:/oauth2redirect",
    "com.example.app:///callback",
    "http://localhost:6274/oauth/callback",
    "http://127.0.0.1:6276/oauth/callback",
    # Others that are fine.
    "https://agent.example.com/cb?tenant=1&x=",
    "https://agent.example.com:8443/cb",
    "https://192.0.2.7/cb",
    "https://[2001:db8::7]/cb",
    "https://xn--bcher-kva.example.com/cb",
    "https://agent.example.com",
    f"https://agent.example.com/{'a' * 1_900}",
)

UNSAFE = {
    # Schemes that do something by themselves.
    "javascript": "javascript:alert(1)",
    "javascript that looks like an address": "javascript://agent.example.com/%0aalert(1)",
    "javascript with a path": "javascript:/alert(1)",
    "javascript in capitals": "JavaScript://agent.example.com/",
    "data": "data:text/html,<script>alert(1)</script>",
    "data with a path": "data:/text/html",
    "file": "file:///etc/passwd",
    "vbscript": "vbscript:msgbox(1)",
    "vbscript with a path": "vbscript://x/y",
    "blob": "blob:https://agent.example.com/1",
    "blob with a path": "blob:/x",
    "filesystem": "filesystem:https://agent.example.com/temporary/x",
    "about": "about:blank",
    "view-source": "view-source:https://agent.example.com/",
    "intent of Android": "intent://x/#Intent;scheme=http;end",
    "intent without its fragment": "intent://agent.example.com/x",
    "an extension of Chrome": "chrome-extension://aaaa/cb",
    "a handler of Windows": "ms-msdt:/id",
    "search of Windows": "search-ms://query=x",
    "mail": "mailto:ann@example.com",
    "telephone": "tel:/123",
    "ssh": "ssh://agent.example.com/",
    "ldap": "ldap://agent.example.com/",
    "ftp": "ftp://agent.example.com/",
    "websocket": "wss://agent.example.com/",
    "a scheme of one letter: a drive": "c:/windows",
    "a scheme of the app's own without an address": "com.example.app:callback",
    "a scheme of the app's own with nothing behind it": "cursor://",
    "a scheme of the app's own with a user": "cursor://ann@host/cb",
    # http beyond this machine.
    "http": "http://agent.example.com/cb",
    "http to a private address": "http://192.168.1.5/cb",
    "http to another address of loopback": "http://127.0.0.2/cb",
    "http to a name that begins like loopback": "http://127.0.0.1.example.com/cb",
    "http to a name that begins like localhost": "http://localhost.example.com/cb",
    "http to localhost with a dot": "http://localhost./cb",
    "http to a name below localhost": "http://agent.localhost/cb",
    "http to loopback in short": "http://127.1/cb",
    "http to loopback in one number": "http://2130706433/cb",
    "http to loopback in octal": "http://0177.0.0.1/cb",
    "http to loopback, IPv4-mapped": "http://[::ffff:127.0.0.1]/cb",
    "http to every address": "http://0.0.0.0/cb",
    "http to localhost in capitals": "http://LOCALHOST/cb",
    "http to loopback as a user's name": "http://127.0.0.1@agent.example.com/cb",
    "http to loopback with a user": "http://ann@127.0.0.1/cb",
    "http to loopback with a password": "http://localhost:80@agent.example.com/cb",
    "http to loopback on port 0": "http://127.0.0.1:0/cb",
    "http to loopback on no port": "http://127.0.0.1:65536/cb",
    "http to loopback on a padded port": "http://127.0.0.1:080/cb",
    "http to loopback, port left out": "http://127.0.0.1:/cb",
    # https that is not what it seems.
    "user": "https://claude.ai@agent.example.com/cb",
    "user and password": "https://claude.ai:443@agent.example.com/cb",
    "empty user": "https://@agent.example.com/cb",
    "fragment": "https://agent.example.com/cb#x",
    "empty fragment": "https://agent.example.com/cb#",
    "wildcard host": "https://*.example.com/cb",
    "wildcard path": "https://agent.example.com/*",
    "backslash": "https://agent.example.com\\@evil.example.net/cb",
    "no host": "https:///cb",
    "no slashes": "https:agent.example.com/cb",
    "one slash": "https:/agent.example.com/cb",
    "dot behind the host": "https://agent.example.com./cb",
    "empty label": "https://agent..example.com/cb",
    "percent-encoded host": "https://agent%2eexample.com/cb",
    "address in hexadecimal": "https://0x7f.1/cb",
    "something behind the brackets": "https://[::1]evil.example.net/cb",
    "an old address in brackets": "https://[127.0.0.1]/cb",
    "a name in brackets": "https://[agent.example.com]/cb",
    "an address with a zone": "https://[fe80::1%25eth0]/cb",
    "broken brackets": "https://[::1/cb",
    "port that is none": "https://agent.example.com:99999/cb",
    "port that is no number": "https://agent.example.com:x/cb",
    "port left out": "https://agent.example.com:/cb",
    "port 0": "https://agent.example.com:0/cb",
    "letters beyond ASCII": "https://bücher.example.com/cb",
    "look-alike": "https://clаude.ai/cb",  # noqa: RUF001 - that is the attack
    # What no URI has.
    "space": "https://agent.example.com/a b",
    "space before": " https://agent.example.com/cb",
    "line break behind": "https://agent.example.com/cb\n",
    "header": "https://agent.example.com/cb\r\nSet-Cookie: a=b",
    "tab in the scheme": "java\tscript:alert(1)",
    "NUL": "https://agent.example.com/\0",
    "quotation mark": 'https://agent.example.com/"onmouseover=',
    "markup": "https://agent.example.com/<script>",
    "relative": "/cb",
    "without a scheme": "//agent.example.com/cb",
    "empty": "",
    "too long": f"https://agent.example.com/{'a' * 2_000}",
    # Its own answer.
    "a code of its own": "https://agent.example.com/cb?code=1",
    "a state of its own, in disguise": "https://agent.example.com/cb?x=1&%73tate=2",
    "an issuer of its own on loopback": "http://127.0.0.1/cb?iss=https://other.example.com",
}


@dataclass(frozen=True)
class Named:
    redirect_uris: tuple[str, ...]


@pytest.mark.parametrize("uri", SAFE, ids=lambda uri: uri[:60])
def test_an_address_that_agents_use_may_be_named(uri: str):
    require_safe(uri)


@pytest.mark.parametrize("uri", UNSAFE.values(), ids=UNSAFE.keys())
def test_a_dangerous_address_may_not_be_named(uri: str):
    with pytest.raises(InvalidRedirectUri) as refusal:
        require_safe(uri)
    assert refusal.value.code == "invalid_redirect_uri"
    assert len(uri) < 8 or uri not in refusal.value.message


@pytest.mark.parametrize("uri", SAFE, ids=lambda uri: uri[:60])
def test_a_named_address_is_found_as_it_was_written(uri: str):
    assert redirect_for(Named((uri,)), uri) == uri


@pytest.mark.parametrize(
    ("named", "asked"),
    [
        ("http://127.0.0.1/callback", "http://127.0.0.1:54321/callback"),
        ("http://localhost/callback", "http://localhost:3118/callback"),
        ("http://127.0.0.1:33418/", "http://127.0.0.1:50000/"),
        ("http://127.0.0.1:33418/", "http://127.0.0.1/"),
        ("http://[::1]/callback", "http://[::1]:1/callback"),
        ("http://127.0.0.1:33418", "http://127.0.0.1:65535"),
        ("http://localhost/cb?x=1", "http://localhost:8080/cb?x=1"),
    ],
)
def test_the_port_of_a_loopback_address_may_be_any(named: str, asked: str):
    assert redirect_for(Named((named,)), asked) == asked


@pytest.mark.parametrize(
    ("named", "asked"),
    [
        ("https://agent.example.com/cb", "https://agent.example.com/cb/"),
        ("https://agent.example.com/cb", "https://agent.example.com/CB"),
        ("https://agent.example.com/cb", "https://AGENT.example.com/cb"),
        ("https://agent.example.com/cb", "HTTPS://agent.example.com/cb"),
        ("https://agent.example.com/cb", "https://agent.example.com:443/cb"),
        ("https://agent.example.com/cb", "https://agent.example.com:8443/cb"),
        ("https://agent.example.com/cb", "https://agent.example.com/cb?x=1"),
        ("https://agent.example.com/cb", "https://agent.example.com/cb#x"),
        ("https://agent.example.com/cb", "https://agent.example.com/cb/../cb"),
        ("https://agent.example.com/cb", "https://agent.example.com/%63b"),
        ("https://agent.example.com/cb", "https://agent.example.com/cb%00"),
        ("https://agent.example.com/cb", "https://agent.example.com/cb "),
        ("https://agent.example.com/cb", "https://agent.example.com/cb\n"),
        ("https://agent.example.com/cb", "https://agent.example.com.evil.example.net/cb"),
        ("https://agent.example.com/cb", "https://agent.example.com@evil.example.net/cb"),
        ("https://agent.example.com/cb", "https://sub.agent.example.com/cb"),
        ("https://agent.example.com/cb", "http://agent.example.com/cb"),
        ("https://agent.example.com/cb?x=1", "https://agent.example.com/cb"),
        ("https://agent.example.com/cb?x=1&y=2", "https://agent.example.com/cb?y=2&x=1"),
        ("https://agent.example.com", "https://agent.example.com/"),
        ("https://agent.example.com/cb", ""),
        ("https://agent.example.com/cb", "javascript:alert(1)"),
        ("http://127.0.0.1/callback", "http://127.0.0.1:1234/other"),
        ("http://127.0.0.1/callback", "http://127.0.0.1:1234/callback/more"),
        ("http://127.0.0.1/callback", "http://127.0.0.1:1234/callback?x=1"),
        ("http://127.0.0.1/callback", "http://127.0.0.1:1234/callback#x"),
        ("http://127.0.0.1/callback", "http://127.0.0.1:1234/callback/"),
        ("http://127.0.0.1/callback", "http://127.0.0.2:1234/callback"),
        ("http://127.0.0.1/callback", "http://localhost:1234/callback"),
        ("http://127.0.0.1/callback", "http://[::1]:1234/callback"),
        ("http://127.0.0.1/callback", "https://127.0.0.1:1234/callback"),
        ("http://127.0.0.1/callback", "http://ann@127.0.0.1:1234/callback"),
        ("http://127.0.0.1/callback", "http://127.0.0.1:1234@evil.example.net/callback"),
        ("http://127.0.0.1/callback", "http://127.0.0.1:123456/callback"),
        ("http://127.0.0.1/callback", "http://127.0.0.1:65536/callback"),
        ("http://127.0.0.1/callback", "http://127.0.0.1:-1/callback"),
        ("http://127.0.0.1/callback", "http://127.0.0.1:/callback"),
        ("http://127.0.0.1:33418", "http://127.0.0.1:33418/"),
        ("http://localhost/callback", "http://localhost.evil.example.net:80/callback"),
        ("cursor://host/cb", "cursor://host:80/cb"),
        ("cursor://host/cb", "cursor://host/cb/"),
    ],
)
def test_every_other_spelling_is_another_address(named: str, asked: str):
    with pytest.raises(BadRedirect) as refusal:
        redirect_for(Named((named,)), asked)
    assert not asked or asked not in refusal.value.message


def test_an_unsaid_address_is_the_only_one_there_is():
    assert redirect_for(Named(("https://agent.example.com/cb",)), None) == "https://agent.example.com/cb"


@pytest.mark.parametrize("named", [(), ("https://a.example.com/cb", "https://b.example.com/cb")])
def test_an_unsaid_address_is_not_guessed_among_several(named: tuple[str, ...]):
    with pytest.raises(BadRedirect):
        redirect_for(Named(named), None)


def test_any_of_several_addresses_may_be_asked_for():
    named = Named(("https://vscode.dev/redirect", "http://127.0.0.1:33418/"))
    assert redirect_for(named, "https://vscode.dev/redirect") == "https://vscode.dev/redirect"
    assert redirect_for(named, "http://127.0.0.1:40000/") == "http://127.0.0.1:40000/"


@pytest.mark.parametrize(
    ("uri", "loopback"),
    [
        ("http://127.0.0.1:33418/", True),
        ("http://localhost/callback", True),
        ("http://[::1]/callback", True),
        ("https://localhost/callback", False),
        ("https://agent.example.com/cb", False),
        ("cursor://localhost/cb", False),
        ("http://localhost.example.com/cb", False),
    ],
)
def test_only_http_on_this_machine_is_loopback(uri: str, loopback: bool):
    assert is_loopback(uri) is loopback


HOSTS = ("127.0.0.1", "localhost", "[::1]", "evil.example.net")
PIECES = st.sampled_from([*HOSTS, *":@/\\?#.*& \n\t0", ":80", "//", "%40", "%2f", "callback"])
ADDRESSES = st.builds(
    lambda scheme, host, pieces: "".join((scheme, host, *pieces)),
    st.sampled_from(["http://", "https://", "http:", "https:/"]),
    st.sampled_from([*HOSTS, ""]),
    st.lists(PIECES, max_size=6),
)


@given(ADDRESSES)
@example("http://127.0.0.1:80@evil.example.net/callback")
@example("http://localhost/callback")
def test_whatever_is_taken_for_loopback_is_loopback_for_other_parsers_too(uri: str):
    if is_loopback(uri):
        assert urlsplit(uri).hostname in ("127.0.0.1", "localhost", "::1")
        assert httpx2.URL(uri).host in ("127.0.0.1", "localhost", "::1")
        assert httpx2.URL(uri).userinfo == b""


@given(ADDRESSES)
@example("https://evil.example.net/callback")
def test_every_parser_sees_the_same_host_in_what_may_be_named(uri: str):
    try:
        require_safe(uri)
    except InvalidRedirectUri:
        return
    if uri.startswith("http"):
        assert urlsplit(uri).hostname == httpx2.URL(uri).host
        assert httpx2.URL(uri).userinfo == b""
        assert httpx2.URL(uri).fragment == ""
