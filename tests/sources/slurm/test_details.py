"""What is known of jobs beyond the queue, and how a long answer about all of them is taken apart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.slurm import JobGpus, SlurmJob
from app.sources.slurm.details import Details, most_single, split


@pytest.mark.parametrize(("jobs", "expected"), [(0, 4), (4999, 4), (10_000, 10)])
def test_the_longer_the_queue_the_more_jobs_are_looked_up_one_by_one(jobs: int, expected: int) -> None:
    """To list all of ten thousand in full is more work for slurmctld than to look up ten."""
    assert expected == most_single(jobs)


def test_details_that_say_the_same_again_make_no_new_job() -> None:
    """Whoever compares jobs finds out for nothing, and none is held twice."""
    details, queued, told = Details(), SlurmJob("1", 1, state="PENDING"), SlurmJob("1", 1, stdout="/a", comment="b")
    details.learn((told,), (queued,))
    first = details.merged((queued,))
    details.learn((replace(told),), (queued,))
    again = details.merged((queued,))
    details.learn((replace(told, comment="c"),), (queued,))
    changed = details.merged((queued,))

    assert ("/a", "b") == (first[0].stdout, first[0].comment)
    assert first[0] is again[0]
    assert "c" == changed[0].comment


def test_what_details_say_anew_is_believed_of_a_job_that_has_older_ones() -> None:
    """The memory that a job which waits asks for is nowhere else; the queue's own word comes first while it runs."""
    details, told = Details(), SlurmJob("1", 1, memory_mib=1.0)
    details.learn((told,), ())
    waits = details.merged((SlurmJob("1", 1, state="PENDING"),))
    details.learn((replace(told, memory_mib=2.0),), ())
    waits = details.merged(waits)
    runs = details.merged((SlurmJob("1", 1, state="RUNNING", memory_mib=3.0),))

    assert (2.0, 3.0) == (waits[0].memory_mib, runs[0].memory_mib)


def test_details_outlive_a_change_of_what_the_queue_says() -> None:
    """Paths stay a job's own while its priority moves; its GPUs go with the run that held them."""
    details, queued = Details(), SlurmJob("1", 1, state="RUNNING", nodes=("a",), start_at=5.0, priority=1)
    told = replace(queued, stdout="/a", gpus_on=(JobGpus("a", 1, "h100", (0,)),))
    details.learn((told,), (queued,))
    details.merged((queued,))
    moved = details.merged((replace(queued, priority=2),))[0]
    anew = details.merged((replace(queued, start_at=6.0),))[0]

    assert ("/a", 2, told.gpus_on) == (moved.stdout, moved.priority, moved.gpus_on)
    assert ("/a", ()) == (anew.stdout, anew.gpus_on)


def test_what_claims_to_be_a_job_stays_beside_that_job() -> None:
    """A record that a name with a newline forges is split off with the job it names; a mere rest stays with its own."""
    answer = b"JobId=1 JobName=a\nb\nJobId=2 forged\nJobId=2 JobName=true\nJobId=x\nJobId=3 JobName=c\n"

    wanted, others = split(answer, frozenset({2}), 1000)

    assert b"JobId=2 forged\nJobId=2 JobName=true" == wanted
    assert [b"JobId=1 JobName=a\nb\nJobId=x\nJobId=3 JobName=c\n"] == list(others)


def test_records_of_one_number_are_read_in_one_part() -> None:
    """However small the parts, a forged record never comes without the true one, so that neither is believed."""
    answer = b"".join(b"JobId=%d JobName=a\nJobId=%d JobName=b\n" % (number, 11 - number) for number in range(1, 11))

    parts = list(split(answer, frozenset(), 50)[1])

    assert 1 < len(parts)
    for number in range(1, 11):
        assert 1 == len([part for part in parts if b"JobId=%d " % number in part])
