"""How far a run may be gone on with: what was said yes to, kept, read again, and held against another question."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.deployment import Change, InfraPlan
from app.services.deploy.agreement import Agreement, drop_agreement, read_agreement, write_agreement
from app.services.deploy.folder import DeploymentFolder, folder_of
from app.services.deploy.plans import Removal

RENT = InfraPlan(
    (Change("runpod_pod.head", "create", node="head", price=2.0),), per_hour_before=0.0, per_hour_after=2.0
)
UNKNOWN = replace(RENT, per_hour_before=None, per_hour_after=None)
REPLACE = InfraPlan((Change("x", "replace", node="w1"),), per_hour_before=4.0, per_hour_after=4.0)
GOES = Removal("lab", "scale", (), ("lab-w2", "lab-w3"))
ALL = Removal("lab", "destroy", (), ("lab-head",))


@pytest.fixture
def folder(tmp_path: Path) -> DeploymentFolder:
    made = folder_of(tmp_path, "lab")
    made.make()
    return made


def test_what_was_agreed_to_is_kept_privately_and_read_again(folder: DeploymentFolder) -> None:
    """Whole, and for its owner alone; taken away, it is nothing."""
    kept = Agreement("7465c745").with_answer(RENT, 5.0).with_answer(GOES, 5.0)

    write_agreement(folder, kept)
    found = read_agreement(folder)
    mode = folder.agreed.stat().st_mode & 0o777
    drop_agreement(folder)

    assert kept == found == Agreement("7465c745", "deploy", 5.0, ("lab-w2", "lab-w3"))
    assert (0o600, None) == (mode, read_agreement(folder))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "[" * 5000,
        "{}",
        '{"verb": "format"}',
        '{"verb": "deploy", "how": "wait", "per_hour": "9"}',
        '{"id":"0","verb":"deploy","how":"wait","per_hour":NaN,"ends":[],"volumes":false,"any_price":false,"tries":0}',
        '{"id":"0","verb":"deploy","how":"wait","per_hour":-1,"ends":[],"volumes":false,"any_price":false,"tries":0}',
        '{"id":"0","verb":"deploy","how":"wait","per_hour":1,"ends":[1],"volumes":false,"any_price":false,"tries":0}',
        '{"id":"0","verb":"deploy","how":"wait","per_hour":1,"ends":[],"volumes":"yes","any_price":false,"tries":0}',
    ],
)
def test_what_cannot_be_read_is_no_agreement(folder: DeploymentFolder, text: str) -> None:
    """Nobody's money is spent by a damaged file."""
    folder.agreed.write_text(text)

    assert read_agreement(folder) is None


@pytest.mark.parametrize(
    ("agreement", "question", "is_covered"),
    [
        (Agreement().with_answer(RENT, None), RENT, True),
        (Agreement().with_answer(RENT, None), replace(RENT, per_hour_after=2.3), False),
        (Agreement().with_answer(RENT, 3.0), replace(RENT, per_hour_after=2.3), True),
        (Agreement().with_answer(RENT, None), UNKNOWN, False),
        (Agreement().with_answer(UNKNOWN, None), UNKNOWN, True),
        (Agreement().with_answer(RENT, None), REPLACE, False),
        (Agreement().with_answer(REPLACE, None), REPLACE, True),
        (Agreement().with_answer(Removal("lab", "replace", (), ("lab-w1",)), None), REPLACE, True),
        (Agreement(per_hour=1.0), replace(RENT, per_hour_before=4.0, per_hour_after=4.0), True),
        (Agreement(per_hour=1.0), RENT, False),
        (Agreement().with_answer(GOES, None), replace(GOES, nodes=("lab-w3",)), True),
        (Agreement().with_answer(GOES, None), replace(GOES, nodes=("lab-w1",)), False),
        (Agreement().with_answer(GOES, None), ALL, False),
        (Agreement().with_answer(ALL, None), ALL, True),
        (Agreement().with_answer(ALL, None), replace(ALL, volumes=(("v1", "cache"),)), False),
        (Agreement().with_answer(replace(ALL, volumes=(("v1", "cache"),)), None), ALL, True),
    ],
)
def test_only_what_was_agreed_to_is_done(agreement: Agreement, question: InfraPlan | Removal, is_covered: bool) -> None:
    """Nothing dearer than was shown or wished for as the most, no other pod ended, no other volume."""
    assert is_covered is agreement.covers(question)
