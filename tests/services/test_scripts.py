"""Batch scripts read and changed: what sbatch would read of them, and nothing else."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.script_templates import TEMPLATES, template
from app.services.scripts import Asked, asked, directives, options, problems, with_directive

SCRIPT = """\
#!/bin/bash
# A comment.
#SBATCH --job-name="my job" -N 2   # two
#SBATCH -p gpu
#SBATCH --gres=gpu:h100:4
##SBATCH --mem=1G
 #SBATCH --mem=2G
#SBATCH --time 1-12:00
#SBATCH --exclusive

srun hostname
#SBATCH --mem=3G
"""


def test_directives_are_those_that_sbatch_reads() -> None:
    """Before the first command, at the line's beginning, one mark; quotes and comments as in a shell."""
    assert {
        "job-name": "my job", "nodes": "2", "partition": "gpu", "gres": "gpu:h100:4", "time": "1-12:00",
        "exclusive": "",
    } == directives(SCRIPT)  # fmt: skip


def test_options_of_a_command_line() -> None:
    """Short and long, joined and apart."""
    assert {"partition": "gpu", "nodes": "4", "hold": "", "gpus": "8"} == options(
        ["-p", "gpu", "-N4", "-H", "--gpus=8"]
    )


@pytest.mark.parametrize(
    ("lines", "wish"),
    [
        ("#SBATCH --gres=gpu:h100:4 -N2 -t 90", Asked(2, 4, None, "h100", None, 5400.0, is_array=False)),
        ("#SBATCH --gpus-per-node=8 --nodes=2-4", Asked(2, 8, None, None, None, None, is_array=False)),
        ("#SBATCH -G a100:16 -p a,b", Asked(None, None, 16, "a100", "a,b", None, is_array=False)),
        ("#SBATCH --gpus-per-task=1 -n 4 --array=0-3", Asked(None, None, 4, None, None, None, is_array=True)),
        ("#SBATCH --gres=gpu", Asked(None, 1, None, None, None, None, is_array=False)),
        ("#SBATCH --gres=shard:4,gpu:2 -t 2-3", Asked(None, 2, None, None, None, 183600.0, is_array=False)),
        ("#SBATCH --gres=none -t UNLIMITED", Asked(None, None, None, None, None, float("inf"), is_array=False)),
        ("#SBATCH -N many -t soon -G x", Asked(None, None, None, None, None, None, is_array=False)),
    ],
)
def test_what_a_script_asks_for(lines: str, wish: Asked) -> None:
    """GPUs in all their spellings, nodes, limits; what cannot be read is not known."""
    assert wish == asked(f"#!/bin/sh\n{lines}\nhostname\n")


def test_options_win_over_the_script() -> None:
    """As sbatch has it."""
    assert 2 == asked(SCRIPT, ("--gres=gpu:2",)).gpus_per_node


def test_a_directive_is_changed_in_its_place() -> None:
    """The others of its line stay; what was not there goes after the last one; None takes it away."""
    changed = with_directive(SCRIPT, "nodes", "4")

    assert {**directives(SCRIPT), "nodes": "4"} == directives(changed)
    assert "srun hostname" in changed
    assert {**directives(SCRIPT), "mem": "64G"} == directives(with_directive(SCRIPT, "mem", "64G"))
    assert "exclusive" not in directives(with_directive(SCRIPT, "exclusive", None))
    assert {"gpus": "1"} == directives(with_directive("#!/bin/sh\nhostname\n", "gpus", "1"))
    assert with_directive("#!/bin/sh\nhostname\n", "gpus", "1").startswith("#!/bin/sh\n#SBATCH")


@pytest.mark.parametrize("value", ["a b", "$(id)", "it's", "a;b", "#x", '"q"'])
def test_a_value_survives_being_written(value: str) -> None:
    """What is written is what is read."""
    assert value == directives(with_directive(SCRIPT, "comment", value))["comment"]


@pytest.mark.parametrize("value", ["a\nrm -rf x", "a\x00", "\x1b[2J"])
def test_a_value_cannot_become_a_line(value: str) -> None:
    """A line break in a form's field would be a command of the script."""
    with pytest.raises(ValueError, match="line break"):
        with_directive(SCRIPT, "comment", value)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("", "is empty"),
        ("hostname\n", "name the shell"),
        ("#!/bin/sh\r\nx\r\n", "Windows"),
        ("#!/bin/sh\n\0", "NUL"),
        ("#!/bin/sh\nx\n#SBATCH -N 2\n", "line 3"),
    ],
)
def test_what_is_wrong_with_a_script(script: str, said: str) -> None:
    """Seen without asking Slurm."""
    assert said in " ".join(problems(script))


@pytest.mark.parametrize("one", TEMPLATES, ids=lambda one: one.name)
def test_every_template_is_a_sound_script(one: object) -> None:
    """Bash reads it, nothing speaks against it, and it asks for GPUs within a time."""
    found = next(known for known in TEMPLATES if known is one)
    checked = subprocess.run(["bash", "-n"], input=found.text, text=True, capture_output=True, check=False)
    wish = asked(found.text)

    assert (0, "") == (checked.returncode, checked.stderr)
    assert () == problems(found.text)
    assert (wish.gpus_per_node or 0) >= 1
    assert wish.time_limit_s is not None
    assert found is template(found.name)


def test_templates_are_the_six_that_were_promised() -> None:
    """One GPU, one node, several nodes, a model server, an array, by hand."""
    names = ["single-gpu", "torchrun-node", "torchrun-multi", "vllm-serve", "array", "interactive"]
    assert names == [one.name for one in TEMPLATES]


@given(st.text(alphabet=st.sampled_from(list("#SBATCH -=gpu:1,N\n\t'\"\\\0\x1b$()é%[]")), max_size=200))
def test_no_script_is_too_odd_to_read(text: str) -> None:
    """Whatever stands in it, it is read, and a directive that is written is read back."""
    script = f"#!/bin/sh\n{text}"
    asked(script)
    problems(script)

    assert "7" == directives(with_directive(script, "nodes", "7"))["nodes"]
