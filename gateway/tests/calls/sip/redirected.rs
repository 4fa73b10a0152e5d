//! Calls that are sent elsewhere (3xx): where that is configured the dial plan says whether, and where.

use std::net::SocketAddr;

use webtrunk_codecs::g711::Law;

use super::rtp_peer::RtpPeer;
use super::sipp::{PORT, Sipp};
use super::trace::Seen;
use crate::support::gateway::{Gateway, GatewayConfig};
use crate::support::host::Host;
use crate::support::tools;

const RTP_PORT: u16 = 7000;
const CALLER_HZ: f64 = 700.0;
const CALLEE_HZ: f64 = 1300.0;

/// An office that calls, a carrier that may send its calls on, mobiles at numbers that begin with 6, and a branch at those
/// with 5.
struct Ground {
    gateway: Gateway,
    office: Host,
    carrier: Host,
    mobiles: Host,
    branch: Host,
}

impl Ground {
    fn new() -> Option<Self> {
        tools::command("sipp")?;
        let [office, carrier, mobiles, branch] = std::array::from_fn(|_| Host::new());
        let bridge = |pattern: &str, trunk: &str| {
            format!(
                "destination = '{pattern}'\nfrom_trunk = 'office'\n\
                 actions = [{{ bridge = {{ trunk = '{trunk}', number = '$0' }} }}]"
            )
        };
        let config = GatewayConfig::default()
            .trunk("office", &office, &["PCMU"])
            .trunk("carrier", &carrier, &["PCMU"])
            .last_trunk("redirects = true")
            .trunk("mobiles", &mobiles, &["PCMU"])
            .trunk("branch", &branch, &["PCMU"])
            .rule(&bridge("9.*", "carrier"))
            .rule(&bridge("6.*", "mobiles"))
            .rule(&bridge("5.*", "branch"));
        Some(Self { gateway: Gateway::start(&config), office, carrier, mobiles, branch })
    }

    /// A carrier that sends the next call on to these.
    fn redirect(&self, status: &str, contacts: &str) -> Sipp {
        let answer = format!("{status}\nContact: {contacts}");
        Sipp::callee(&self.carrier, "callee_refuses", &[("ANSWER", &answer)])
    }

    /// The office calls the carrier, is answered by this number at `host`, and both hear each other.
    fn assert_talk(&self, number: &str, host: &Host) {
        let callee = Sipp::callee(host, "callee_talks", &[]);
        let [mut callers, mut callees] = [&self.office, host].map(|host| RtpPeer::new(host, RTP_PORT));
        let caller = Sipp::caller(&self.office, "caller_talks", self.gateway.sip(), "9100", &[]);
        let invite = callee.wait_for("INVITE");
        assert!(invite.is_to(&format!("sip:{number}@{}", host.at(PORT))), "{invite:?}");
        callees.say(self.media_of(&invite), Law::Mu, CALLEE_HZ);
        callers.say(self.media_of(&caller.wait_for("200")), Law::Mu, CALLER_HZ);
        callers.assert_hears(Law::Mu, CALLEE_HZ);
        callees.assert_hears(Law::Mu, CALLER_HZ);
        caller.go_on();
        caller.finish();
        callee.finish();
    }

    fn media_of(&self, seen: &Seen) -> SocketAddr {
        SocketAddr::new(self.gateway.sip().ip(), seen.audio_port().expect("it describes its audio"))
    }
}

#[test]
fn a_call_goes_on_to_the_first_place_that_the_caller_may_call() {
    let Some(ground) = Ground::new() else { return };
    let carrier =
        ground.redirect("302 Moved Temporarily", "<sip:6100@192.0.2.9>;q=0.5, <sip:7100@192.0.2.9>");
    ground.assert_talk("6100", &ground.mobiles);
    carrier.finish();
    ground.gateway.assert_all_is_over(1);
}

#[test]
fn a_call_goes_on_to_where_a_number_of_a_trunk_has_moved_for_good() {
    let Some(ground) = Ground::new() else { return };
    let carrier = ground.redirect("301 Moved Permanently", "<sip:6100@192.0.2.9>");
    ground.assert_talk("6100", &ground.mobiles);
    carrier.finish();
    ground.gateway.assert_all_is_over(1);
}

/// The least preferred stands first, and the most preferred is one that the office may not call.
#[test]
fn of_several_places_that_a_trunk_names_the_next_is_called_where_the_one_before_is_busy() {
    let Some(ground) = Ground::new() else { return };
    let places = "<sip:5100@192.0.2.9>;q=0.2, <sip:6100@192.0.2.9>;q=0.9, <sip:7100@192.0.2.9>";
    let carrier = ground.redirect("300 Multiple Choices", places);
    let busy = Sipp::callee(&ground.mobiles, "callee_refuses", &[("ANSWER", "486 Busy Here")]);
    ground.assert_talk("5100", &ground.branch);
    let refused = busy.finish();
    assert!(refused[0].is_to(&format!("sip:6100@{}", ground.mobiles.at(PORT))), "{:?}", refused[0]);
    carrier.finish();
    ground.gateway.assert_all_is_over(1);
}

#[test]
fn a_call_goes_nowhere_that_the_caller_may_not_call() {
    let Some(ground) = Ground::new() else { return };
    let carrier = ground.redirect("302 Moved Temporarily", "<sip:7100@192.0.2.9>, <sip:7200@192.0.2.9>");
    let status = [("STATUS", "404")];
    Sipp::caller(&ground.office, "caller_refused", ground.gateway.sip(), "9100", &status).finish();
    carrier.finish();
    ground.gateway.assert_all_is_over(1);
}
