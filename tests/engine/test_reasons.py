"""Every reason and state that Slurm knows has plain words, and what nobody knows is shown raw."""

from __future__ import annotations

import subprocess
import sys

import pytest

from app.engine.reasons import job_state_lines, node_reason, node_state_lines, reason_said, reasons

SLURM_26_05 = """
AccountNotAllowed AccountingPolicy AssocGrpBB AssocGrpBBMinutes AssocGrpBBRunMinutes AssocGrpBilling
AssocGrpBillingMinutes AssocGrpBillingRunMinutes AssocGrpCPUMinutesLimit AssocGrpCPURunMinutesLimit AssocGrpCpuLimit
AssocGrpEnergy AssocGrpEnergyMinutes AssocGrpEnergyRunMinutes AssocGrpGRES AssocGrpGRESMinutes AssocGrpGRESRunMinutes
AssocGrpJobsLimit AssocGrpLicense AssocGrpLicenseMinutes AssocGrpLicenseRunMinutes AssocGrpMemLimit AssocGrpMemMinutes
AssocGrpMemRunMinutes AssocGrpNodeLimit AssocGrpNodeMinutes AssocGrpNodeRunMinutes AssocGrpSubmitJobsLimit
AssocGrpUnknown AssocGrpUnknownMinutes AssocGrpUnknownRunMinutes AssocGrpWallLimit AssocMaxBBMinutesPerJob
AssocMaxBBPerJob AssocMaxBBPerNode AssocMaxBillingMinutesPerJob AssocMaxBillingPerJob AssocMaxBillingPerNode
AssocMaxCpuMinutesPerJobLimit AssocMaxCpuPerJobLimit AssocMaxCpuPerNode AssocMaxEnergyMinutesPerJob
AssocMaxEnergyPerJob AssocMaxEnergyPerNode AssocMaxGRESMinutesPerJob AssocMaxGRESPerJob AssocMaxGRESPerNode
AssocMaxJobsLimit AssocMaxLicenseMinutesPerJob AssocMaxLicensePerJob AssocMaxMemMinutesPerJob AssocMaxMemPerJob
AssocMaxMemPerNode AssocMaxNodeMinutesPerJob AssocMaxNodePerJobLimit AssocMaxSubmitJobLimit
AssocMaxUnknownMinutesPerJob AssocMaxUnknownPerJob AssocMaxUnknownPerNode AssocMaxWallDurationPerJobLimit
AssociationJobLimit AssociationResourceLimit AssociationTimeLimit BadConstraints BeginTime BurstBufferOperation
BurstBufferResources BurstBufferStageIn Cleaning Constraints DeadLine Dependency DependencyNeverSatisfied FedJobLock
InactiveLimit InvalidAccount InvalidQOS JobArrayTaskLimit JobHeldAdmin JobHeldUser JobHoldMaxRequeue JobLaunchFailure
Licenses MaxBBPerAccount MaxBBRunMinsPerAccount MaxBBRunMinsPerUser MaxBillingPerAccount MaxBillingRunMinsPerAccount
MaxBillingRunMinsPerUser MaxCpuPerAccount MaxCpuRunMinsPerAccount MaxCpuRunMinsPerUser MaxEnergyPerAccount
MaxEnergyRunMinsPerAccount MaxEnergyRunMinsPerUser MaxGRESPerAccount MaxGRESRunMinsPerAccount MaxGRESRunMinsPerUser
MaxJobsPerAccount MaxLicensePerAccount MaxLicenseRunMinsPerAccount MaxLicenseRunMinsPerUser MaxMemPerLimit
MaxMemoryPerAccount MaxMemoryRunMinsPerAccount MaxMemoryRunMinsPerUser MaxNodePerAccount MaxNodeRunMinsPerAccount
MaxNodeRunMinsPerUser MaxPoweredUpNodes MaxSubmitJobsPerAccount MaxUnknownPerAccount MaxUnknownRunMinsPerAccount
MaxUnknownRunMinsPerUser MpiPortsBusy NodeDown NonZeroExitCode None NvidiaImexChannels OutOfMemory PartitionConfig
PartitionDown PartitionInactive PartitionNodeLimit PartitionTimeLimit Priority Prolog QOSGrpBB QOSGrpBBMinutes
QOSGrpBBRunMinutes QOSGrpBilling QOSGrpBillingMinutes QOSGrpBillingRunMinutes QOSGrpCPUMinutesLimit
QOSGrpCPURunMinutesLimit QOSGrpCpuLimit QOSGrpEnergy QOSGrpEnergyMinutes QOSGrpEnergyRunMinutes QOSGrpGRES
QOSGrpGRESMinutes QOSGrpGRESRunMinutes QOSGrpJobsLimit QOSGrpLicense QOSGrpLicenseMinutes QOSGrpLicenseRunMinutes
QOSGrpMemLimit QOSGrpMemoryMinutes QOSGrpMemoryRunMinutes QOSGrpNodeLimit QOSGrpNodeMinutes QOSGrpNodeRunMinutes
QOSGrpSubmitJobsLimit QOSGrpUnknown QOSGrpUnknownMinutes QOSGrpUnknownRunMinutes QOSGrpWallLimit QOSJobLimit
QOSMaxBBPerJob QOSMaxBBPerNode QOSMaxBBPerUser QOSMaxBillingMinutesPerJob QOSMaxBillingPerJob QOSMaxBillingPerNode
QOSMaxBillingPerUser QOSMaxCpuMinutesPerJobLimit QOSMaxCpuPerJobLimit QOSMaxCpuPerNode QOSMaxCpuPerUserLimit
QOSMaxEnergyMinutesPerJob QOSMaxEnergyPerJob QOSMaxEnergyPerNode QOSMaxEnergyPerUser QOSMaxGRESMinutesPerJob
QOSMaxGRESPerJob QOSMaxGRESPerNode QOSMaxGRESPerUser QOSMaxJobsPerUserLimit QOSMaxLicenseMinutesPerJob
QOSMaxLicensePerJob QOSMaxLicensePerUser QOSMaxMemoryMinutesPerJob QOSMaxMemoryPerJob QOSMaxMemoryPerNode
QOSMaxMemoryPerUser QOSMaxNodeMinutesPerJob QOSMaxNodePerJobLimit QOSMaxNodePerUserLimit QOSMaxSubmitJobPerUserLimit
QOSMaxUnknownMinutesPerJob QOSMaxUnknownPerJob QOSMaxUnknownPerNode QOSMaxUnknownPerUser
QOSMaxWallDurationPerJobLimit QOSMinBB QOSMinBilling QOSMinCpuNotSatisfied QOSMinEnergy QOSMinGRES QOSMinLicense
QOSMinMemory QOSMinNode QOSMinUnknown QOSNotAllowed QOSResourceLimit QOSTimeLimit QOSUsageThreshold RaisedSignal
ReqNodeNotAvail Reservation ReservationDeleted ReservationInvalid Resources SchedDefer SystemFailure TimeLimit
"""
"""Codes of job_state_reason.c in 25.11 and 26.05."""
EARLIER = "BlockFreeAction BlockMaxError FrontEndDown PowerNotAvail PowerReserved"
"""Codes of 21.08 to 24.11 that are gone."""


