"""Terraform's own language, read with python-hcl2: the one place that knows that library."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

Body = Mapping[str, object]


class HclError(Exception):
    """A text is not Terraform's language; the message is for a person."""

    def __init__(self, name: str, line: int) -> None:
        super().__init__(
            f"{name}:{line}: not Terraform's language there" if line > 0 else f"{name}: not Terraform's language"
        )


def parse_hcl(text: str, name: str) -> Body:
    """Read one file; expressions stay text, `${var.image}`. Raises HclError, with `name` for the file."""
    # Late: a tenth of a second that no other command pays.
    from hcl2 import SerializationOptions, loads  # noqa: PLC0415
    from lark.exceptions import LarkError, UnexpectedInput  # noqa: PLC0415

    # Without these, every string and every label keeps its quotes.
    options = SerializationOptions(strip_string_quotes=True, explicit_blocks=False, with_comments=False)
    try:
        # A file without a newline at its end is none to the parser.
        body: Body = loads(text if text.endswith("\n") else text + "\n", serialization_options=options)
    except UnexpectedInput as error:
        raise HclError(name, error.line) from error
    except (LarkError, RecursionError) as error:
        raise HclError(name, 0) from error
    return body


def labelled(body: Body, block: str) -> Iterator[tuple[str, Body]]:
    """Blocks with one label, `variable "image" {…}`: label and content."""
    for item in blocks(body, block):
        for label, content in item.items():
            if isinstance(content, dict):
                yield label, content


def blocks(body: Body, name: str) -> Iterator[Body]:
    """The contents of each block of that name."""
    found = body.get(name)
    for item in found if isinstance(found, list) else [found]:
        if isinstance(item, dict):
            yield item
