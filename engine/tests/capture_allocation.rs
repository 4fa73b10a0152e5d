//! A packet that is captured allocates nothing: the room was made when somebody asked.

#[path = "support/allocations.rs"]
mod allocations;

use std::time::{Duration, Instant};

use webtrunk_engine::net::capture::{Capture, CaptureSpec};

use allocations::allocations;

#[test]
fn a_captured_packet_allocates_nothing_and_neither_does_one_for_which_there_is_no_room() {
    let (now, address) = (Instant::now(), "192.0.2.1:4000".parse().expect("an address"));
    for has_payload in [false, true] {
        let spec = CaptureSpec { packets_max: 1000, lasts_max: Duration::from_secs(60), has_payload };
        let mut capture = Capture::new(spec, now);
        let packet = [0x80; 172];
        let before = allocations();
        (0..2000).for_each(|_| capture.push(now, address, address, &packet));
        assert_eq!(allocations() - before, 0);
        assert_eq!((capture.packets().count(), capture.is_full()), (1000, true));
    }
}
