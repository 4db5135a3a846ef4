"""How a run's process is watched.

Belongs here: Dagster's own launcher, able to say whether a run is still alive. Its parent fails a run whose process
died beside a living code server; a run that died with its code server (power cut, `kill -9` of everything) would stay
"started" until `max_runtime_seconds`, and its lane would wait as long.
Does not: what follows. Run monitoring marks the run as failed and run retries start it again (`dagster.yaml`).
"""

from __future__ import annotations

import fcntl
from pathlib import Path

import dagster as dg
from dagster._core.errors import DagsterUserCodeUnreachableError  # no public name
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus  # a launcher's contract; no public name
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import deserialize_value

from orchestration.drive import DRIVEN


class WatchedRunLauncher(dg.DefaultRunLauncher):
    """Runs as processes of the code server, and asks that server whether a run goes on."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Run monitoring may ask."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Alive where the code server that launched the run still has it; a server that is only slow is no verdict."""
        if DRIVEN in run.tags:
            alive = _is_held(Path(self._instance.root_directory) / "driver.lock")
            return CheckRunHealthResult(WorkerStatus.RUNNING if alive else WorkerStatus.NOT_FOUND, "a driver's run")
        client = self._get_grpc_client_for_termination(run.run_id)  # type: ignore[no-untyped-call]  # Dagster's own
        if client is None:
            return CheckRunHealthResult(WorkerStatus.UNKNOWN, "no code server launched it")
        try:
            answer = client.can_cancel_execution(CanCancelExecutionRequest(run_id=run.run_id), timeout=10)
        except DagsterUserCodeUnreachableError as error:
            if "UNAVAILABLE" in str(error):
                return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "the code server that ran it is gone")
            return CheckRunHealthResult(WorkerStatus.RUNNING, "its code server is slow to answer")
        known = deserialize_value(answer, CanCancelExecutionResult).can_cancel
        return CheckRunHealthResult(WorkerStatus.RUNNING if known else WorkerStatus.NOT_FOUND)


def _is_held(lock: Path) -> bool:
    """Whether a driver (`lakehouse materialize`, a demo) works in this folder: its lock ends with its process."""
    try:
        with lock.open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
