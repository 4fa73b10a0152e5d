//! The list of all metrics. docs/METRICS.md is made of it.

use super::back_ends;
use super::figures::{counted, seconds};
use super::queues;
use super::text::{Kind::Counter, Kind::Gauge, Metric};

/// All metrics, in the order in which they are told.
pub(super) const LIST: &[Metric] = &[
    Metric {
        name: "webtrunk_info",
        kind: Gauge,
        labels: &["version"],
        help: "Always 1; the version of the gateway is in the label",
        read: |_, samples| samples.labelled([env!("CARGO_PKG_VERSION")], 1_u64),
    },
    Metric {
        name: "webtrunk_uptime_seconds",
        kind: Gauge,
        labels: &[],
        help: "Time since the gateway started",
        read: |at, samples| samples.value(at.uptime_s),
    },
    Metric {
        name: "webtrunk_ready",
        kind: Gauge,
        labels: &[],
        help: "1 while new calls are taken, as /readyz tells",
        read: |at, samples| samples.value(at.is_ready),
    },
    // Calls.
    Metric {
        name: "webtrunk_calls",
        kind: Gauge,
        labels: &["stage"],
        help: "Calls under way, by what goes on in them",
        read: |at, samples| at.calls.iter().for_each(|(stage, calls)| samples.labelled([stage], *calls)),
    },
    Metric {
        name: "webtrunk_calls_ended_total",
        kind: Counter,
        labels: &["answered", "cause"],
        help: "Calls that are over, by whether they were answered and by the cause that their record tells",
        read: |at, samples| {
            for ((answered, cause), calls) in &at.tally.ended {
                samples.labelled([if *answered { "true" } else { "false" }, cause], *calls);
            }
        },
    },
    Metric {
        name: "webtrunk_calls_refused_total",
        kind: Counter,
        labels: &["cause"],
        help: "Calls refused before they became any: by no rule, or a limit",
        read: |at, samples| {
            at.tally.refused.iter().for_each(|(cause, calls)| samples.labelled([cause], *calls))
        },
    },
    Metric {
        name: "webtrunk_calls_without_room_total",
        kind: Counter,
        labels: &["why"],
        help: "Calls answered 503: too many a second (rate), as many as may be (calls; legs, of signalling; trunk, of the caller's), \
               late media threads, memory that is used up, a gateway that is behind (backlog) or goes down (drain)",
        read: |at, samples| at.no_room.iter().for_each(|(why, calls)| samples.labelled([why], *calls)),
    },
    Metric {
        name: "webtrunk_calls_forbidden_total",
        kind: Counter,
        labels: &["why"],
        help: "Numbers at trunks that were dialled and not called: none that may be called, or the minutes of the day were over",
        read: |at, samples| {
            let [number, minutes] = at.forbidden;
            samples.labelled(["number"], number);
            samples.labelled(["minutes"], minutes);
        },
    },
    Metric {
        name: "webtrunk_users_elsewhere_total",
        kind: Counter,
        labels: &["what"],
        help: "Users of customers who proved who they are and were refused, for they came from outside of customers[].networks: \
               to register, to call, as a page, or for something else (other)",
        read: |at, samples| at.elsewhere.iter().for_each(|(what, count)| samples.labelled([what], *count)),
    },
    Metric {
        name: "webtrunk_edge_credentials_total",
        kind: Counter,
        labels: &["outcome"],
        help: "Whoever asked the entry for a credential of the edge, by whether it got one",
        read: |at, samples| {
            let [issued, refused] = at.credentials;
            samples.labelled(["issued"], issued);
            samples.labelled(["refused"], refused);
        },
    },
    Metric {
        name: "webtrunk_legacy_token_logins_total",
        kind: Counter,
        labels: &[],
        help: "Pages that came by tokens without a MAC (legacy_tokens), which anybody may forge who has one",
        read: |at, samples| samples.value(at.legacy_token_logins),
    },
    Metric {
        name: "webtrunk_jwks_fetches_total",
        kind: Counter,
        labels: &["outcome"],
        help: "Sets of keys that were to be fetched (token_keys[].jwks_url), by whether they were",
        read: |at, samples| {
            let [fetched, failed] = at.jwks_fetches;
            samples.labelled(["fetched"], fetched);
            samples.labelled(["failed"], failed);
        },
    },
    back_ends::LOGINS,
    back_ends::EVENT_STREAMS,
    back_ends::EVENT_STREAMS_SLOW,
    back_ends::WEBHOOK_EVENTS,
    back_ends::WEBHOOK_EVENTS_WAITING,
    back_ends::WEBHOOK_FAILURES,
    back_ends::WEBHOOK_UP,
    back_ends::WEBHOOK_EVENTS_MISSED,
    back_ends::REST_REQUESTS_LIMITED,
    Metric {
        name: "webtrunk_call_talked_seconds_total",
        kind: Counter,
        labels: &[],
        help: "Time between answer and end of all calls that are over",
        read: |at, samples| samples.value(seconds(at.tally.talked_ms)),
    },
    Metric {
        name: "webtrunk_legs",
        kind: Gauge,
        labels: &["side"],
        help: "Legs of calls, in the media engine and in signalling; they differ while a leg comes or goes",
        read: |at, samples| {
            samples.labelled(["media"], at.status.media_legs);
            samples.labelled(["signalling"], at.status.signalling_legs);
        },
    },
    // Users and trunks.
    Metric {
        name: "webtrunk_registered_users",
        kind: Gauge,
        labels: &[],
        help: "Users with a registered contact",
        read: |at, samples| samples.value(at.status.registered_users),
    },
    Metric {
        name: "webtrunk_trunk_up",
        kind: Gauge,
        labels: &["trunk"],
        help: "1 where a trunk that is registered at or probed can be called: all registrations hold, and a host answers",
        read: |at, samples| {
            let watched = at.status.trunks.iter().filter(|(_, trunk)| trunk.is_watched());
            watched.for_each(|(name, trunk)| samples.labelled([name], trunk.is_up()))
        },
    },
    Metric {
        name: "webtrunk_trunk_registrations",
        kind: Gauge,
        labels: &["trunk", "state"],
        help: "Our registrations at trunks, by state",
        read: |at, samples| {
            for (name, trunk) in &at.status.trunks {
                for (state, count) in counted(trunk.registrations.iter().map(|one| one.state)) {
                    samples.labelled([name, state], count);
                }
            }
        },
    },
    Metric {
        name: "webtrunk_trunk_hosts",
        kind: Gauge,
        labels: &["trunk", "state"],
        help: "Hosts of trunks as they were found last, by state",
        read: |at, samples| {
            for (name, trunk) in &at.status.trunks {
                for (state, count) in counted(trunk.hosts.iter().map(|host| host.state)) {
                    samples.labelled([name, state], count);
                }
            }
        },
    },
    Metric {
        name: "webtrunk_trunk_calls",
        kind: Gauge,
        labels: &["trunk"],
        help: "Calls of trunks that are limited",
        read: |at, samples| {
            for (name, trunk) in &at.status.trunks {
                trunk.calls.iter().for_each(|calls| samples.labelled([name], *calls));
            }
        },
    },
    Metric {
        name: "webtrunk_trunk_calls_refused_total",
        kind: Counter,
        labels: &["trunk"],
        help: "Calls that were one too many for a trunk that is limited",
        read: |at, samples| {
            for (name, trunk) in &at.status.trunks {
                trunk.refused.iter().for_each(|calls| samples.labelled([name], *calls));
            }
        },
    },
    // SIP.
    Metric {
        name: "webtrunk_sip_requests_received_total",
        kind: Counter,
        labels: &["method"],
        help: "Requests that came in, well formed, those sent again among them",
        read: |at, samples| {
            at.received.requests.iter().for_each(|(kind, count)| samples.labelled([kind], *count))
        },
    },
    Metric {
        name: "webtrunk_sip_requests_sent_total",
        kind: Counter,
        labels: &["method"],
        help: "Requests that we sent, those sent again among them",
        read: |at, samples| {
            at.sent.requests.iter().for_each(|(kind, count)| samples.labelled([kind], *count))
        },
    },
    Metric {
        name: "webtrunk_sip_responses_received_total",
        kind: Counter,
        labels: &["class"],
        help: "Responses that came in, by class",
        read: |at, samples| {
            at.received.responses.iter().for_each(|(kind, count)| samples.labelled([kind], *count))
        },
    },
    Metric {
        name: "webtrunk_sip_responses_sent_total",
        kind: Counter,
        labels: &["class"],
        help: "Responses that we sent, by class",
        read: |at, samples| {
            at.sent.responses.iter().for_each(|(kind, count)| samples.labelled([kind], *count))
        },
    },
    Metric {
        name: "webtrunk_sip_malformed_total",
        kind: Counter,
        labels: &[],
        help: "Messages that no parser takes",
        read: |at, samples| samples.value(at.sip.malformed),
    },
    Metric {
        name: "webtrunk_sip_held_back_total",
        kind: Counter,
        labels: &["why"],
        help: "Messages that nobody looked at, or that had to wait: of sources that send too much, and of scanners",
        read: |at, samples| {
            samples.labelled(["rate"], at.sip.held_back);
            samples.labelled(["scanner"], at.sip.scanners);
        },
    },
    Metric {
        name: "webtrunk_sip_streams",
        kind: Gauge,
        labels: &[],
        help: "Open streams of SIP: TCP, TLS and WebSocket",
        read: |at, samples| samples.value(at.streams),
    },
    Metric {
        name: "webtrunk_sip_streams_refused_total",
        kind: Counter,
        labels: &["reason"],
        help: "Streams refused or cut: too many of one address, all places taken, idle strangers that made room, slow peers, \
               WebSockets of foreign pages",
        read: |at, samples| {
            samples.labelled(["per_address"], at.sip.refused_per_address);
            samples.labelled(["full"], at.sip.refused_full);
            samples.labelled(["evicted"], at.sip.evicted);
            samples.labelled(["deadline"], at.sip.deadlines);
            samples.labelled(["handshake"], at.sip.handshakes_refused);
        },
    },
    Metric {
        name: "webtrunk_sip_datagrams_unsent_total",
        kind: Counter,
        labels: &[],
        help: "Datagrams of SIP that the socket did not take",
        read: |at, samples| samples.value(at.sip.datagrams_unsent),
    },
    Metric {
        name: "webtrunk_sip_strays_ignored_total",
        kind: Counter,
        labels: &[],
        help: "Answers to calls of ours that were ignored: of more forks than are hung up on",
        read: |at, samples| samples.value(at.sip.strays_ignored),
    },
    queues::OVERFLOWS,
    // Media.
    Metric {
        name: "webtrunk_media_packets_total",
        kind: Counter,
        labels: &["direction"],
        help: "Packets of voice that came and were of use, and that were sent, of legs that are over",
        read: |at, samples| {
            samples.labelled(["in"], at.tally.media.received);
            samples.labelled(["out"], at.tally.media.sent);
        },
    },
    Metric {
        name: "webtrunk_media_packets_missed_total",
        kind: Counter,
        labels: &["why"],
        help: "Packets of voice that did not come in time, of legs that are over: lost ones never came, late ones came too late",
        read: |at, samples| {
            samples.labelled(["lost"], at.tally.media.lost);
            samples.labelled(["late"], at.tally.media.late);
        },
    },
    Metric {
        name: "webtrunk_media_packets_repaired_total",
        kind: Counter,
        labels: &["how"],
        help: "Packets of those: recovered from redundancy, or concealed",
        read: |at, samples| {
            samples.labelled(["recovered"], at.tally.media.recovered);
            samples.labelled(["concealed"], at.tally.media.concealed);
        },
    },
    Metric {
        name: "webtrunk_media_datagrams_of_nobody_total",
        kind: Counter,
        labels: &[],
        help: "Datagrams on browsers' media ports that belong to no leg",
        read: |at, samples| samples.value(at.ledger.datagrams_of_nobody),
    },
    Metric {
        name: "webtrunk_rtp_port_pairs_in_use",
        kind: Gauge,
        labels: &[],
        help: "Pairs of RTP and RTCP ports that legs have",
        read: |at, samples| samples.value(at.ledger.ports_in_use),
    },
    Metric {
        name: "webtrunk_shard_calls",
        kind: Gauge,
        labels: &["shard"],
        help: "Calls on each media thread",
        read: |at, samples| {
            for (shard, signs) in at.shards.iter().enumerate() {
                samples.labelled([&shard.to_string()], signs.calls);
            }
        },
    },
    Metric {
        name: "webtrunk_shard_busy_ratio",
        kind: Gauge,
        labels: &["shard"],
        help: "How much of the last second each media thread worked; from 0.8 on it takes no more calls",
        read: |at, samples| {
            for (shard, signs) in at.shards.iter().enumerate() {
                samples.labelled([&shard.to_string()], f64::from(signs.busy_permille) / 1000.0);
            }
        },
    },
    Metric {
        name: "webtrunk_shard_late",
        kind: Gauge,
        labels: &["shard"],
        help: "1 where a media thread has missed more than one deadline in twenty by a packet's length for two seconds",
        read: |at, samples| {
            for (shard, signs) in at.shards.iter().enumerate() {
                samples.labelled([&shard.to_string()], signs.is_late);
            }
        },
    },
    Metric {
        name: "webtrunk_shard_complexity",
        kind: Gauge,
        labels: &["shard"],
        help: "How hard the Opus encoders of each media thread may work; below media.opus_complexity it was late of late",
        read: |at, samples| {
            for (shard, signs) in at.shards.iter().enumerate() {
                samples.labelled([&shard.to_string()], u64::from(signs.complexity));
            }
        },
    },
    Metric {
        name: "webtrunk_rtp_port_pairs_free",
        kind: Gauge,
        labels: &["shard"],
        help: "Pairs of RTP and RTCP ports that each media thread could hand out",
        read: |at, samples| {
            for (shard, signs) in at.shards.iter().enumerate() {
                samples.labelled([&shard.to_string()], signs.pairs_free);
            }
        },
    },
    // The store and certificates.
    Metric {
        name: "webtrunk_store_failures_total",
        kind: Counter,
        labels: &[],
        help: "Times that the store could not be written; it is tried again",
        read: |at, samples| samples.value(at.status.store_failures),
    },
    Metric {
        name: "webtrunk_store_left_out",
        kind: Gauge,
        labels: &["what"],
        help: "Users, customers, keys, account passwords, numbers and webhooks that are left out, as the log tells: another has the name or the \
               number, or they cannot be any more as the file is now",
        read: |at, samples| at.left_out.iter().for_each(|(what, count)| samples.labelled([what], *count)),
    },
    Metric {
        name: "webtrunk_certificate_expiry_timestamp_seconds",
        kind: Gauge,
        labels: &["shown_to", "name", "subject", "issuer"],
        help: "When a certificate that is shown ends, in seconds since 1970",
        read: |at, samples| {
            for (shown_to, facts) in &at.certificates {
                #[expect(clippy::cast_precision_loss, reason = "a date")]
                let ends = facts.not_after.seconds() as f64;
                samples.labelled([shown_to, facts.title(), &facts.subject, &facts.issuer], ends);
            }
        },
    },
    // What should never be.
    Metric {
        name: "webtrunk_panics_total",
        kind: Counter,
        labels: &[],
        help: "Broken assumptions of ours, each of which ended a call, or a page's session, or cost a message; five within a minute end the process",
        read: |at, samples| samples.value(at.panics),
    },
    Metric {
        name: "webtrunk_stalls_total",
        kind: Counter,
        labels: &["who"],
        help: "How often a thread did nothing for a second; ten seconds end the process",
        read: |at, samples| at.stalls.iter().for_each(|(who, stalls)| samples.labelled([who], *stalls)),
    },
    Metric {
        name: "webtrunk_adapter_restarts_total",
        kind: Counter,
        labels: &["adapter"],
        help: "How often an adapter was started again that had broken, with the end of all its calls; the fourth time within ten minutes ends the process",
        read: |at, samples| {
            at.adapter_restarts.iter().for_each(|(name, count)| samples.labelled([name], *count));
        },
    },
    // The process, under the names that every client of Prometheus uses.
    Metric {
        name: "process_resident_memory_bytes",
        kind: Gauge,
        labels: &[],
        help: "Memory that the process has",
        read: |at, samples| samples.value(at.process.resident_octets),
    },
    Metric {
        name: "process_open_fds",
        kind: Gauge,
        labels: &[],
        help: "Open files, sockets among them",
        read: |at, samples| samples.value(at.process.open_files),
    },
    Metric {
        name: "process_max_fds",
        kind: Gauge,
        labels: &[],
        help: "How many files may be open",
        read: |at, samples| samples.value(at.process.open_files_max),
    },
    Metric {
        name: "process_cpu_seconds_total",
        kind: Counter,
        labels: &[],
        help: "Work of all threads",
        read: |at, samples| samples.value(at.process.cpu_s),
    },
    Metric {
        name: "process_threads",
        kind: Gauge,
        labels: &[],
        help: "Threads",
        read: |at, samples| samples.value(at.process.threads),
    },
];
