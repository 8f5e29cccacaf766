"""What makes a root folder with a newer Slurm."""

from pathlib import Path

from tests.tools import slurm_root


def test_mirror_is_the_machines_own() -> None:
    """Debian's own packages are taken from where apt takes them, in both of its formats; security is another place."""
    deb822 = (
        "Types: deb\nURIs: http://mirror.example/debian-security\n\nTypes: deb\nURIs: http://mirror.example/debian\n"
    )
    one_line = (
        "deb [signed-by=/key] https://apt.example/kubernetes x main\ndeb http://old.example/debian/ stable main\n"
    )

    assert "http://mirror.example/debian" == slurm_root.mirror_of(deb822)
    assert "http://old.example/debian/" == slurm_root.mirror_of(one_line)
    assert slurm_root.MIRROR == slurm_root.mirror_of("# nothing\n")


def test_archive_of_a_bare_system_has_no_package_besides() -> None:
    """A root folder to build images on is the suite's least, and comes as an archive."""
    words = slurm_root.words_of("trixie", Path("root.tar"), "http://mirror.example/debian", ())

    assert ["trixie", "root.tar", "http://mirror.example/debian"] == words[-3:]
    assert [] == [word for word in words if word.startswith("--include")]


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    """A second run does nothing and needs nothing."""
    assert 0 == slurm_root.make("forky", tmp_path)
