"""What `/metrics` shows: the kernel's own numbers, and those that domains are asked for."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from nightcrew import __version__
from nightcrew.kernel.declare import Metric


class Metrics:
    """What `/metrics` shows (Prometheus text format)."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.worker_fresh = Gauge(
            "nightcrew_worker_fresh", "1 while the worker keeps its promise", ["worker"], registry=self.registry
        )
        self.worker_age = Gauge(
            "nightcrew_worker_age_seconds", "Time since the last success", ["worker"], registry=self.registry
        )
        self.worker_promise = Gauge(
            "nightcrew_worker_promise_seconds", "How old the last success may be", ["worker"], registry=self.registry
        )
        self.worker_failures = Gauge(
            "nightcrew_worker_failures", "Failures in a row", ["worker"], registry=self.registry
        )
        self.result_fresh = Gauge(
            "nightcrew_result_fresh", "1 while the result keeps its promise", ["result"], registry=self.registry
        )
        self.result_age = Gauge(
            "nightcrew_result_age_seconds", "Age of the result that is served", ["result"], registry=self.registry
        )
        self.jobs_running = Gauge("nightcrew_jobs_running", "Jobs running on this node", registry=self.registry)
        self.job_seconds = Histogram(
            "nightcrew_job_seconds", "How long jobs took", ["job", "outcome"], registry=self.registry,
            buckets=(0.1, 0.5, 1, 5, 15, 60, 300, 1800, 7200),
        )  # fmt: skip
        self.requests = Counter(
            "nightcrew_http_requests_total", "Answered requests", ["method", "status"], registry=self.registry
        )
        self.notifications = Counter(
            "nightcrew_notifications_total",
            "Messages and heartbeats by what became of them",
            ["target_kind", "outcome"],
            registry=self.registry,
        )
        self.recoveries = Counter(
            "nightcrew_recoveries_total",
            "Troubles with outside services by kind, and how work went on: another mirror (switch), a stale answer, or without one (skip)",
            ["kind"],
            registry=self.registry,
        )
        self.route_state = Gauge(
            "nightcrew_route_state", "1 for the state that a route has", ["route", "state"], registry=self.registry
        )
        self.route_canary = Gauge(
            "nightcrew_route_canary_seconds", "The last round trip through a route", ["route"], registry=self.registry
        )
        self.loop_blocked = Counter(
            "nightcrew_loop_blocked_seconds_total", "Time the event loop stood still", registry=self.registry
        )
        Gauge("nightcrew_info", "Version", ["version"], registry=self.registry).labels(__version__).set(1)

    def render(self, more: Iterable[GaugeMetricFamily] = ()) -> bytes:
        """The text that a Prometheus server reads."""
        momentary = CollectorRegistry()
        momentary.register(_Momentary(more))
        return generate_latest(self.registry) + generate_latest(momentary)


class _Momentary(Collector):
    """Numbers that were asked for this once."""

    def __init__(self, families: Iterable[GaugeMetricFamily]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[GaugeMetricFamily]:
        return self._families


def family_of(domain: str, metric: Metric) -> GaugeMetricFamily:
    """A domain's numbers as Prometheus takes them."""
    family = GaugeMetricFamily(
        f"nightcrew_{domain}_{metric.name}", metric.help, labels=[metric.label] if metric.label else []
    )
    for label, value in metric.values.items():
        family.add_metric([label] if metric.label else [], value)
    return family
