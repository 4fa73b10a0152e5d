//! What found no room in a queue, told at that queue.

use super::text::{Kind::Counter, Metric};

pub(super) const OVERFLOWS: Metric = Metric {
    name: "webtrunk_queue_overflows_total",
    kind: Counter,
    labels: &["queue"],
    help: "What found no room in a queue, by queue: datagrams of SIP that came in, of known peers and of strangers, streams of SIP whose peer does not read, \
           datagrams of media on their way out, changes of registrations and records of calls for the store, and such records of which it got the end alone, traces of calls, messages for ladders and for the collector of HEP, \
           connections that carry media, what a call wants of another that it is joined to, \
           recordings that begin while the disk does not answer, packets of those that go on, messages for pages that do not read, \
           and what the media of a call is told, and tells: that ends the call",
    read: |at, samples| {
        samples.labelled(["sip_in"], at.sip.inbound_overflows);
        samples.labelled(["sip_strangers"], at.sip.strangers_overflows);
        samples.labelled(["sip_out"], at.sip.outgoing_overflows);
        samples.labelled(["media_out"], at.ledger.datagrams_unsent);
        samples.labelled(["store_registrations"], at.status.store_lost);
        samples.labelled(["store_records"], at.status.cdr_lost);
        samples.labelled(["store_cut_records"], at.status.cdr_cut);
        samples.labelled(["traces"], at.traces_lost);
        samples.labelled(["media_streams"], at.streams_refused);
        samples.labelled(["ties"], at.ties_overflows);
        samples.labelled(["recordings"], at.ledger.recordings_refused);
        samples.labelled(["recorded_packets"], at.ledger.recorded_packets_missed);
        samples.labelled(["pages"], at.pages_overflows);
        if let Some(sight) = &at.sight {
            samples.labelled(["ladders"], sight.tap.dropped);
            samples.labelled(["hep"], sight.hep.map_or(0, |hep| hep.lost));
        }
        samples.labelled(["call_commands"], at.ledger.commands_overrun);
        samples.labelled(["call_events"], at.ledger.events_overrun);
    },
};

#[cfg(test)]
mod tests {
    use webtrunk_engine::net::Ledger;
    use webtrunk_signalling::sip::trace::{TapCounts, TraceTotals};
    use webtrunk_signalling::sip::transport::TransportStats;

    use super::super::instruments::Readings;
    use super::super::list::LIST;
    use super::super::text;
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
}
