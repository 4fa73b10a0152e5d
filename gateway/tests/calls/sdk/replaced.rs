//! A page whose session another one takes the place of.

use std::net::SocketAddr;

use webtrunk_codecs::g711::Law;

use super::stage::{PAGE_HZ, PAGE_PEAK, PHONE_HZ};
use crate::sip::rtp_peer::RtpPeer;
use crate::sip::sipp::Sipp;
use crate::support::gateway::{Gateway, GatewayConfig};
use crate::support::host::Host;
use crate::support::page::{Library, LineConfig, Microphone};
use crate::support::seat::{Seat, in_each_browser};
use crate::support::tools;

in_each_browser!(a_page_with_the_sdk_that_another_has_replaced_is_told_stays_away_and_is_not_called);

fn a_page_with_the_sdk_that_another_has_replaced_is_told_stays_away_and_is_not_called(seat: &Seat) {
    if tools::command("sipp").is_none() {
        return;
    }
    let office = Host::new();
    let config = GatewayConfig::default()
        .origin(seat.browser().origin())
        .sections(&format!("{}sessions_per_user = 1", seat.json()))
        .user("alice")
        .trunk("office", &office, &["PCMU"])
        .rule("destination = '4711'\nfrom_trunk = 'office'\nactions = [{ bridge = { user = 'alice' } }]");
    let gateway = Gateway::start_at(seat.host(), &config);
    let line = LineConfig {
        library: Library::Webtrunk,
        microphone: Microphone::Tone { hz: PAGE_HZ, peak: PAGE_PEAK },
        ..LineConfig::default()
    };
    let first = seat.open(&gateway, "alice", &line);
    let second = seat.open(&gateway, "alice", &line);
    first.next("replaced");
    first.next("is closed");

    let mut sound = RtpPeer::new(&office, 7000);
    let phone = Sipp::caller(&office, "caller_talks", gateway.sip(), "4711", &[("FORMATS", "0")]);
    second.next("incoming");
    second.answer();
    let port = phone.wait_for("200").audio_port().expect("it has audio");
    sound.say(SocketAddr::new(gateway.sip().ip(), port), Law::Mu, PHONE_HZ);
    sound.await_tone(Law::Mu, PAGE_HZ);
    second.await_tone(PHONE_HZ);
    assert!(first.taken("incoming").is_empty() && first.taken("registered").is_empty(), "it stays away");
    phone.go_on();
    second.next("ended");
    phone.finish();
    gateway.assert_all_is_over(1);
    gateway.stop();
}
