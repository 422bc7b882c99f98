"""Jobs in lockstep: one round of requests at a time, errors that end all, no thread left behind."""

import threading

import numpy as np
import pytest

from spikesieve.solver._lockstep import run_in_lockstep


def test_requests_of_all_running_jobs_are_served_together():
    rounds = []

    def job(n_requests):
        return lambda ask: [ask(k) for k in range(n_requests)]

    def serve(requests):
        rounds.append(list(requests))
        return [10 * request for request in requests]

    results = run_in_lockstep([job(2), job(0), job(3)], serve, width=3)
    assert results == [[0, 10], [], [0, 10, 20]]
    assert rounds == [[0, 0], [1, 1], [2]]


def test_a_job_that_ends_makes_room_for_the_next():
    widths = []

    def serve(requests):
        widths.append(len(requests))
        return requests

    jobs = [lambda ask, n=n: [ask((n, k)) for k in range(n)] for n in (1, 3, 0, 2, 1)]
    results = run_in_lockstep(jobs, serve, width=2)
    assert results == [[(n, k) for k in range(n)] for n in (1, 3, 0, 2, 1)]
    assert widths == [2, 2, 2, 1]


@pytest.mark.parametrize("n_jobs", [0, 1, 5, 23])
def test_groups_share_the_jobs(n_jobs):
    jobs = [lambda ask, n=n: [ask((n, k)) for k in range(n % 4)] for n in range(n_jobs)]
    results = run_in_lockstep(jobs, lambda requests: requests, width=3, n_groups=2)
    assert results == [[(n, k) for k in range(n % 4)] for n in range(n_jobs)]


def test_jobs_run_with_the_settings_of_whoever_started_them():
    with np.errstate(divide="raise"):
        settings = run_in_lockstep([lambda ask: np.geterr()["divide"]] * 2, lambda requests: requests, width=2)
    assert settings == ["raise", "raise"] and np.geterr()["divide"] != "raise"


def test_an_error_ends_all_jobs_and_leaves_no_thread():
    before = threading.active_count()
    ended = []

    def patient(ask):
        try:
            ask("anything")
        finally:
            ended.append(True)

    def failing(ask):
        ask("something")
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        run_in_lockstep([failing, patient, patient], lambda requests: requests, width=3)
    assert ended == [True, True] and threading.active_count() == before

    def interrupted(requests):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_in_lockstep([patient, patient], interrupted, width=2)
    assert len(ended) == 4 and threading.active_count() == before
