//! Phones of users that send a call on (300, 301, 302), as some do that are set to forward: followed, told to the caller or neither,
//! as `sip.redirects` says.

use std::net::SocketAddr;
use std::thread::JoinHandle;

use webtrunk_codecs::g711::Law;
use webtrunk_signalling::auth::digest::Algorithm;

use super::raw_phone::RawPhone;
use super::rtp_peer::RtpPeer;
use super::sipp::{PORT, Sipp};
use super::trace::Seen;
use crate::support::gateway::{Gateway, GatewayConfig, password};
use crate::support::host::Host;
use crate::support::tools;

const CALLER_HZ: f64 = 700.0;
const CALLEE_HZ: f64 = 1300.0;

/// What a phone says that is set to forward.
const MOVED: &str = "302 Moved Temporarily";

/// An office that calls alice, whose phone is at a host of its own, mobiles at numbers that begin with 6, and a branch at those
/// with 5.
struct Ground {
    gateway: Gateway,
    office: Host,
    mobiles: Host,
    branch: Host,
    desk: Host,
}

impl Ground {
    fn new(sip: &str) -> Option<Self> {
        tools::command("sipp")?;
        let [office, mobiles, branch, desk] = std::array::from_fn(|_| Host::new());
        let rule = |pattern: &str, to: &str| {
            format!("destination = '{pattern}'\nfrom_trunk = 'office'\nactions = [{{ bridge = {{ {to} }} }}]")
        };
        let config = GatewayConfig::default()
            .sip(sip)
            .user("alice")
            .trunk("office", &office, &["PCMU"])
            .trunk("mobiles", &mobiles, &["PCMU"])
            .last_trunk("diversion = 'diversion'")
            .trunk("branch", &branch, &["PCMU"])
            .rule(&rule("alice", "user = 'alice'"))
            .rule(&rule("6.*", "trunk = 'mobiles', number = '$0'"))
            .rule(&rule("5.*", "trunk = 'branch', number = '$0'"));
        Some(Self { gateway: Gateway::start(&config), office, mobiles, branch, desk })
    }

    /// Alice's phone, which sends so many calls on to these; how many came.
    fn send_on(&self, status: &str, contacts: &str, calls: usize) -> JoinHandle<RawPhone> {
        let mut phone = RawPhone::new(&self.desk, &self.gateway, "alice");
        phone.register(Algorithm::Md5, &password("alice"), "");
        let answer = format!("{status}\r\nContact: {contacts}");
        std::thread::spawn(move || {
            for _ in 0..calls {
                let invite = phone.receive();
                assert!(invite.starts_with("INVITE sip:alice@"), "{invite}");
                phone.respond(&invite, &answer);
                let ack = phone.receive();
                assert!(ack.starts_with("ACK "), "{ack}");
            }
            phone
        })
    }

    /// The office calls alice, is answered by this number at `host`, and both hear each other; gives the INVITE there.
    fn assert_talk(&self, number: &str, host: &Host) -> Seen {
        let callee = Sipp::callee(host, "callee_talks", &[]);
        let [mut callers, mut callees] = [&self.office, host].map(|host| RtpPeer::new(host, 7000));
        let caller = Sipp::caller(&self.office, "caller_talks", self.gateway.sip(), "alice", &[]);
        let invite = callee.wait_for("INVITE");
        assert!(invite.is_to(&format!("sip:{number}@{}", host.at(PORT))), "{invite:?}");
        let ip = self.gateway.sip().ip();
        let media_of = |port: Option<u16>| SocketAddr::new(ip, port.expect("it describes its audio"));
        callees.say(media_of(invite.audio_port()), Law::Mu, CALLEE_HZ);
        callers.say(media_of(caller.wait_for("200").audio_port()), Law::Mu, CALLER_HZ);
        callers.assert_hears(Law::Mu, CALLEE_HZ);
        callees.assert_hears(Law::Mu, CALLER_HZ);
        caller.go_on();
        caller.finish();
        callee.finish();
        invite
    }

    /// A call of the office to alice that is refused with this status; its messages.
    fn refused(&self, status: &str) -> Vec<Seen> {
        Sipp::caller(&self.office, "caller_refused", self.gateway.sip(), "alice", &[("STATUS", status)])
            .finish()
    }
}

