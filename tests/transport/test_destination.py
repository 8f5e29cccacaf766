"""ssh goes where the configuration says, and nothing in that can be an option or reach a shell."""

import pytest

from app.transport.destination import SshDestination, parse_destination


@pytest.mark.parametrize(
    ("written", "destination", "words"),
    [
        ("head", SshDestination("head"), ("--", "head")),
        ("ana@head", SshDestination("head", "ana"), ("-l", "ana", "--", "head")),
        ("head:2222", SshDestination("head", port=2222), ("-p", "2222", "--", "head")),
        ("ana@head.lab:22", SshDestination("head.lab", "ana", 22), ("-l", "ana", "-p", "22", "--", "head.lab")),
        ("a@b@head", SshDestination("head", "a@b"), ("-l", "a@b", "--", "head")),
        ("[fd00::5]:22", SshDestination("fd00::5", port=22), ("-p", "22", "--", "fd00::5")),
        ("fd00::5", SshDestination("fd00::5"), ("--", "fd00::5")),
    ],
)
def test_destinations_are_read_and_written(written: str, destination: SshDestination, words: tuple[str, ...]) -> None:
    """Each form of a destination is read, shown again as it was, and given to ssh in words."""
    assert destination == parse_destination(written)
    assert (written, words) == (str(destination), destination.words)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "-oProxyCommand=touch",
        "a@-oX",
        "-l@head",
        "head;id",
        "$(id)",
        "`id`@head",
        "he ad",
        "head:0",
        "head:99999",
        "head:x",
    ]
    + ["ana@", "@head", "a'b@head", "%h", "head|id", "[::1]:99999"],
)
def test_what_could_be_an_option_or_a_command_is_refused(written: str) -> None:
    """A host or user that ssh, or the shell behind its ProxyCommand, could misread is no destination."""
    with pytest.raises(ValueError, match="no ssh destination"):
        parse_destination(written)


def test_the_command_for_a_person_is_short() -> None:
    """A sentence shows the ssh command one would type."""
    assert "ssh -p 22 ana@head" == parse_destination("ana@head:22").command
    assert "ssh head" == parse_destination("head").command
