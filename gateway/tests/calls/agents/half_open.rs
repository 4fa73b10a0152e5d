//! What calls cost that are not answered yet, and what is left of strangers that ask and prove nothing: memory of the
//! whole process, as the system counts it, without the ladders of calls, which have a room of their own.

use std::fs;
use std::ops::Range;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use super::mute::Mute;
use super::stage::Stage;
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::gateway_config::SIP_PORT;
use crate::support::host::Host;
use crate::support::process::wait_until;

/// Calls that ring at one time, after a few by which everything is made that is made once: so many that a table that
/// grows adds little to each.
const FIRST: usize = 20;
const CALLS: usize = 600;

/// How long after one the next begins, or ends: no socket's queue is full.
const APART: Duration = Duration::from_millis(5);

/// What each of them may cost, in octets: what docs/SECURITY.md promises.
const CALL_MAX: u64 = 40 * 1024;

/// When memory is back after the last call's end: what docs/SECURITY.md promises. A refusal that nobody acknowledges is
/// remembered for half of it (RFC 3261 17.2.1, Timer H).
const BACK: Duration = Duration::from_secs(64);

/// One part in so many of what calls took stays at most. The C library keeps it, since a page goes back as a whole or not at all;
/// later calls take it again.
const STAYS: u64 = 4;

/// Messages of a stranger, after a few, and what may be left of each, in octets.
const FIRST_MESSAGES: usize = 2000;
const MESSAGES: usize = 20_000;
const MESSAGE_MAX: u64 = 50;

/// A gateway that keeps no ladders.
fn stage(defence: &str) -> Stage {
    let config = GatewayConfig::default().defence(defence).rtp_ports(20_000, 22_999);
    Stage::with(&["PCMU"], config.log_filter("warn").sections("[trace]\nenabled = false"))
}

/// Memory of the gateway's process that is really there and nobody else's, in octets: what is read of its file as it runs is no
/// call's.
fn own(stage: &Stage) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", stage.gateway.process.id())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("it is told");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().expect("KiB") * 1024
}

fn ringing(stage: &Stage) -> usize {
    let figures = stage.gateway.metrics();
    let line = figures.lines().find_map(|line| line.strip_prefix("webtrunk_calls{stage=\"ringing\"} "));
    line.and_then(|count| count.parse().ok()).expect("it is told")
}

/// Fails when a call that nobody has answered yet costs more than is promised, or what such calls took is not given back in time
/// when they are over, or is taken anew by each flood.
#[test]
fn a_call_that_is_not_answered_yet_costs_little() {
    let stage = stage("max_cps = 1000");
    let (caller, callee) = (Mute::caller(&stage), Arc::new(Mute::callee(&stage)));
    let (rang, ringing_there) = mpsc::channel();
    let phone = Arc::clone(&callee);
    // It ends with the test, when nothing comes any more for longer than calls are remembered.
    thread::spawn(move || {
        let mut waits = 0;
        while waits < 3 {
            let Some(invite) = phone.receive("INVITE ") else {
                waits += 1;
                continue;
            };
            phone.respond(&invite, "180 Ringing", "");
            // Nobody listens any more when the test is over.
            let _ = rang.send(invite);
        }
    });
    let begin = |numbers: Range<usize>, count: usize| {
        for number in numbers {
            caller.invite(number);
            thread::sleep(APART);
        }
        assert!(wait_until(PATIENCE, || ringing(&stage) >= count), "{} of {count} ring", ringing(&stage));
    };
    begin(0..FIRST, FIRST);
    let before = own(&stage);
    begin(FIRST..FIRST + CALLS, FIRST + CALLS);
    let each = own(&stage).saturating_sub(before) / CALLS as u64;
    assert!(each <= CALL_MAX, "{each} octets each");
    for invite in ringing_there.try_iter() {
        callee.respond(&invite, "486 Busy Here", "");
        thread::sleep(APART);
    }
    let most = own(&stage);
    assert!(wait_until(PATIENCE, || ringing(&stage) == 0), "{} ring", ringing(&stage));
    let is_given_back = || own(&stage).saturating_sub(before) <= most.saturating_sub(before) / STAYS;
    let is_back = wait_until(BACK, is_given_back);
    assert!(is_back, "of {most} octets {} stay, and {before} were there before", own(&stage));
    begin(FIRST + CALLS..FIRST + 2 * CALLS, CALLS);
    let again = own(&stage);
    assert!(again <= most + most / 10, "{again} octets, and {most} the first time");
}

/// Fails when anything is kept of who has proven nothing.
#[test]
fn nothing_is_left_of_strangers_messages() {
    let stage = stage("requests_per_second = 0");
    let host = Host::new();
    let stranger = Mute::at(host.at(SIP_PORT), &stage);
    let ask = |numbers: Range<usize>| {
        for number in numbers {
            stranger.invite(number);
            stranger.receive("SIP/2.0 401 ").expect("an answer");
        }
    };
    ask(0..FIRST_MESSAGES);
    let before = own(&stage);
    ask(FIRST_MESSAGES..FIRST_MESSAGES + MESSAGES);
    let each = own(&stage).saturating_sub(before) / MESSAGES as u64;
    assert!(each <= MESSAGE_MAX, "{each} octets each");
}
