"""Keys of addresses: what two spellings of one page have in common.

The strict key: the URL as the WHATWG's standard reads it, without scheme, user, port and fragment;
the host in small letters and Punycode, without a last dot; escapes of letters, digits and ``-._~``
undone, the others in capitals; neither ``index.html`` nor a slash at the end of the path; the
query without parameters that only say where a reader came from, the others in order.

Loosely, two pages are the same that differ only in ``www.``, ``m.`` and ``amp.`` before the host,
or, where that is asked for, if one of them has a query and the other has none. Two with different
queries never are: ``?id=7`` is another page than ``?id=8``.
"""

import re
from functools import cache, lru_cache

import can_ada
from tldextract import TLDExtract

MAX_CHARACTERS = 1 << 14
"""Of a URL; a longer one has no key."""
MAX_HOST_CHARACTERS = 253
"""RFC 1035, section 2.3.4, as written with dots."""
MAX_FOLDERS = 64
"""Of a URL, that a list may name: each takes its length."""
ESCAPE = re.compile("%[0-9A-Fa-f]{2}")
UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
"""RFC 3986, section 2.3."""
INDEX = re.compile(r"/index\.html?$", re.IGNORECASE)
TRACKING = re.compile(
    "(?:utm_[^=]*|fbclid|gclid|dclid|msclkid|yclid|igshid|mc_cid|mc_eid)(?:=|$)",
    re.IGNORECASE,
)
"""Parameters that say where a reader came from; ``ref`` may name a branch, and ``feed`` a feed."""
VARIANT = re.compile(r"(?:www|m|amp)\.(?=[^/]*\.)")
"""Before the host of a page that is the same without it."""
HOST_END = re.compile("[/?]")
ADDRESS = re.compile(r"\[.*\]|[0-9.]+")
"""A host that is a number, as the standard spells it."""


def strict_key(url: str) -> str | None:
    """The strict key; None of what is no URL of the web."""
    if len(url) > MAX_CHARACTERS:
        return None
    try:
        parsed = can_ada.parse(url)
    except (ValueError, TypeError):  # the second of half a character
        return None
    host = parsed.hostname.removesuffix(".")
    is_web = parsed.protocol in ("http:", "https:")
    if not is_web or len(host) > MAX_HOST_CHARACTERS or "" in host.split("."):
        return None
    path = parsed.pathname
    if "%" in path:
        path = ESCAPE.sub(_escape, path)
    while (shorter := INDEX.sub("", path.rstrip("/"))) != path:
        path = shorter
    query = _query(parsed.search[1:]) if parsed.search else ""
    return f"{host}{path}?{query}" if query else host + path


def loose_keys(key: str) -> tuple[str, ...]:
    """Under which keys a page with this strict key is kept, to be found loosely."""
    bare = without_variant(key)
    path, mark, _ = bare.partition("?")
    return (bare, f"{path}?") if mark else (bare,)


def loosely(key: str) -> tuple[str, str]:
    """Under which of those keys a page with this strict key is looked for, the surer first."""
    bare = without_variant(key)
    path, mark, _ = bare.partition("?")
    return (bare, path) if mark else (bare, f"{path}?")


def without_variant(key: str) -> str:
    """The key without ``www.`` and the like before its host."""
    while found := VARIANT.match(key):
        key = key[found.end() :]
    return key


def listed_key(text: str) -> str | None:
    """The strict key of what a list or a table of hosts says, with or without a scheme."""
    text = text.strip()
    return strict_key(text if "://" in text else f"http://{text.removeprefix('//')}")


def host_of(key: str) -> str:
    """The host of a key."""
    return HOST_END.split(key, maxsplit=1)[0]


def hosts_above(host: str) -> list[str]:
    """The host and those that it is below, down to two labels; of a number only itself."""
    if ADDRESS.fullmatch(host):
        return [host]
    labels = host.split(".")
    return [".".join(labels[first:]) for first in range(max(len(labels) - 1, 1))]


def paths_above(key: str) -> list[str]:
    """The strict key, and those of the first folders that it is in, without its host alone."""
    path = key.partition("?")[0]
    parts = path.split("/", MAX_FOLDERS)
    folders = ["/".join(parts[:count]) for count in range(2, len(parts))]
    pages = [key] if path == key else [key, path]
    return list(dict.fromkeys([*pages, *folders])) if parts[1:] else pages[: path != key]


@lru_cache(1 << 16)
def site_of(host: str) -> tuple[str | None, str | None]:
    """The registered domain, and the public suffix under which it is registered.

    A host that is a number is its own site; one that is registered nowhere has none. Suffixes are
    the registries' only: all that are below ``github.io`` are one site.
    """
    if ADDRESS.fullmatch(host):
        return host, None
    found = _suffixes()(host)
    return found.top_domain_under_public_suffix or None, found.suffix or None


@cache
def _suffixes() -> TLDExtract:
    """The list of public suffixes that the package brings: nothing is fetched or written."""
    return TLDExtract(suffix_list_urls=(), cache_dir=None)


def _escape(found: re.Match[str]) -> str:
    character = chr(int(found[0][1:], 16))
    return character if character in UNRESERVED else found[0].upper()


def _query(text: str) -> str:
    """The parameters in order, without those that say where a reader came from."""
    if "%" in text:
        text = ESCAPE.sub(_escape, text)
    return "&".join(sorted(each for each in text.split("&") if each and not TRACKING.match(each)))
