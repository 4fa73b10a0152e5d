//! The tones that two phones of sipp's say to each other.

use std::net::SocketAddr;

use webtrunk_codecs::g711::Law;

use super::rtp_peer::RtpPeer;
use super::sipp::Sipp;
use crate::support::host::Host;

/// What the phone says that calls.
pub(super) const CALLER_HZ: f64 = 850.0;
/// What the phone says that is called.
pub(super) const CALLEE_HZ: f64 = 440.0;

/// The mouths and ears of the phone that calls and of the one that is called.
pub(super) struct Tones([RtpPeer; 2]);

impl Tones {
    /// Of phones at these hosts, at the port that sipp's scenarios tell of.
    pub(super) fn at(hosts: [&Host; 2]) -> Self {
        Self(hosts.map(|host| RtpPeer::new(host, 7000)))
    }

    /// Each says its tone from now on to the gateway at this SIP address, at the port that it was told of: in the 200, and in
    /// the INVITE. Fails unless both hear each other.
    pub(super) fn exchange(&mut self, caller: (&Sipp, SocketAddr), callee: (&Sipp, SocketAddr)) {
        let Self([caller_rtp, callee_rtp]) = self;
        let to = |(phone, gateway): (&Sipp, SocketAddr), told_in: &str| {
            let port = phone.wait_for(told_in).audio_port().expect("audio is described");
            SocketAddr::new(gateway.ip(), port)
        };
        caller_rtp.say(to(caller, "200"), Law::Mu, CALLER_HZ);
        callee_rtp.say(to(callee, "INVITE"), Law::Mu, CALLEE_HZ);
        self.assert_exchanged();
    }

    /// Fails unless both hear each other from now on.
    pub(super) fn assert_exchanged(&self) {
        let Self([caller, callee]) = self;
        callee.assert_hears(Law::Mu, CALLER_HZ);
        caller.assert_hears(Law::Mu, CALLEE_HZ);
    }
}
