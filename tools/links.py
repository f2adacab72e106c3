"""What a folder of HTML asks for: links within it that lead nowhere, and whatever a browser would fetch elsewhere."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

FETCHED = {"img": "src", "script": "src", "iframe": "src", "source": "src", "video": "src", "audio": "src",
           "embed": "src", "object": "data", "link": "href"}
NAMED = ("canonical", "alternate", "license", "author", "search", "next", "prev")  # links that a browser only knows


class Page(HTMLParser):
    """ids: what can be linked to; links: where its words lead; fetched: what it loads."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.fetched = set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids |= {attrs[name] for name in ("id", "name") if attrs.get(name)}
        if tag == "a" and attrs.get("href"):
            self.links.append(attrs["href"])
        if attrs.get(FETCHED.get(tag)) and not (tag == "link" and attrs.get("rel") in NAMED):
            self.fetched.append(attrs[FETCHED[tag]])


def pages(folder):
    return {path: Page(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.html"))}


def dead(folder):
    """Lines on links and files within the folder that are not there; a place in a page counts as well."""
    found, those = [], pages(folder.resolve())
    for path, page in those.items():
        for link in dict.fromkeys(page.links + page.fetched):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = Path(path.parent, unquote(parts.path)).resolve() if parts.path else path
            place, held = unquote(parts.fragment), those.get(target)
            if not target.exists() or (place and held is not None and place not in held.ids):
                found.append(f"a dead link in {path.relative_to(folder.resolve())}: {link}")
    return found


def outside(folder):
    """Lines on what pages and style sheets would fetch from another host."""
    found = [f"a request to another host in {path.relative_to(folder)}: {source}"
             for path, page in pages(folder).items() for source in page.fetched if re.match(r"(https?:)?//", source)]
    for path in sorted(folder.rglob("*.css")):
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [f"a request to another host in {path.relative_to(folder)}: {source}" for source in
                  re.findall(r"(?:url\(\s*|@import\s+)[\"']?((?:https?:)?//[^\"')\s]+)", text)]
    return found
