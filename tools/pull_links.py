"""Links that bring a student the course on a hub with nbgitpuller and open a page: one a page, for a syllabus.

    python tools/pull_links.py --hub https://hub.example.org --repo https://example.org/course/week8 [--branch main]

The folder that a pull makes is named by the last part of the repository's address, without .git; the page is opened in
JupyterLab.
"""

import argparse
import sys
from urllib.parse import quote, urlencode, urlsplit

from pages import any_console, notebooks


def web(address):
    """An address of the web without what follows its path, and without a slash at its end."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise argparse.ArgumentTypeError(f"{address}: an address that begins with https://")
    return address.rstrip("/")


def link(hub, repo, page, branch="main"):
    """The link for a page of the student edition."""
    last = urlsplit(repo).path.rsplit("/", 1)[-1]
    folder = last.removesuffix(".git")
    asked = {"repo": repo, "branch": branch, "urlpath": f"lab/tree/{folder}/notebooks/student/{page}.ipynb"}
    if folder != last:
        asked["targetpath"] = folder  # else the folder would be called week8.git
    return f"{hub}/hub/user-redirect/git-pull?{urlencode(asked, quote_via=quote, safe='')}"


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hub", type=web, required=True)
    parser.add_argument("--repo", type=web, required=True)
    parser.add_argument("--branch", default="main")
    options = parser.parse_args(arguments)
    any_console()
    for path in notebooks():
        print(link(options.hub, options.repo, path.stem, options.branch))
    return 0


if __name__ == "__main__":
    sys.exit(main())
