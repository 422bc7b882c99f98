"""Computations that run side by side and ask for something costly at the same time, so that it can be done at once.

Each computation is an ordinary function that calls ``ask(request)`` wherever it needs an answer, and runs in a thread
of its own, which spares the solver from being written as a coroutine. Whoever asks last has all requests answered.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any

Ask = Callable[[Any], Any]


def run_in_lockstep(
    jobs: Sequence[Callable[[Ask], Any]], serve: Callable[[list[Any]], list[Any]], width: int, n_groups: int = 1
) -> list[Any]:
    """Results of all jobs, in their order; `serve` answers the requests of `width` of them at a time.

    With several groups of `width` jobs, one can compute while another is served. A job that ends makes room for the
    next. An error in a job or in `serve` ends them all and is raised here.

    Examples
    --------
    >>> def double_twice(x):
    ...     return lambda ask: ask(ask(x))
    >>> run_in_lockstep([double_twice(1), double_twice(5)], lambda numbers: [2 * n for n in numbers], width=2)
    [4, 20]
    """
    n_running = min(width * n_groups, len(jobs))
    members = [n_running // n_groups + (group < n_running % n_groups) for group in range(n_groups)]
    meetings = [_Meeting(serve, n_members) for n_members in members]
    results, left = [None] * len(jobs), iter(range(len(jobs)))

    def stop(error: BaseException) -> None:
        for meeting in meetings:
            meeting.stop(error)

    def work(meeting: _Meeting) -> None:
        try:
            for number in left:
                results[number] = jobs[number](lambda request, number=number: meeting.ask(number, request))
            meeting.leave()
        except BaseException as error:
            stop(error)

    with ThreadPoolExecutor(max(n_running, 1), thread_name_prefix="spikesieve-lockstep") as threads:
        try:
            seats = [meeting for meeting, n_members in zip(meetings, members, strict=True) for _ in range(n_members)]
            # Each thread goes by the caller's settings, of NumPy's floating-point errors for one.
            for future in [threads.submit(copy_context().run, work, meeting) for meeting in seats]:
                future.result()
        except BaseException as error:  # an interrupt from the keyboard arrives here
            stop(error)
    for meeting in meetings:
        if meeting.error is not None:
            raise meeting.error
    return results


class _Stopped(BaseException):
    """Raised inside a job that is not to go on."""


@dataclass(order=True)
class _Call:
    """A request of one job, and its answer once there is one."""

    number: int
    request: Any = field(compare=False)
    answer: Any = field(compare=False, default=None)
    answered: threading.Event = field(compare=False, default_factory=threading.Event)


class _Meeting:
    """Where jobs wait for one another."""

    def __init__(self, serve: Callable[[list[Any]], list[Any]], n_running: int):
        self._serve, self._n_running = serve, n_running
        self._lock = threading.Lock()
        self._waiting: list[_Call] = []
        self.error: BaseException | None = None

    def ask(self, number: int, request: Any) -> Any:
        """Answer to a request, once all running jobs have one."""
        call = _Call(number, request)
        with self._lock:
            if self.error is not None:
                raise _Stopped
            self._waiting.append(call)
            calls = self._complete()
        self._answer(calls)
        call.answered.wait()
        if self.error is not None:
            raise _Stopped
        return call.answer

    def leave(self) -> None:
        """Have the others go on without one."""
        with self._lock:
            self._n_running -= 1
            calls = self._complete()
        self._answer(calls)

    def stop(self, error: BaseException) -> None:
        """Have all jobs end where they ask next, for the first error that is told."""
        with self._lock:
            if self.error is None and not isinstance(error, _Stopped):
                self.error = error
            calls, self._waiting = self._waiting, []
        for call in calls:
            call.answered.set()

    def _complete(self) -> list[_Call]:
        """Calls to be answered now: none while some job still runs."""
        if len(self._waiting) < self._n_running:
            return []
        calls, self._waiting = sorted(self._waiting), []
        return calls

    def _answer(self, calls: list[_Call]) -> None:
        if not calls:
            return
        try:
            for call, answer in zip(calls, self._serve([call.request for call in calls]), strict=True):
                call.answer = answer
        except BaseException as error:
            self.stop(error)
        for call in calls:
            call.answered.set()
