//! What each trunk wants its own way: who calls, how numbers are written, how many calls it takes.

use webtrunk_codecs::g711::Law;

use super::raw_phone::RawPhone;
use super::rtp_peer::RtpPeer;
use super::sipp::Sipp;
use super::trace::Seen;
use crate::support::gateway::{Gateway, GatewayConfig};
use crate::support::host::Host;
use crate::support::tools;

const CALLER_HZ: f64 = 850.0;
const CALLEE_HZ: f64 = 440.0;

struct Stage {
    gateway: Gateway,
    office: Host,
    carrier: Host,
}

impl Stage {
    /// The office calls, the carrier is called, each with lines of its own.
    fn new(office_lines: &str, carrier_lines: &str) -> Option<Self> {
        tools::command("sipp")?;
        let [office, carrier] = [Host::new(), Host::new()];
        let config = GatewayConfig::default()
            .trunk("office", &office, &["PCMU"])
            .last_trunk(office_lines)
            .trunk("carrier", &carrier, &["PCMU"])
            .last_trunk(carrier_lines)
            .rule(
                "destination = '9\\d+'\nfrom_trunk = 'office'\n\
                 actions = [{ bridge = { trunk = 'carrier', number = '$0' } }]",
            );
        Some(Self { gateway: Gateway::start(&config), office, carrier })
    }

    /// A call with these header fields besides, in which both hear each other; the INVITE that the carrier got.
    fn call(&self, number: &str, more: &str) -> Seen {
        let (mut caller_rtp, mut callee_rtp) =
            (RtpPeer::new(&self.office, 7000), RtpPeer::new(&self.carrier, 7000));
        let callee = Sipp::callee(&self.carrier, "callee_talks", &[]);
        let caller =
            Sipp::caller(&self.office, "caller_talks", self.gateway.sip(), number, &[("MORE", more)]);
        let invite = callee.wait_for("INVITE");
        let callee_port = invite.audio_port().expect("an offer");
        let caller_port = caller.wait_for("200").audio_port().expect("an answer");
        let at = |port| (self.gateway.sip().ip(), port).into();
        caller_rtp.say(at(caller_port), Law::Mu, CALLER_HZ);
        callee_rtp.say(at(callee_port), Law::Mu, CALLEE_HZ);
        callee_rtp.assert_hears(Law::Mu, CALLER_HZ);
        caller_rtp.assert_hears(Law::Mu, CALLEE_HZ);
        caller.go_on();
        caller.finish();
        callee.finish();
        invite
    }
}

/// The office calls as 2001 and asserts another identity; numbers are written nationally there and with a
/// plus here.
#[test]
fn callers_and_numbers_are_written_as_each_trunk_wants_them() {
    let Some(stage) = Stage::new(
        "caller_id = 'p-asserted-identity'\nrewrite = [{ number = 'called', direction = 'in', pattern = '00(.*)', to = '9$1' }]",
        "caller_id = 'p-asserted-identity'\nrewrite = [\n\
         { number = 'called', direction = 'out', pattern = '9(.*)', to = '+49$1' },\n\
         { number = 'caller', direction = 'out', pattern = '030(.*)', to = '+4930$1' } ]",
    ) else {
        return;
    };
    let invite = stage.call("00100", "\nP-Asserted-Identity: <sip:030123@office.test>");
    let of = |name| invite.header(name).unwrap_or_default().to_owned();
    assert!(of("To").contains("sip:+49100@"), "{}", of("To"));
    assert!(of("From").contains("sip:+4930123@"), "{}", of("From"));
    assert!(of("P-Asserted-Identity").contains("sip:+4930123@"), "{}", of("P-Asserted-Identity"));
    let invite = stage.call("00100", "\nP-Asserted-Identity: <sip:030123@office.test>\nPrivacy: id");
    let of = |name| invite.header(name).unwrap_or_default().to_owned();
    assert!(of("From").contains("sip:anonymous@anonymous.invalid"), "{}", of("From"));
    assert_eq!((of("Privacy"), of("P-Asserted-Identity")), ("id".to_owned(), String::new()));
    stage.gateway.assert_all_is_over(2);
}

#[test]
fn a_trunk_that_is_never_shown_is_told_who_calls_and_not_to_tell() {
    let Some(stage) = Stage::new("", "caller_id = 'privacy'") else { return };
    let invite = stage.call("9100", "");
    let of = |name| invite.header(name).unwrap_or_default().to_owned();
    assert!(of("From").contains("sip:anonymous@anonymous.invalid") && of("Privacy") == "id");
    assert!(of("P-Asserted-Identity").contains("sip:2001@"), "{}", of("P-Asserted-Identity"));
    stage.gateway.assert_all_is_over(1);
}

/// One call may be at the carrier: while it is there the next one is refused with 503, and counted.
#[test]
fn a_trunk_has_no_more_calls_than_it_may_have() {
    let Some(stage) = Stage::new("", "calls_max = 1\ncalls_per_second = 5") else { return };
    let mut caller_rtp = RtpPeer::new(&stage.office, 7000);
    let callee_rtp = RtpPeer::new(&stage.carrier, 7000);
    let callee = Sipp::callee(&stage.carrier, "callee_talks", &[]);
    let caller = Sipp::caller(&stage.office, "caller_talks", stage.gateway.sip(), "9100", &[]);
    let caller_port = caller.wait_for("200").audio_port().expect("an answer");
    caller_rtp.say((stage.gateway.sip().ip(), caller_port).into(), Law::Mu, CALLER_HZ);
    let counted = || stage.gateway.status()["trunks"]["carrier"].clone();
    assert_eq!((counted()["calls"].as_u64(), counted()["refused"].as_u64()), (Some(1), Some(0)));
    let mut second = RawPhone::new(&stage.office, &stage.gateway, "2002");
    let invite = second.request("INVITE", "sip:9100@webtrunk.test", "");
    let refused = second.ask_this(&invite);
    assert!(refused.starts_with("SIP/2.0 503 "), "{refused}");
    second.acknowledge(&refused);
    assert_eq!((counted()["calls"].as_u64(), counted()["refused"].as_u64()), (Some(1), Some(1)));
    callee_rtp.assert_hears(Law::Mu, CALLER_HZ);
    caller.go_on();
    caller.finish();
    callee.finish();
    stage.gateway.assert_all_is_over(2);
    assert_eq!(counted()["calls"], 0);
}