#[test]
fn a_call_goes_on_to_where_a_phone_of_a_user_sends_it_and_tells_who_did() {
    let Some(ground) = Ground::new("redirects = true") else { return };
    let phone = ground.send_on(MOVED, "<sip:6100@192.0.2.9>", 1);
    let invite = ground.assert_talk("6100", &ground.mobiles);
    let ip = ground.gateway.sip().ip();
    assert_eq!(invite.headers("Diversion"), [format!("<sip:alice@{ip}>;reason=deflection;counter=1")]);
    phone.join().expect("it sent the call on");
    ground.gateway.assert_all_is_over(1);
}

#[test]
fn a_call_goes_on_to_where_a_phone_of_a_user_has_moved_for_good() {
    let Some(ground) = Ground::new("redirects = true") else { return };
    let phone = ground.send_on("301 Moved Permanently", "<sip:6100@192.0.2.9>", 1);
    ground.assert_talk("6100", &ground.mobiles);
    phone.join().expect("it sent the call on");
    ground.gateway.assert_all_is_over(1);
}

/// The least preferred stands first, and the most preferred is one that the office may not call.
#[test]
fn of_several_places_that_a_phone_names_the_next_is_called_where_the_one_before_is_busy() {
    let Some(ground) = Ground::new("redirects = true") else { return };
    let places = "<sip:5100@192.0.2.9>;q=0.2, <sip:6100@192.0.2.9>;q=0.9, <sip:7100@192.0.2.9>";
    let phone = ground.send_on("300 Multiple Choices", places, 1);
    let busy = Sipp::callee(&ground.mobiles, "callee_refuses", &[("ANSWER", "486 Busy Here")]);
    ground.assert_talk("5100", &ground.branch);
    let refused = busy.finish();
    assert!(refused[0].is_to(&format!("sip:6100@{}", ground.mobiles.at(PORT))), "{:?}", refused[0]);
    phone.join().expect("it sent the call on");
    ground.gateway.assert_all_is_over(1);
}

/// Another proxy, or another service, is no other place.
#[test]
fn what_a_phone_wants_instead_that_is_no_other_place_is_not_followed() {
    for status in ["305 Use Proxy", "380 Alternative Service"] {
        let Some(ground) = Ground::new("redirects = true") else { return };
        let phone = ground.send_on(status, "<sip:6100@192.0.2.9>", 1);
        let mobile = RawPhone::at_port(&ground.mobiles, PORT, &ground.gateway, "6100");
        ground.refused("480");
        phone.join().expect("it sent the call on");
        ground.gateway.assert_all_is_over(1);
        assert!(mobile.is_left_alone(), "{status}");
    }
}

#[test]
fn a_phone_that_sends_a_call_on_to_itself_is_called_six_times_and_no_more() {
    let Some(ground) = Ground::new("redirects = true") else { return };
    // The first call, and the five places that are tried.
    let phone = ground.send_on(MOVED, "<sip:alice@192.0.2.9>", 6);
    ground.refused("480");
    assert!(phone.join().expect("six calls came").is_left_alone());
    ground.gateway.assert_all_is_over(1);
}

#[test]
fn a_caller_is_told_where_to_call_instead_where_that_is_configured() {
    let Some(ground) = Ground::new("redirects = 'pass'") else { return };
    let places = "<sip:6200@192.0.2.9>;q=0.3, <sip:6100@192.0.2.9>, <tel:+4930>;q=0.1";
    let phone = ground.send_on(MOVED, places, 1);
    let seen = ground.refused("302");
    let told = seen.iter().find(|seen| !seen.is_sent && seen.is("302")).expect("it is told");
    let ours = |number: &str, q: &str| format!("<sip:{number}@{}>;q={q}", ground.gateway.sip());
    assert_eq!(told.headers("Contact"), [ours("6100", "1"), ours("6200", "0.9"), ours("+4930", "0.8")]);
    phone.join().expect("it sent the call on");
    ground.gateway.assert_all_is_over(1);
}

#[test]
fn a_phone_that_sends_a_call_on_is_unavailable_unless_that_is_configured() {
    let Some(ground) = Ground::new("") else { return };
    let phone = ground.send_on(MOVED, "<sip:6100@192.0.2.9>", 1);
    ground.refused("480");
    phone.join().expect("it sent the call on");
    ground.gateway.assert_all_is_over(1);
}
