"""A hub for a class, Codespaces, Binder: their files say what the course says, and agree with what was measured."""

import json
import re
import shlex
from urllib.parse import parse_qs, urlsplit

import pull_links
import pytest
import yaml
from pages import ROOT, notebooks
from test_environment import ENDS, PROJECT


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


VALUES = yaml.safe_load(text("deploy/zero-to-jupyterhub/values.yaml"))
HUB = text("HUB.md")


def section(name):
    return re.search(rf"<!-- {name}:begin -->(.*?)<!-- {name}:end -->", HUB, re.DOTALL)[1]


def rows(name):
    """The rows of a section's tables, heads apart."""
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in section(name).splitlines()
             if line.startswith("|")]
    return [row for row in cells if row[0] not in ("student", "what happens") and set(row[0]) != {"-"}]


# --- what was measured, and the values for a cluster ---

def test_in_the_trial_that_stands_in_hub_md_nobody_failed():
    students = rows("hub-pages")
    assert len(students) >= 9 and all(row[-1] == "0" for row in students)
    assert {row[0] for row in students} >= {"jörg", "mary ann"}
    assert re.search(r"Run on \d{4}-\d\d-\d\d: \d+ cores, .*jupyterhub \d", section("hub-pages"))


def test_every_accident_is_there_and_stayed_one_student_s():
    seen = rows("hub-accidents")
    assert len(seen) >= 5 and all(row[-1] == "✔" for row in seen)


def test_memory_holds_what_was_measured():
    peak = max(int(row[-2].removesuffix(" MiB")) for row in rows("hub-pages")) * 2**20
    memory = {name: float(value.removesuffix("G")) * 2**30 for name, value in VALUES["singleuser"]["memory"].items()}
    assert memory["guarantee"] >= 1.05 * peak and memory["limit"] >= 2 * peak


def test_the_sums_for_three_hundred_are_right():
    memory = float(VALUES["singleuser"]["memory"]["guarantee"].removesuffix("G"))
    cores = VALUES["singleuser"]["cpu"]["guarantee"]
    assert f"guarantee of {memory} GB" in " ".join(HUB.split()) and f"{memory} GB each at once" in HUB
    assert f"Three hundred guarantees are {300 * memory:.0f} GB and {300 * cores:.0f} cores" in " ".join(HUB.split())
    fits = int(min(16 / cores, 64 / memory))
    assert f"16 cores and 64 GB hold {fits} each" in " ".join(HUB.split()) and 10 * fits >= 300
    assert VALUES["scheduling"]["userPlaceholder"]["replicas"] == fits


def test_the_image_is_the_course_s_version_and_built_outside_the_home():
    image = VALUES["singleuser"]["image"]
    assert image["tag"] == PROJECT["version"] and f"{image['name']}:{image['tag']}" in HUB
    command = shlex.split(re.search(r"```bash\n(jupyter-repo2docker .*?)```", HUB, re.DOTALL)[1])
    target = command[command.index("--target-repo-dir") + 1]
    assert not target.startswith(VALUES["singleuser"]["storage"]["homeMountPath"])


def test_the_variables_are_the_course_s():
    given = VALUES["singleuser"]["extraEnv"]
    known = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "utils").rglob("*.py"))
    assert all(isinstance(value, str) for value in given.values()), "Kubernetes takes no numbers here"
    assert all(name in known for name in given if name.startswith("PRACTICUM_"))
    mounts = {mount["name"]: mount for mount in VALUES["singleuser"]["storage"]["extraVolumeMounts"]}
    assert mounts["mnist"]["mountPath"] == given["PRACTICUM_DATA"] and mounts["mnist"]["readOnly"] is True
    assert [v["name"] for v in VALUES["singleuser"]["storage"]["extraVolumes"]] == list(mounts)


def test_nobody_gets_in_before_a_login_is_chosen():
    assert "dummy" not in str(VALUES).lower()
    assert "." not in VALUES["hub"]["config"]["JupyterHub"]["authenticator_class"]


# --- Codespaces, Binder ---

def test_the_devcontainer_makes_what_the_makefile_makes():
    said = json.loads(text(".devcontainer/devcontainer.json"))
    target = said["postCreateCommand"].removeprefix("make ")
    assert re.search(rf"^{target}:", text("Makefile"), re.MULTILINE)
    low, high = (tuple(map(int, end.split("."))) for end in ENDS)
    assert low <= tuple(map(int, re.match(r"python:(\d+)\.(\d+)-", said["image"]).groups())) <= high
    assert f"PORT   ?= {said['forwardPorts'][0]}" in text("Makefile")


def test_nothing_hides_environment_yml_from_repo2docker():
    """It takes the first kind of file that it knows, and only looks into binder/ or .binder/ where there is one."""
    first = ["binder", ".binder", "Dockerfile", "Project.toml", "JuliaProject.toml", "REQUIRE", "default.nix",
             "install.R", "DESCRIPTION", "runtime.txt"]
    assert (ROOT / "environment.yml").exists() and not [name for name in first if (ROOT / name).exists()]


def test_repo2docker_agrees(monkeypatch):
    app = pytest.importorskip("repo2docker.app", reason="repo2docker is not installed")
    monkeypatch.chdir(ROOT)
    packs = [pack for pack in app.Repo2Docker().buildpacks if pack("python:3.11").detect()]
    assert packs[0].__name__ == "CondaBuildPack"


# --- links of nbgitpuller ---

@pytest.mark.parametrize("repo", ["https://example.org/course/week8", "https://example.org/course/week8.git",
                                  "https://example.org:8443/a%20b/week8"])
@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem[:2])
def test_a_link_comes_back_as_it_was_meant(repo, path):
    made = urlsplit(pull_links.link("https://hub.example.org", repo, path.stem, "week/8"))
    assert made.netloc == "hub.example.org" and made.path == "/hub/user-redirect/git-pull"
    asked = {name: value for name, (value,) in parse_qs(made.query, strict_parsing=True).items()}
    assert asked["repo"] == repo and asked["branch"] == "week/8"
    # nbgitpuller's folder: what is asked for, else the last part of the address
    folder = asked.get("targetpath") or repo.split("/")[-1]
    assert folder == "week8" and asked["urlpath"] == f"lab/tree/{folder}/notebooks/student/{path.name}"
    assert (ROOT / asked["urlpath"].removeprefix(f"lab/tree/{folder}/")).exists()


def test_the_link_in_instructors_md_has_that_form():
    shown = re.search(r"^https://HUB/\S+", text("INSTRUCTORS.md"), re.MULTILINE)[0]
    assert shown == pull_links.link("https://HUB", "https://HOST/OWNER/REPOSITORY", "00-start-here")


def test_links_for_all_pages(capsys):
    assert pull_links.main(["--hub", "https://hub.example.org/", "--repo", "https://example.org/course/week8/"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(set(lines)) == len(notebooks()) and all("//hub/" not in line and "week8&" in line for line in lines)


@pytest.mark.parametrize("address", ["hub.example.org", "git@example.org:course/week8", "https://", "https://a.b/?c=d"])
def test_what_is_no_address_is_refused(address, capsys):
    with pytest.raises(SystemExit):
        pull_links.main(["--hub", address, "--repo", "https://example.org/week8"])
    assert "an address that begins with https://" in capsys.readouterr().err
