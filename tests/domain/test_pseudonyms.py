"""Texts within values are all reached, and names are replaced by the same made-up ones everywhere."""

from __future__ import annotations

from app.domain.finding import Evidence, Finding, FindingSubject
from app.domain.pseudonyms import Pseudonyms
from app.domain.reading import SourceSpec
from app.domain.scrub import scrubbed
from app.domain.slurm import SlurmJob, SlurmNode, SlurmPicture
from app.domain.snapshot import Gpu, Layer, Node, Snapshot, SourceState


def named() -> Pseudonyms:
    """Three nodes, a user, a job, a host."""
    names = Pseudonyms()
    names.learn("node", ["dgx-10", "dgx-2", "dgx-1"])
    names.learn("user", ["ana", "root"])
    names.learn("name", ["llama sft: run 3", "llama-sft"])
    return names


def test_names_keep_their_natural_order() -> None:
    """dgx-10 comes after dgx-2, in its pseudonym too; root says nothing of anybody and stays."""
    names = named()

    assert ("node-1", "node-2", "node-3", "user-1", "root") == tuple(
        map(names, ("dgx-1", "dgx-2", "dgx-10", "ana", "root"))
    )


def test_a_name_is_found_within_texts_and_longer_words() -> None:
    """In paths, addresses, host names, words joined by dashes; never inside another word."""
    names = named()

    assert "user-1@node-2.lab: /home/user-1/name-2_812.out" == names("ana@dgx-2.lab: /home/ana/llama-sft_812.out")
    assert "http://node-3:9400/metrics node-3-ib0" == names("http://dgx-10:9400/metrics dgx-10-ib0")
    assert "banana analysis dgx-100 root cause" == names("banana analysis dgx-100 root cause")
    assert "name-1 failed" == names("llama sft: run 3 failed")
    assert "host-1 answers, 127.0.0.1 too" == names("10.1.2.3 answers, 127.0.0.1 too")


def test_every_text_of_a_value_is_reached_and_numbers_are_not() -> None:
    """Keys that are names, texts deep within, optional ones; metrics and closed sets stay, and what is shared does."""
    gpu = Gpu(
        "dgx-1", 0, "GPU-1", {"model": "H100", "serial": "x"}, (Layer("page dgx-1", 1.0, 5.0, {"gpu.power": 1.0}),)
    )
    job = SlurmJob("812", 812, name="llama-sft", user="ana", state="RUNNING", nodes=("dgx-1",))
    slurm = SlurmPicture("slurm", 5.0, "way", jobs={"812": job}, nodes={"dgx-1": SlurmNode("dgx-1", reason="ana: bad")})
    spec = SourceSpec("page dgx-1", "exporter", "http://dgx-1:9400", 5.0, "dgx-1")
    before = Snapshot(
        sources={"page dgx-1": SourceState(spec, error="dgx-1 is down")},
        nodes={"dgx-1": Node("dgx-1", gpus=(gpu,))},
        slurm=slurm,
    )

    after = scrubbed(before, named())

    assert "dgx" not in repr(after)
    assert "ana" not in repr(after)
    assert ["node-1"] == list(after.nodes)
    shown = after.nodes["node-1"].gpus[0]
    assert ("node-1", 0, {"gpu.power": 1.0}) == (shown.node, shown.index, shown.layers[0].values)
    assert shown.facts is gpu.facts
    assert after.slurm is not None
    assert after.slurm.nodes["node-1"].reason == "user-1: bad"


def test_findings_keep_what_is_ours() -> None:
    """Fault, code and severity are no text of others, even where somebody is called like them."""
    names = named()
    names.learn("user", ["critical", "gpu"])
    one = Finding(
        "gpu.lost", "B1", "GPU dgx-1/3: gone", "critical", FindingSubject("dgx-1", 3), 1.0, 2.0,
        (Evidence("kernel", 1.0, "critical of ana"),), "why",
    )  # fmt: skip

    shown = scrubbed(one, names)

    assert ("gpu.lost", "B1", "critical", "node-1") == (shown.fault, shown.code, shown.severity, shown.subject.node)
    assert "user-2 of user-1" == shown.evidence[0].text
