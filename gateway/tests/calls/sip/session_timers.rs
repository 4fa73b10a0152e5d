//! Calls that are refreshed, by either side and in either way, and one that is not. Media goes on as if nothing
//! had been.

use std::time::Duration;

use webtrunk_codecs::g711::Law;

use super::rtp_peer::RtpPeer;
use super::sipp::{Sipp, Values};
use super::stage::Stage;
use super::trace::Seen;
use crate::support::gateway::GatewayConfig;

const CALLER_HZ: f64 = 850.0;
const CALLEE_HZ: f64 = 440.0;

/// What no peer of the world would be told, so that a test need not last.
const SHORT: &str = "session_expires_s = 4\nsession_expires_min_s = 2";

/// What an ear keeps.
const KEPT: Duration = Duration::from_secs(9);

/// The phones of a call that is up, and their ears.
struct Call {
    stage: Stage,
    caller: Sipp,
    callee: Sipp,
    ears: [RtpPeer; 2],
}

#[test]
fn we_refresh_phones_every_two_seconds_by_what_they_take_and_nothing_is_heard_of_it() {
    let values = [("EXPIRES", "4"), ("ALLOW", "INVITE, ACK, BYE"), ("REFRESHER", "uac")];
    let Some(call) = Call::begin(SHORT, ("caller_is_refreshed", &values), ("callee_is_refreshed", &values))
    else {
        return;
    };
    call.hears_all_the_while(Duration::from_secs(9));
    for (phone, offer) in
        [(&call.caller, &call.caller.wait_for("200")), (&call.callee, &first_invite(&call.callee))]
    {
        let refreshes = phone.received("INVITE");
        let refreshes: Vec<_> = refreshes
            .iter()
            .filter(|invite| invite.header("Session-Expires") == Some("4;refresher=uac"))
            .collect();
        assert!(refreshes.len() >= 3, "{:?}", phone.seen());
        for refresh in refreshes {
            assert_eq!(refresh.body(), offer.body(), "a refresh says what was said before");
        }
    }
    call.end();
}

#[test]
fn we_refresh_a_whole_interval_of_90_seconds_by_update() {
    let values = [("EXPIRES", "90"), ("ALLOW", "INVITE, ACK, BYE, UPDATE"), ("REFRESHER", "uac")];
    let Some(call) = Call::begin("", ("caller_is_refreshed", &values), ("callee_is_refreshed", &values))
    else {
        return;
    };
    call.hears_all_the_while(Duration::from_secs(94));
    for phone in [&call.caller, &call.callee] {
        assert_eq!(phone.received("UPDATE").len(), 2, "{:?}", phone.seen());
    }
    call.end();
}

#[test]
fn phones_refresh_a_whole_interval_of_90_seconds() {
    let values = [("EXPIRES", "90"), ("PAUSE_MS", "50000")];
    let Some(call) = Call::begin("", ("caller_refreshes", &values), ("callee_refreshes", &values)) else {
        return;
    };
    call.hears_all_the_while(Duration::from_secs(94));
    for phone in [&call.caller, &call.callee] {
        assert!(phone.received("UPDATE").is_empty(), "we refresh who refreshes");
    }
    // The same offer is answered by the same description.
    let answers: Vec<_> = call.callee.received("200").iter().map(|ok| ok.body().to_owned()).collect();
    assert_eq!(answers.len(), 1);
    assert_eq!(call.callee.received("INVITE").len(), 1);
    call.end();
}

#[test]
fn a_phone_that_ought_to_refresh_and_does_not_is_hung_up_on() {
    let values = [("EXPIRES", "15"), ("ALLOW", "INVITE"), ("REFRESHER", "uas")];
    let Some(call) = Call::begin(
        "session_expires_min_s = 2",
        ("caller_is_refreshed", &values),
        ("callee_is_refreshed", &values),
    ) else {
        return;
    };
    for phone in [&call.caller, &call.callee] {
        let bye = phone.wait_for("BYE");
        assert_eq!(bye.header("Reason"), Some("SIP;cause=408;text=\"Signalling lost\""));
    }
    call.caller.finish();
    call.callee.finish();
    call.stage.gateway.assert_all_is_over(1);
}

