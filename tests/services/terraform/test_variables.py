"""The module's variables, read for forms; and the user's own files, checked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from app.services.deploy.ports import InfraError
from app.services.terraform.hcl import HclError
from app.services.terraform.overlay import Overlay, read_overlay
from app.services.terraform.variables import Rule, Variable, parse_variables, read_variables
from app.services.terraform.workspace import modules_dir

TEXT = """
variable "image" {
  type        = string
  description = "An \\"image\\"."
  default     = "a:b"
  sensitive   = true
  validation {
    condition     = length(var.image) > 0
    error_message = "Say one."
  }
}
variable "nodes" {
  type = map(object({ gpu = string, count = optional(number, 1) }))
}
variable "any" { default = null }
"""


def test_variable_has_what_a_form_needs() -> None:
    """Name, type as written, default, description, sensitivity and rules; no default means it is required."""
    expected = (
        Variable("image", "string", 'An "image".', "a:b", False, True, (Rule("length(var.image) > 0", "Say one."),)),
        Variable("nodes", "map(object({gpu = string, count = optional(number, 1)}))", is_required=True),
        Variable("any"),
    )

    assert expected == parse_variables(TEXT)


def test_every_variable_of_our_module_is_described_and_checked() -> None:
    """A form has a sentence for each; whatever a user types is validated, but for ids of the provider's own."""
    variables = read_variables(modules_dir() / "cluster")

    assert {"name_prefix", "nodes", "public_key"} == {one.name for one in variables if one.is_required}
    assert [] == [one.name for one in variables if not one.description or one.type == "any"]
    assert {"template_id", "registry_id", "volume_id"} == {one.name for one in variables if not one.rules}
    assert [] == [one.name for one in variables if one.is_sensitive]


def test_broken_file_is_an_error_with_its_line() -> None:
    """A person is told where, in which file."""
    with pytest.raises(HclError, match=r"^mine\.tf:2: "):
        parse_variables('variable "x" {\n  type = = 3\n}\n', "mine.tf")


def overlay(folder: Path, **files: str) -> Overlay:
    """Read an overlay of these files."""
    for name, text in files.items():
        (folder / f"{name}.tf").write_text(text)
    return read_overlay(folder)


def test_overlay_is_laid_out_under_names_of_its_own(tmp_path: Path) -> None:
    """No file takes the place of ours; what it adds and needs is said."""
    main = 'resource "aws_instance" "door" {\n}\n'
    versions = 'terraform {\n  required_providers {\n    aws = {\n      source = "hashicorp/aws"\n    }\n  }\n}\n'
    (tmp_path / "README.md").write_text("not Terraform")

    read = overlay(tmp_path, main=main, versions=versions, user_x="# mine\n")

    assert [("user_main.tf", main), ("user_x.tf", "# mine\n"), ("user_versions.tf", versions)] == list(read.files)
    assert (("aws_instance.door",), ("hashicorp/aws",)) == (read.adds, read.providers)


REFUSED = {
    "backend": ('terraform {\n  backend "s3" {\n  }\n}\n', "move the state away"),
    "cloud": ("terraform {\n  cloud {\n  }\n}\n", "move the state away"),
    "key": ('provider "runpod" {\n  api_key = "rpa_x"\n}\n', "comes from the environment"),
    "module": ('module "m" {\n  source = "./m"\n}\n', "write the whole path"),
    "syntax": ("resource {\n", "not Terraform's language"),
}


@pytest.mark.parametrize(("text", "why"), REFUSED.values(), ids=REFUSED)
def test_overlay_that_would_break_a_promise_is_refused(tmp_path: Path, text: str, why: str) -> None:
    """The state stays here, the key stays out of files, and what is copied still works; the file is named."""
    with pytest.raises(InfraError, match=why) as caught:
        overlay(tmp_path, mine=text)

    assert "config" == caught.value.kind
    assert "mine.tf" in str(caught.value)


def test_overlay_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """A folder that is not there, a file that is no text, a file or a folder beyond all measure."""
    with pytest.raises(InfraError, match=r"settings: deploy\.overlay"):
        read_overlay(tmp_path / "nosuch")
    (tmp_path / "a.tf").write_bytes(b"\xff\xfe")
    with pytest.raises(InfraError, match="not text"):
        read_overlay(tmp_path)
    (tmp_path / "a.tf").write_bytes(b"#" * (1 << 20) + b"#")
    with pytest.raises(InfraError, match="larger than"):
        read_overlay(tmp_path)


def test_driver_is_imported_without_the_parser() -> None:
    """python-hcl2 is loaded when a `.tf` file is read, and not before."""
    code = "import sys, app.services.terraform.driver; print(sorted({'hcl2', 'lark', 'httpx'} & set(sys.modules)))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "[]" == done.stdout.strip()
