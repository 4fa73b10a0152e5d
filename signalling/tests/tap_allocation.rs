//! Taking a message off on its way allocates nothing: it costs a reference.

#[path = "../../engine/tests/support/allocations.rs"]
mod allocations;

use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use webtrunk_signalling::sip::flow::{Flow, ListenerId, TransportKind};
use webtrunk_signalling::sip::trace::{Direction, tap};

use allocations::allocations;

#[test]
fn a_tapped_message_allocates_nothing_whether_it_is_taken_or_dropped() {
    let address = "192.0.2.1:5060".parse().expect("an address");
    let (kind, listener) = (TransportKind::Udp, ListenerId(0));
    let flow = Flow { kind, listener, local: address, remote: address, connection: None };
    let (tap, reader) = tap();
    // A message that is parsed has another reference already.
    let octets = Bytes::from(vec![b'x'; 1500]);
    let parsed = octets.clone();
    let moment = (SystemTime::now(), Instant::now());
    let before = allocations();
    for _ in 0..10_000 {
        tap.passed(&flow, Direction::In, &octets, moment);
    }
    assert_eq!(allocations() - before, 0);
    assert!(tap.counts().passed > 1000 && tap.counts().dropped > 1000, "{:?}", tap.counts());
    assert!(matches!(reader.next(Duration::ZERO), Ok(Some(_))));
    drop(parsed);
}