#[test]
fn too_short_an_interval_is_refused_and_a_longer_one_taken() {
    let Some(stage) = Stage::new() else { return };
    let more = "\nSupported: timer\nSession-Expires: 60";
    let caller = stage.call("caller_refused", "9100", &[("STATUS", "422"), ("MORE", more)]);
    let refusal = caller.wait_for("422");
    assert_eq!(refusal.header("Min-SE"), Some("90"));
    caller.finish();
    let more = "\nSupported: timer\nSession-Expires: 90";
    let call = Call::begin_on(stage, ("caller_talks", &[("MORE", more)]), ("callee_talks", &[]));
    let answer = call.caller.wait_for("200");
    assert_eq!(answer.header("Session-Expires"), Some("90;refresher=uas"));
    call.end();
}

/// The call comes again with the interval that the callee asks for.
#[test]
fn an_interval_that_is_too_short_for_the_callee_is_made_longer_and_both_hear_each_other() {
    let brief = "session_expires_s = 90";
    let Some(call) = Call::begin(brief, ("caller_talks", &[]), ("callee_too_brief", &[("MIN", "120")]))
    else {
        return;
    };
    let invites = call.callee.received("INVITE");
    let asked = |name| invites.iter().map(|invite| invite.header(name)).collect::<Vec<_>>();
    assert_eq!(asked("Session-Expires"), [Some("90"), Some("120")]);
    assert_eq!(asked("Min-SE"), [Some("90"), Some("120")]);
    assert_eq!(asked("To")[0], asked("To")[1], "outside of any dialog");
    call.end();
}

fn first_invite(phone: &Sipp) -> Seen {
    phone.received("INVITE").swap_remove(0)
}

impl Call {
    /// Both phones are up, and hear each other.
    fn begin(sip: &str, caller: (&str, Values<'_>), callee: (&str, Values<'_>)) -> Option<Self> {
        let stage = Stage::with(&["PCMU"], GatewayConfig::default().sip(sip))?;
        Some(Self::begin_on(stage, caller, callee))
    }

    fn begin_on(stage: Stage, caller: (&str, Values<'_>), callee: (&str, Values<'_>)) -> Self {
        let mut ears = [RtpPeer::new(&stage.caller, 7000), RtpPeer::new(&stage.callee, 7000)];
        let callee = stage.answer(callee.0, callee.1);
        let caller = stage.call(caller.0, "9100", caller.1);
        let callee_port = callee.wait_for("INVITE").audio_port().expect("we offer");
        let caller_port = caller.wait_for("200").audio_port().expect("our answer");
        ears[0].say(stage.rtp(caller_port), Law::Mu, CALLER_HZ);
        ears[1].say(stage.rtp(callee_port), Law::Mu, CALLEE_HZ);
        let call = Self { stage, caller, callee, ears };
        call.hears_all_the_while(Duration::ZERO);
        call
    }

    /// Waits, then listens; of what came meanwhile nothing is missing.
    fn hears_all_the_while(&self, time: Duration) {
        std::thread::sleep(time);
        if !time.is_zero() {
            self.ears.iter().for_each(|ear| assert_has_heard_all(ear, time));
        }
        self.ears[0].await_tone(Law::Mu, CALLEE_HZ);
        self.ears[1].await_tone(Law::Mu, CALLER_HZ);
        self.ears[0].assert_hears(Law::Mu, CALLEE_HZ);
        self.ears[1].assert_hears(Law::Mu, CALLER_HZ);
    }

    fn end(self) {
        self.caller.go_on();
        self.caller.finish();
        self.callee.finish();
        self.stage.gateway.assert_all_is_over(1);
    }
}

/// Fails where packets are missing of what came in this time, as far as an ear keeps it.
fn assert_has_heard_all(ear: &RtpPeer, time: Duration) {
    let expected = time.min(KEPT).as_millis() / 20;
    let heard = ear.heard();
    assert!(heard.len() as u128 >= expected * 9 / 10, "{} packets in {time:?}", heard.len());
    let steps = heard.windows(2).map(|pair| pair[1].timestamp.wrapping_sub(pair[0].timestamp));
    let breaks: Vec<_> = steps.filter(|step| *step != 160).collect();
    assert!(breaks.is_empty(), "{breaks:?}");
}
