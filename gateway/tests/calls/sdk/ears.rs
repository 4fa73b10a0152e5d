//! Who hears whom where an agent's page and a phone talk, and a supervisor is with them.

use std::time::Duration;

use webtrunk_codecs::g711::Law;

use super::stage::{PAGE_HZ, PAGE_PEAK, PHONE_HZ};
use crate::sip::rtp_peer::{LEVEL_DBM0, RtpPeer};
use crate::support::gateway::PATIENCE;
use crate::support::page::Page;
use crate::support::process::wait_until;
use crate::support::sound::{PEAK_AT_10_DBM0, Sound};

/// What the supervisor says, as loud as the phone.
pub(super) const SUPERVISOR_HZ: f64 = 600.0;

/// A tone that is heard is as loud as it was said but for this; one that is not is so much fainter.
const OFF_MAX_DB: f64 = 2.0;
const SILENT_DB: f64 = 25.0;

/// The levels of tones at an ear, in dB beside what was said.
pub(super) struct Ears<'s> {
    pub(super) agent: &'s Page,
    pub(super) phone: &'s RtpPeer,
    /// What the supervisor hears in a second.
    pub(super) supervisor: &'s dyn Fn() -> Sound,
}

impl Ears<'_> {
    /// Fails unless the agent and the phone hear each other, and the supervisor both.
    pub(super) fn assert_talk(&self) {
        assert_heard("the phone at the agent", || self.at_agent(PHONE_HZ, PEAK_AT_10_DBM0));
        assert_heard("the agent at the phone", || self.at_phone(PAGE_HZ, 3.17 + 20.0 * PAGE_PEAK.log10()));
        assert_heard("the phone at the supervisor", || self.at_supervisor(PHONE_HZ, PEAK_AT_10_DBM0));
        assert_heard("the agent at the supervisor", || self.at_supervisor(PAGE_HZ, PAGE_PEAK));
    }

    /// Fails unless the supervisor comes to be heard at the agent and at the phone, or not to be.
    pub(super) fn assert_supervisor_is_heard(&self, expected: [bool; 2]) {
        let mut told = [0.0; 2];
        let is_so = wait_until(PATIENCE, || {
            told = [self.at_agent(SUPERVISOR_HZ, PEAK_AT_10_DBM0), self.at_phone(SUPERVISOR_HZ, LEVEL_DBM0)];
            told.iter().zip(expected).all(|(level, is_heard)| match is_heard {
                true => level.abs() < OFF_MAX_DB,
                false => *level < -SILENT_DB,
            })
        });
        assert!(
            is_so,
            "the supervisor is heard with {told:.1?} dB at the agent and the phone, not {expected:?}"
        );
    }

    fn at_agent(&self, hz: f64, peak: f64) -> f64 {
        self.agent.listen(1.0).level_at(hz) - 20.0 * peak.log10()
    }

    fn at_phone(&self, hz: f64, dbm0: f64) -> f64 {
        self.phone.level_of_next(Law::Mu, hz, Duration::from_secs(1)) - dbm0
    }

    fn at_supervisor(&self, hz: f64, peak: f64) -> f64 {
        (self.supervisor)().level_at(hz) - 20.0 * peak.log10()
    }
}

fn assert_heard(who: &str, level: impl Fn() -> f64) {
    let mut told = 0.0;
    let is_heard = wait_until(PATIENCE, || {
        told = level();
        told.abs() < OFF_MAX_DB
    });
    assert!(is_heard, "{who} is heard with {told:.1} dB");
}
