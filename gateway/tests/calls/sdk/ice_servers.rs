//! A page to which the gateway tells of a TURN server.

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

in_each_browser!(a_page_with_the_sdk_gives_its_calls_the_turn_server_that_the_gateway_tells_of);

/// The gateway can be reached straight, and at that server is nobody: the call does without.
fn a_page_with_the_sdk_gives_its_calls_the_turn_server_that_the_gateway_tells_of(seat: &Seat) {
    if tools::command("sipp").is_none() {
        return;
    }
    let office = Host::new();
    let entry =
        "[entry]\nice_servers = [{ urls = [\"turn:127.0.0.1:3478\"], secret = \"shared with coturn\" }]";
    let config = GatewayConfig::default()
        .origin(seat.browser().origin())
        .sections(&format!("{}{entry}", seat.json()))
        .user("alice")
        .trunk("office", &office, &["PCMU"])
        .rule("destination = '4711'\nfrom_trunk = 'office'\nactions = [{ bridge = { user = 'alice' } }]");
    let gateway = Gateway::start_at(seat.host(), &config);
    let line = LineConfig {
        library: Library::Webtrunk,
        microphone: Microphone::Tone { hz: PAGE_HZ, peak: PAGE_PEAK },
        ..LineConfig::default()
    };
    let alice = seat.open(&gateway, "alice", &line);
    let mut sound = RtpPeer::new(&office, 7000);
    let phone = Sipp::caller(&office, "caller_talks", gateway.sip(), "4711", &[("FORMATS", "0")]);
    alice.next("incoming");
    alice.answer();
    let port = phone.wait_for("200").audio_port().expect("it has audio");
    sound.say(SocketAddr::new(gateway.sip().ip(), port), Law::Mu, PHONE_HZ);
    sound.await_tone(Law::Mu, PAGE_HZ);
    alice.await_tone(PHONE_HZ);

    let servers = alice.ice_servers();
    let server = &servers[0];
    assert_eq!(server["urls"][0], "turn:127.0.0.1:3478", "{servers}");
    assert!(server["username"].as_str().is_some_and(|name| name.ends_with(":alice")), "{servers}");
    let password = server["credential"].as_str().expect("its password");
    assert!(password.len() >= 20, "{servers}");
    assert_eq!(gateway.log().count(&[password]), 0, "it is in no log");
    phone.go_on();
    alice.next("ended");
    phone.finish();
    assert!(alice.taken("fault").is_empty(), "nothing went wrong unasked");
    gateway.assert_all_is_over(1);
    gateway.stop();
}
