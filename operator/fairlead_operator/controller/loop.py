"""The workers around the queue, and the regular full pass over all models."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence

from fairlead_operator.controller.child_index import Key
from fairlead_operator.controller.names import Names
from fairlead_operator.controller.queue import WorkQueue
from fairlead_operator.controller.reconciler import Reconciler
from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.errors import KubeError
from fairlead_operator.kube.resources import MODEL_DEPLOYMENT
from fairlead_operator.telemetry import (
    QUEUE_DEPTH,
    QUEUE_OLDEST_SECONDS,
    QUEUE_SECONDS,
    RECONCILE_SECONDS,
    RECONCILES,
    model_fields,
)

LOG = logging.getLogger(__name__)


async def run_workers(queue: WorkQueue[Key], reconciler: Reconciler, count: int) -> None:
    """Works on the queue until cancelled."""
    QUEUE_DEPTH.set_function(lambda: queue.depth)
    QUEUE_OLDEST_SECONDS.set_function(lambda: queue.oldest_seconds)
    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(_work(queue, reconciler))


async def _work(queue: WorkQueue[Key], reconciler: Reconciler) -> None:
    while True:
        key = await queue.get()
        QUEUE_SECONDS.observe(queue.waited_seconds(key))
        try:
            await reconcile_once(queue, reconciler, key)
        except asyncio.CancelledError:
            # Not finished: to be reconciled again when the workers go on.
            queue.add(key)
            raise
        finally:
            queue.done(key)


async def reconcile_once(queue: WorkQueue[Key], reconciler: Reconciler, key: Key) -> None:
    """One reconcile with its consequences for the queue. Every failure is logged and retried."""
    fields = model_fields(*key)
    try:
        with RECONCILE_SECONDS.time():
            requeue_after = await reconciler.reconcile(key)
    except KubeError as error:
        RECONCILES.labels("retry").inc()
        delay = queue.retry(key, at_least=error.retry_after or 0.0)
        LOG.warning("try again", extra={**fields, "error": str(error), "seconds": round(delay, 1)})
    except Exception:
        # An error in one model must not stop the others.
        RECONCILES.labels("error").inc()
        delay = queue.retry(key)
        LOG.exception("reconcile failed", extra={**fields, "seconds": round(delay, 1)})
    else:
        RECONCILES.labels("ok").inc()
        queue.forget(key)
        if requeue_after is not None:
            queue.add_after(key, requeue_after)


async def run_resync(
    queue: WorkQueue[Key],
    client: KubeClient,
    namespaces: Sequence[str],
    seconds: float,
    names: Names,
) -> None:
    """Adds every model to the queue periodically. This finds deletions that a broken watch has lost."""
    while True:
        await asyncio.sleep(seconds * random.uniform(0.9, 1.1))  # noqa: S311 -- no secret
        for known in names.keys:
            queue.add(known)
        try:
            for namespace in namespaces or (None,):
                for key in await client.names(MODEL_DEPLOYMENT, namespace):
                    queue.add(key)
        except KubeError as error:
            LOG.warning("full pass failed", extra={"error": str(error)})