@pytest.mark.parametrize("code", f"{SLURM_26_05} {EARLIER}".split())
def test_every_code_from_21_08_to_26_05_has_words(code: str) -> None:
    """Each code of Slurm's own lists is explained under its own name, and says what to do."""
    reason = reason_said(code).reason

    assert code == reason.code
    assert reason.is_known
    assert reason.text
    assert reason.do
    assert reason.who


def test_words_are_whole() -> None:
    """No text is left with a hole, and none says `None` or ends with a full stop."""
    for reason in reasons().values():
        assert "{what}" not in reason.text
        assert not reason.text.endswith(".")
        assert len(reason.text) <= 140, reason.code


@pytest.mark.parametrize(
    ("raw", "code", "nodes", "rest"),
    [
        (None, "None", (), ""),
        ("", "None", (), ""),
        ("(Resources)", "Resources", (), ""),
        ("resources", "Resources", (), ""),
        ("Resources,Priority", "Resources", (), "Priority"),
        ("RaisedSignal:9(Killed)", "RaisedSignal", (), "9(Killed)"),
        (
            "ReqNodeNotAvail,_UnavailableNodes:gpu_[1-2]",
            "ReqNodeNotAvail",
            ("gpu_1", "gpu_2"),
            "UnavailableNodes:gpu [1-2]",
        ),
        ("(ReqNodeNotAvail, UnavailableNodes:a,b)", "ReqNodeNotAvail", ("a", "b"), "UnavailableNodes:a,b"),
        ("ReqNodeNotAvail, UnavailableNodes:", "ReqNodeNotAvail", (), "UnavailableNodes"),
        ("JobHeldUser (by ana)", "JobHeldUser", (), "(by ana)"),
    ],
)
def test_spellings_of_a_code(raw: str | None, code: str, nodes: tuple[str, ...], rest: str) -> None:
    """Parentheses, case, parameters and lists of nodes do not hide the code."""
    said = reason_said(raw)

    assert (code, nodes, rest) == (said.reason.code, said.nodes, said.rest)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (
            "Nodes_required_for_job_are_DOWN,_DRAINED_or_reserved_for_jobs_in_higher_priority_partitions",
            "NodesUnavailable",
        ),
        ("ReqNodeNotAvail,_May_be_reserved_for_other_job", "KeptForOthers"),
        ("ReqNodeNotAvail, Reserved for maintenance", "ReservedForMaintenance"),
        ("launch_failed_requeued_held", "LaunchFailedHeld"),
        ("job requeued in held state", "RequeuedHeld"),
        ("job_requeued_in_special_exit_state", "SpecialExit"),
        ("Reservation night was deleted", "ReservationDeleted"),
        ("Reservation night, which this job was running under, has ended", "TimeLimit"),
        (
            "uid 2001 not in group permitted to use this partition (vip). groups allowed: vip",
            "AccountNotAllowed",
        ),
    ],
)
def test_sentences_instead_of_a_code(raw: str, code: str) -> None:
    """Where Slurm gives a sentence, with blanks or underscores, it is known for what it is."""
    assert code == reason_said(raw).reason.code


