//! What found no room in a queue is told at that queue.

use webtrunk_engine::net::Ledger;
use webtrunk_signalling::sip::trace::{TapCounts, TraceTotals};
use webtrunk_signalling::sip::transport::TransportStats;

use super::instruments::Readings;
use super::list::LIST;
use super::text;
use crate::sight::SightCounts;
use crate::sight::hep::HepCounts;
use crate::status::Status;

/// As many at each as its place in the list.
const QUEUES: [&str; 17] = [
    "sip_in",
    "sip_strangers",
    "sip_out",
    "media_out",
    "store_registrations",
    "store_records",
    "store_cut_records",
    "traces",
    "media_streams",
    "ties",
    "recordings",
    "recorded_packets",
    "pages",
    "ladders",
    "hep",
    "call_commands",
    "call_events",
];

#[test]
fn each_queue_tells_what_found_no_room_in_it_and_in_no_other() {
    let readings = Readings {
        sip: TransportStats {
            inbound_overflows: 1,
            strangers_overflows: 2,
            outgoing_overflows: 3,
            ..TransportStats::default()
        },
        ledger: Ledger {
            datagrams_unsent: 4,
            recordings_refused: 11,
            recorded_packets_missed: 12,
            commands_overrun: 16,
            events_overrun: 17,
            ..Ledger::default()
        },
        status: Status { store_lost: 5, cdr_lost: 6, cdr_cut: 7, ..Status::default() },
        traces_lost: 8,
        streams_refused: 9,
        ties_overflows: 10,
        pages_overflows: 13,
        sight: Some(SightCounts {
            tap: TapCounts { passed: 100, dropped: 14 },
            ring: TraceTotals { calls: 0, octets: 0, forgotten: 0 },
            hep: Some(HepCounts { sent: 100, lost: 15 }),
        }),
        ..Readings::default()
    };
    let told = text::write(LIST, &readings);
    let at_queues: Vec<_> =
        told.lines().filter_map(|line| line.strip_prefix("webtrunk_queue_overflows_total")).collect();
    let expected: Vec<_> = QUEUES
        .iter()
        .enumerate()
        .map(|(index, queue)| format!("{{queue=\"{queue}\"}} {}", index + 1))
        .collect();
    assert_eq!(at_queues, expected);
}
