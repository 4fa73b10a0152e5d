//! Metrics of what back ends are told and ask.

use super::text::{Kind::Counter, Kind::Gauge, Metric};

pub(super) const EVENT_STREAMS: Metric = Metric {
    name: "webtrunk_event_streams",
    kind: Gauge,
    labels: &[],
    help: "Streams of events that back ends listen to",
    read: |at, samples| samples.value(at.event_streams),
};

pub(super) const EVENT_STREAMS_SLOW: Metric = Metric {
    name: "webtrunk_event_streams_slow_total",
    kind: Counter,
    labels: &[],
    help: "Streams of events that were closed since they did not keep up",
    read: |at, samples| samples.value(at.event_streams_slow),
};

pub(super) const WEBHOOK_EVENTS: Metric = Metric {
    name: "webtrunk_webhook_events_total",
    kind: Counter,
    labels: &["hook", "outcome"],
    help: "Events for webhooks that wait no more: taken (delivered), not taken in webhooks[].give_up_s (given_up), or without room to wait (dropped)",
    read: |at, samples| {
        for (hook, counts) in &at.webhooks {
            samples.labelled([hook, "delivered"], counts.delivered);
            samples.labelled([hook, "given_up"], counts.given_up);
            samples.labelled([hook, "dropped"], counts.dropped);
        }
    },
};

pub(super) const WEBHOOK_EVENTS_WAITING: Metric = Metric {
    name: "webtrunk_webhook_events_waiting",
    kind: Gauge,
    labels: &["hook"],
    help: "Events that wait for a webhook to take them",
    read: |at, samples| {
        at.webhooks.iter().for_each(|(hook, counts)| samples.labelled([hook], counts.waiting))
    },
};

pub(super) const WEBHOOK_FAILURES: Metric = Metric {
    name: "webtrunk_webhook_failures_total",
    kind: Counter,
    labels: &["hook"],
    help: "Times that a webhook did not take an event; it is tried again",
    read: |at, samples| {
        at.webhooks.iter().for_each(|(hook, counts)| samples.labelled([hook], counts.failures))
    },
};

pub(super) const WEBHOOK_UP: Metric = Metric {
    name: "webtrunk_webhook_up",
    kind: Gauge,
    labels: &["hook"],
    help: "0 where a webhook took nothing at the last try, or says that it is gone",
    read: |at, samples| {
        at.webhooks.iter().for_each(|(hook, counts)| samples.labelled([hook], !counts.is_down))
    },
};

pub(super) const WEBHOOK_EVENTS_MISSED: Metric = Metric {
    name: "webtrunk_webhook_events_missed_total",
    kind: Counter,
    labels: &[],
    help: "Events of which no webhook was told, since too much happened at once",
    read: |at, samples| samples.value(at.webhook_events_missed),
};

pub(super) const REST_REQUESTS_LIMITED: Metric = Metric {
    name: "webtrunk_rest_requests_limited_total",
    kind: Counter,
    labels: &[],
    help: "Requests of back ends that were refused since their keys made more than rest.requests_per_minute",
    read: |at, samples| samples.value(at.requests_limited),
};

pub(super) const LOGINS: Metric = Metric {
    name: "webtrunk_logins_total",
    kind: Counter,
    labels: &["outcome"],
    help: "Logins of the edge that customers' back ends asked for: made, or not, since the clocks are too far apart (clock), by the customer's policy (not_allowed, too_many), or since the edge has no key in force (no_key)",
    read: |at, samples| at.logins.iter().for_each(|(outcome, logins)| samples.labelled([*outcome], *logins)),
};