def test_an_unknown_reason_is_shown_raw() -> None:
    """A code of tomorrow, or text with escape sequences, comes back raw, harmless, and admitted."""
    said = reason_said("Quantum\x1b[2JFlux")

    assert ("Quantum[2JFlux", "unknown", False) == (said.reason.code, said.reason.kind, said.reason.is_known)
    assert "no words for" in said.reason.text


def test_states_are_explained_word_by_word() -> None:
    """A node's state and each flag have words; an unknown flag says that it is unknown."""
    lines = dict(node_state_lines("IDLE", ("DRAIN", "DYNAMIC_NORM", "WARP")))

    assert "takes no new job; those on it run to their end" == lines["DRAIN"]
    assert "a state this version has no words for" == lines["WARP"]
    assert {"RUNNING": "runs", "COMPLETING": "it is ending; processes or the epilog still run"} == dict(
        job_state_lines("RUNNING", ("COMPLETING",))
    )


def test_slurms_own_reason_for_a_node_is_told_from_a_persons() -> None:
    """What slurmctld writes is explained; what a person wrote is left to the person."""
    known = node_reason("gres/gpu count reported lower than configured (7 < 8)")

    assert known is not None
    assert "it registered with fewer GPUs than configured" == known.text
    assert None is node_reason("fan swap, back on Monday")


def test_reading_the_registry_is_put_off() -> None:
    """Importing the module reads no file: the registries are loaded when the first reason is asked for."""
    code = "import sys, app.engine.reasons as r; assert r.reasons.cache_info().currsize == 0; r.reason_said('Priority')"

    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode
