"""A progress bar for work that takes longer than a second while somebody watches."""

import sys
import threading
import time

_PATIENCE_S = 1.0


class PathProgress:
    """Callable (done, total) that shows a bar on standard error once a fit has taken a second.

    Nothing is drawn, or even imported, for fast fits, in pipes and in log files.
    """

    def __init__(self, description: str):
        self.description = description
        self._bar = None
        self._task = None

    def __enter__(self):
        self._start = time.monotonic()
        return self

    def __call__(self, done: int, total: int) -> None:
        if self._bar is None:
            # One bar at a time: folds that run side by side have none.
            is_main = threading.current_thread() is threading.main_thread()
            if time.monotonic() - self._start < _PATIENCE_S or not sys.stderr.isatty() or not is_main:
                return
            self._open(total)
        assert self._bar is not None and self._task is not None
        self._bar.update(self._task, completed=done)

    def __exit__(self, *exception) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _open(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task(self.description, total=total)
        self._bar.start()
