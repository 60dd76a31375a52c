"""What is used of DBOS beyond its public interface is as it was when the adapter was written."""

from __future__ import annotations

import inspect

import dbos._error
import dbos._queue
import dbos._sys_db
import dbos._workflow_commands
from dbos import DBOS

from nightcrew.kernel import engine


def test_the_private_parts_of_dbos_are_those_that_the_adapter_was_written_for() -> None:
    """When this fails after an upgrade of DBOS, look at engine.py: recovery of dead nodes, and the errors of steps."""
    assert engine.PRIVATE == (
        "dbos._error.DBOSMaxStepRetriesExceeded",
        "dbos._error.DBOSUnexpectedStepError",
        "dbos._serialization.DefaultSerializer.deserialize",
        "_recover_pending_workflows",
        "_sys_db.engine",
        "_sys_db.tables.workflow_status",
        "_sys_db.transition_delayed_workflows",
        "dbos._utils.INTERNAL_QUEUE_NAME",
        "dbos._dbos.queue_thread",
        "dbos._dbos.startup_recovery_thread",
        "dbos._workflow_commands._BACKGROUND_JOBS_INTERVAL_SEC",
    )
    retries = inspect.signature(dbos._error.DBOSMaxStepRetriesExceeded.__init__)
    assert list(retries.parameters) == ["self", "step_name", "max_retries", "errors"]
    error = OSError("the last one")
    assert dbos._error.DBOSMaxStepRetriesExceeded("step", 2, [ValueError("first"), error]).errors[-1] is error
    assert issubclass(dbos._error.DBOSUnexpectedStepError, Exception)
    recover = inspect.signature(DBOS._recover_pending_workflows)
    assert list(recover.parameters) == ["executor_ids"]
    assert "reenqueue_for_recovery" in inspect.getsource(dbos._recovery), "exactly one runner gets each recovered run"
    delayed = inspect.getsource(dbos._sys_db.SystemDatabase.transition_delayed_workflows)
    assert "delay_until_epoch_ms <= now_ms" in delayed, "what has given way goes on by itself, also after a restart"
    put_back = inspect.getsource(dbos._sys_db.SystemDatabase.reenqueue_for_recovery)
    assert "owner_xid=None" in put_back, "what is cleared of a run that waits again"
    assert "started_at_epoch_ms=None" in put_back


def test_the_threads_of_dbos_sleep_as_the_bell_expects_it() -> None:
    """When this fails after an upgrade of DBOS, look at engine_bell.py: who looks into queues sleeps on the event that ends it."""
    manager, worker = (inspect.getsource(one) for one in (dbos._queue.queue_thread, dbos._queue.queue_worker_thread))
    assert list(inspect.signature(dbos._queue.queue_thread).parameters) == ["stop_event", "dbos"]
    assert "args=(stop_event, dbos, queue)" in manager
    assert 'name=f"queue-worker-{queue_name}"' in manager
    assert "if stop_event.wait(timeout=check_interval):" in manager
    assert "if stop_event.wait(timeout=polling_interval * random.uniform(0.95, 1.05)):" in worker
    assert worker.count("stop_event.wait(") == 1
    launch = inspect.getsource(DBOS._launch)
    assert "target=queue_thread, args=(evt, self)" in launch
    assert "self._executor.submit(startup_recovery_thread, self, workflow_ids)" in launch
    assert "_BACKGROUND_JOBS_INTERVAL_SEC,\n" in inspect.getsource(dbos._workflow_commands.background_jobs_thread)


def test_nobody_else_imports_dbos() -> None:
    """What there is to mend at an upgrade."""
    from pathlib import Path

    import nightcrew

    root = Path(nightcrew.__file__).parent
    users = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if line.strip().startswith(("import dbos", "from dbos"))
    }
    assert users == {"kernel/engine.py", "kernel/engine_bell.py"}
