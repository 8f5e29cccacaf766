"""Terraform's folder: what is laid out in it, and what is left alone."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.deployment import Deployment, Node, Offer, Wish
from app.services.deploy.ports import InfraError
from app.services.terraform.overlay import Overlay
from app.services.terraform.variables import read_variables
from app.services.terraform.workspace import VARIABLES, Workspace, modules_dir, variables_of

KEY = "ssh-ed25519 AAAA me"
OFFER = Offer("NVIDIA L4", 2, "US-KS-2", "SECURE", 0.5)


def lab(offer: Offer = OFFER, **more: object) -> Deployment:
    """A head and a worker."""
    wish = Wish("lab", **more)  # type: ignore[arg-type]  # named by the test
    return Deployment(wish, "1a2b3c4d", 0.0, nodes=tuple(Node(key, f"lab-{key}", offer) for key in wish.keys))


def test_variables_say_what_is_wished_for() -> None:
    """Each node as it is offered; no image means the module's own, no volume means none."""
    node = {"gpu_type": "NVIDIA L4", "gpu_count": 2, "data_centers": ["US-KS-2"]}
    expected = {
        "name_prefix": "gw-lab-1a2b3c4d-",
        "nodes": {"head": node, "w1": node},
        "disk_gb": 50,
        "public_key": KEY,
        "cloud": "SECURE",
    }

    assert expected == variables_of(lab(), KEY + "\n")
    assert "a:b" == variables_of(lab(image="a:b"), KEY)["image"]


def test_every_variable_we_write_is_one_that_the_module_has() -> None:
    """Terraform only warns of a name it does not know, and the wish would be lost."""
    known = {one.name for folder in ("cluster", "volume") for one in read_variables(modules_dir() / folder)}

    written = variables_of(lab(image="a:b", volume_gb=20), KEY)

    assert set() == set(written) - known


def test_offer_without_a_data_centre_leaves_the_wished_ones() -> None:
    """Where the catalogue names none, the user's own list is asked for; a volume needs one."""
    anywhere = Offer("NVIDIA L4", 1, "", "SECURE", 0.5)

    nodes = variables_of(lab(anywhere, data_centers=("EU-RO-1", "EU-SE-1")), KEY)["nodes"]

    assert isinstance(nodes, dict)
    assert ["EU-RO-1", "EU-SE-1"] == nodes["w1"]["data_centers"]
    volume = variables_of(lab(anywhere, data_centers=("EU-RO-1",), volume_gb=20), KEY)["volume"]
    assert {"size_gb": 20, "data_center": "EU-RO-1"} == volume
    kept = replace(lab(anywhere, data_centers=("EU-RO-1",), volume_gb=20), volume_center="US-KS-2")
    assert {"size_gb": 20, "data_center": "US-KS-2"} == variables_of(kept, KEY)["volume"]
    with pytest.raises(InfraError, match="needs a data centre"):
        variables_of(lab(anywhere, volume_gb=20), KEY)


def test_folder_holds_the_module_the_variables_and_the_users_files(tmp_path: Path) -> None:
    """Everything 0600 in a folder that is 0700; the module's tests and examples stay where they are."""
    workspace = Workspace(tmp_path / "lab" / "terraform")

    workspace.lay_out({"a": 1}, Overlay((("user_x.tf", "# mine\n"),)))

    ours = {file.name for file in (modules_dir() / "cluster").glob("*.tf")}
    assert {*ours, "user_x.tf", VARIABLES} == {file.name for file in workspace.path.iterdir()}
    assert {0o600} == {stat.S_IMODE(file.stat().st_mode) for file in workspace.path.iterdir()}
    assert 0o700 == stat.S_IMODE(workspace.path.stat().st_mode)
    assert {"a": 1} == json.loads(workspace.variables.read_text())


def test_only_what_differs_is_written_and_what_is_no_longer_ours_goes(tmp_path: Path) -> None:
    """A second time touches no file; a dropped overlay and a file of an older module are taken away, a state is not."""
    workspace = Workspace(tmp_path)
    workspace.lay_out({"a": 1}, Overlay((("user_x.tf", "# mine\n"),)))
    before = {file.name: file.stat().st_ino for file in tmp_path.iterdir()}
    workspace.lay_out({"a": 1}, Overlay((("user_x.tf", "# mine\n"),)))
    assert before == {file.name: file.stat().st_ino for file in tmp_path.iterdir()}
    (tmp_path / "old.tf").touch()
    (tmp_path / "terraform.tfstate").touch()

    workspace.lay_out({"a": 2}, Overlay())

    assert {*before, "terraform.tfstate"} - {"user_x.tf"} == {file.name for file in tmp_path.iterdir()}


def test_wished_volume_brings_its_file(tmp_path: Path) -> None:
    """Only then does the folder name the volume's resource, which not every provider must know."""
    workspace = Workspace(tmp_path)

    workspace.lay_out({"volume": {}}, Overlay())
    made = (tmp_path / "volume.tf").read_text()
    workspace.lay_out({}, Overlay())

    assert 'resource "runpod_network_volume" "cache"' in made
    assert "runpod_network_volume" not in "".join(file.read_text() for file in tmp_path.glob("*.tf"))


def test_file_that_spares_adopted_pods_stays_as_long_as_it_is_needed(tmp_path: Path) -> None:
    """Laid out when a pod of unknown make is taken in; the next laying out keeps it, or drops it, as it is told."""
    workspace = Workspace(tmp_path)
    workspace.lay_out({}, Overlay())
    assert not workspace.spares_adopted()
    workspace.spare_adopted()
    assert workspace.spares_adopted()

    workspace.lay_out({}, Overlay(), spare_adopted=True)
    kept = workspace.spares_adopted()
    workspace.lay_out({}, Overlay())

    assert (True, False) == (kept, workspace.spares_adopted())


def test_initialising_is_remembered_for_just_these_files(tmp_path: Path) -> None:
    """Another file, or another configuration of the user, asks for it anew."""
    workspace = Workspace(tmp_path)
    workspace.lay_out({}, Overlay())
    fingerprint = workspace.fingerprint("terraform 1.11.4", "")
    assert not workspace.is_ready(fingerprint)
    workspace.ready(fingerprint)

    assert workspace.is_ready(workspace.fingerprint("terraform 1.11.4", ""))
    assert not workspace.is_ready(workspace.fingerprint("terraform 1.11.4", "other"))
    (tmp_path / "user_x.tf").touch()
    assert not workspace.is_ready(workspace.fingerprint("terraform 1.11.4", ""))


def test_holder_of_the_state_is_read_from_terraforms_note(tmp_path: Path) -> None:
    """Who and since when; a note that is missing or broken says nothing."""
    workspace = Workspace(tmp_path)
    note = tmp_path / ".terraform.tfstate.lock.info"
    assert "" == workspace.holder()
    note.write_text('{"Who": "ana@head", "Created": "2026-01-01T00:00:00Z"}')
    assert "ana@head since 2026-01-01T00:00:00Z" == workspace.holder()
    note.write_text("{")

    assert "" == workspace.holder()


def test_loose_files_are_tightened(tmp_path: Path) -> None:
    """A state that another program wrote for all to read becomes the owner's."""
    state = tmp_path / "terraform.tfstate"
    state.touch(0o644)

    Workspace(tmp_path).tighten()

    assert 0o600 == stat.S_IMODE(state.stat().st_mode)
