"""Computations that run side by side and ask for something costly at the same time, so that it can be done at once.

Each computation is an ordinary function that calls ``ask(request)`` wherever it needs an answer. It runs in a thread of
its own, but only one thread is ever awake: threads serve as coroutines here, which spares the solver from being written
as one. A switch takes about 10 microseconds.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any

Ask = Callable[[Any], Any]


def run_in_lockstep(jobs: Sequence[Callable[[Ask], Any]], serve: Callable[[list[Any]], list[Any]]) -> list[Any]:
    """Results of all jobs, in their order; `serve` answers the current requests of all that still run.

    An error in a job or in `serve` ends them all and is raised here.

    Examples
    --------
    >>> def double_twice(x):
    ...     return lambda ask: ask(ask(x))
    >>> run_in_lockstep([double_twice(1), double_twice(5)], lambda numbers: [2 * n for n in numbers])
    [4, 20]
    """
    workers = [_Worker(job) for job in jobs]
    running = workers
    try:
        while running:
            for worker in running:
                worker.resume()
            running = [worker for worker in running if not worker.done]
            answers = serve([worker.request for worker in running]) if running else []
            for worker, answer in zip(running, answers, strict=True):
                worker.answer = answer
    finally:
        for worker in workers:
            worker.stop()
    return [worker.result for worker in workers]


class _Stopped(BaseException):
    """Raised inside a job that is not to go on."""


class _Worker:
    """One job, awake only within `resume`."""

    def __init__(self, job: Callable[[Ask], Any]):
        self._job = job
        self._awake, self._asleep = threading.Semaphore(0), threading.Semaphore(0)
        self._stopped = False
        self._error: BaseException | None = None
        self.done = False
        self.request: Any = None
        self.answer: Any = None
        self.result: Any = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def resume(self) -> None:
        """Let the job run until its next request or its end."""
        self._awake.release()
        self._asleep.acquire()
        if self._error is not None and not isinstance(self._error, _Stopped):
            raise self._error

    def stop(self) -> None:
        """End the job where it is."""
        self._stopped = True
        while not self.done:
            self._awake.release()
            self._asleep.acquire()
        self._thread.join()

    def _run(self) -> None:
        self._awake.acquire()
        try:
            if not self._stopped:
                self.result = self._job(self._ask)
        except BaseException as error:
            self._error = error
        self.done = True
        self._asleep.release()

    def _ask(self, request: Any) -> Any:
        self.request = request
        self._asleep.release()
        self._awake.acquire()
        if self._stopped:
            raise _Stopped
        return self.answer
