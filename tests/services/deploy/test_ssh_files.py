"""The files by which ssh knows a deployment's nodes: their names, their pods' host keys, and nobody else's words."""

from pathlib import Path

import pytest

from app.domain.deployment import Address
from app.services.deploy import ssh_files
from app.services.deploy.folder import DeploymentFolder, folder_of

HERE = Address("203.0.113.7", 10022)
SCANNED = "# 203.0.113.7:10022 SSH-2.0-OpenSSH_9.6\n[203.0.113.7]:10022 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5\n"


@pytest.fixture
def folder(tmp_path: Path) -> DeploymentFolder:
    made = folder_of(tmp_path, "lab")
    made.make()
    return made


def test_a_node_is_written_once_and_again_when_it_moves(folder: DeploymentFolder) -> None:
    """Writing the same is no news; another port is, and the other nodes stay."""
    key = folder.key
    news = [
        ssh_files.write_host(folder, "lab-head", "pod1", HERE, key),
        ssh_files.write_host(folder, "lab-w1", "pod2", HERE, key),
        ssh_files.write_host(folder, "lab-head", "pod1", HERE, key),
        ssh_files.write_host(folder, "lab-head", "pod1", Address("203.0.113.7", 10023), key),
    ]

    assert [True, True, False, True] == news
    assert {"lab-head", "lab-w1"} == set(ssh_files.hosts(folder))
    text = folder.ssh_config.read_text()
    assert ("Port 10023" in text, text.count("Host lab-head\n")) == (True, 1)
    assert 0o600 == folder.ssh_config.stat().st_mode & 0o777


def test_a_host_is_checked_by_its_pods_key_alone(folder: DeploymentFolder) -> None:
    """The key stands under the pod's id, in the deployment's own file, and nothing but it is taken."""
    block = ssh_files.host_block(folder, "lab-head", "pod1", HERE, folder.key)

    assert "    HostKeyAlias pod1\n" in block
    assert f'    UserKnownHostsFile "{folder.known_hosts}"\n' in block
    assert {"StrictHostKeyChecking yes", "GlobalKnownHostsFile none", "IdentitiesOnly yes", "UpdateHostKeys no"} <= {
        line.strip() for line in block.splitlines()
    }


@pytest.mark.parametrize(
    ("host", "pod_id"),
    [
        ("-oProxyCommand=x", "pod1"),
        ("a\nProxyCommand x", "pod1"),
        ("a b", "pod1"),
        ("a", "pod1\nX"),
        ("a", "*"),
        ("a", ""),
    ],
)
def test_what_a_provider_says_adds_no_line(folder: DeploymentFolder, host: str, pod_id: str) -> None:
    """An address or an id that is none is an error, not a line of ssh's configuration."""
    with pytest.raises(ValueError, match="is no"):
        ssh_files.write_host(folder, "lab-head", pod_id, Address(host, 22), folder.key)

    assert not folder.ssh_config.exists()


def test_host_keys_are_kept_under_the_pods_id(folder: DeploymentFolder) -> None:
    """What the scan printed beside keys is left out; a pod is pinned once one was there."""
    before = ssh_files.is_pinned(folder, "pod1")
    count = ssh_files.pin(folder, "pod1", SCANNED)

    assert (False, 1, True, False) == (
        before,
        count,
        ssh_files.is_pinned(folder, "pod1"),
        ssh_files.is_pinned(folder, "pod"),
    )
    assert "pod1 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5\n" == folder.known_hosts.read_text()


def test_nothing_is_pinned_where_nothing_was_said(folder: DeploymentFolder) -> None:
    """An answer without a key leaves no file."""
    assert 0 == ssh_files.pin(folder, "pod1", "# nobody\nx y\nh ssh-ed25519 AA,command\n")
    assert not folder.known_hosts.exists()


def test_a_node_is_forgotten_with_its_key(folder: DeploymentFolder) -> None:
    """The other nodes and their keys stay; one that is not known is fine."""
    for node, pod_id in (("lab-head", "pod1"), ("lab-w1", "pod2")):
        ssh_files.write_host(folder, node, pod_id, HERE, folder.key)
        ssh_files.pin(folder, pod_id, SCANNED)
    ssh_files.drop_host(folder, "lab-w1")
    ssh_files.drop_host(folder, "lab-w7")

    assert ("lab-head",) == ssh_files.hosts(folder)
    assert (True, False) == (ssh_files.is_pinned(folder, "pod1"), ssh_files.is_pinned(folder, "pod2"))


def test_the_users_own_configuration_counts_after_ours(tmp_path: Path) -> None:
    """All deployments are included first, and a folder's odd name is no pattern."""
    state = tmp_path / "od[d] 1"
    path = ssh_files.write_include(state)
    before = path.stat().st_mtime_ns
    again = ssh_files.write_include(state)
    lines = path.read_text().splitlines()

    assert (path, before) == (again, again.stat().st_mtime_ns)
    assert [
        f'Include "{tmp_path}/od\\\\[d] 1/deployments/*/ssh_config"',
        "Host *",
        "Include ~/.ssh/config",
        "Include /etc/ssh/ssh_config",
    ] == lines[1:]


def test_a_node_of_any_deployment_is_known_by_its_name(tmp_path: Path) -> None:
    """So that a shell can be opened on it; a name of nobody is none, and without deployments there is no file."""
    before = ssh_files.config_with(tmp_path, "two-w1")
    path = ssh_files.write_include(tmp_path)
    for name in ("lab", "two"):
        folder = folder_of(tmp_path, name)
        folder.make()
        ssh_files.write_host(folder, f"{name}-w1", f"pod-{name}", HERE, folder.key)

    assert (None, path, None) == (
        before,
        ssh_files.config_with(tmp_path, "two-w1"),
        ssh_files.config_with(tmp_path, "w1"),
    )
