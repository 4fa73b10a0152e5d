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

/// An office that calls, a carrier that may send its calls on, and mobiles at numbers that begin with 6.
struct Ground {
    gateway: Gateway,
    office: Host,
    carrier: Host,
    mobiles: Host,
}

impl Ground {
    fn new() -> Option<Self> {
        tools::command("sipp")?;
        let [office, carrier, mobiles] = std::array::from_fn(|_| Host::new());
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
            .rule(&bridge("9.*", "carrier"))
            .rule(&bridge("6.*", "mobiles"));
        Some(Self { gateway: Gateway::start(&config), office, carrier, mobiles })
    }

    /// A carrier that sends the next call on to these.
    fn redirect(&self, contacts: &str) -> Sipp {
        let answer = format!("302 Moved Temporarily\nContact: {contacts}");
        Sipp::callee(&self.carrier, "callee_refuses", &[("ANSWER", &answer)])
    }

    fn media_of(&self, seen: &Seen) -> SocketAddr {
        SocketAddr::new(self.gateway.sip().ip(), seen.audio_port().expect("it describes its audio"))
    }
}

#[test]
fn a_call_goes_on_to_the_first_place_that_the_caller_may_call() {
    let Some(ground) = Ground::new() else { return };
    let carrier = ground.redirect("<sip:6100@192.0.2.9>;q=0.5, <sip:7100@192.0.2.9>");
    let mobile = Sipp::callee(&ground.mobiles, "callee_talks", &[]);
    let [mut callers, mut callees] =
        [&ground.office, &ground.mobiles].map(|host| RtpPeer::new(host, RTP_PORT));
    let caller = Sipp::caller(&ground.office, "caller_talks", ground.gateway.sip(), "9100", &[]);
    let invite = mobile.wait_for("INVITE");
    assert!(invite.is_to(&format!("sip:6100@{}", ground.mobiles.at(PORT))), "{invite:?}");
    callees.say(ground.media_of(&invite), Law::Mu, CALLEE_HZ);
    callers.say(ground.media_of(&caller.wait_for("200")), Law::Mu, CALLER_HZ);
    callers.assert_hears(Law::Mu, CALLEE_HZ);
    callees.assert_hears(Law::Mu, CALLER_HZ);
    caller.go_on();
    caller.finish();
    mobile.finish();
    carrier.finish();
    ground.gateway.assert_all_is_over(1);
}

#[test]
fn a_call_goes_nowhere_that_the_caller_may_not_call() {
    let Some(ground) = Ground::new() else { return };
    let carrier = ground.redirect("<sip:7100@192.0.2.9>, <sip:7200@192.0.2.9>");
    let status = [("STATUS", "404")];
    Sipp::caller(&ground.office, "caller_refused", ground.gateway.sip(), "9100", &status).finish();
    carrier.finish();
    ground.gateway.assert_all_is_over(1);
}
