//! What each trunk wants its own way: who calls, how numbers are written, how many calls it takes.

use std::time::Duration;

use super::raw_phone::{RawPhone, header};
use super::sipp::Sipp;
use super::tones::Tones;
use super::trace::Seen;
use crate::support::gateway::{Gateway, GatewayConfig};
use crate::support::host::Host;
use crate::support::tools;

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
        self.talk(number, more).end()
    }

    /// The same, which goes on.
    fn talk(&self, number: &str, more: &str) -> Talk {
        let mut tones = Tones::at([&self.office, &self.carrier]);
        let callee = Sipp::callee(&self.carrier, "callee_talks", &[]);
        let caller =
            Sipp::caller(&self.office, "caller_talks", self.gateway.sip(), number, &[("MORE", more)]);
        tones.exchange((&caller, self.gateway.sip()), (&callee, self.gateway.sip()));
        Talk { invite: callee.wait_for("INVITE"), caller, callee, tones }
    }

    /// Calls of a trunk now, and those that were refused.
    fn counted(&self, trunk: &str) -> [Option<u64>; 2] {
        let trunk = self.gateway.status()["trunks"][trunk].clone();
        ["calls", "refused"].map(|count| trunk[count].as_u64())
    }
}

/// A call that is up, and the INVITE that the carrier got.
struct Talk {
    invite: Seen,
    caller: Sipp,
    callee: Sipp,
    tones: Tones,
}

impl Talk {
    fn end(self) -> Seen {
        self.caller.go_on();
        self.caller.finish();
        self.callee.finish();
        self.invite
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

/// Of a trunk that tells by From who calls nothing else is believed; its callers' numbers are written as ours are.
#[test]
fn a_trunk_that_tells_who_calls_by_from_is_believed_nothing_else_and_its_callers_are_written_anew() {
    let rewrite = "rewrite = [{ number = 'caller', direction = 'in', pattern = '2(.*)', to = '+4989$1' }]";
    let Some(stage) = Stage::new(rewrite, "caller_id = 'p-asserted-identity'") else { return };
    let invite = stage.call("9100", "\nP-Asserted-Identity: <sip:030123@office.test>");
    for name in ["From", "P-Asserted-Identity"] {
        let shown = invite.header(name).unwrap_or_default();
        assert!(shown.contains("sip:+4989001@"), "{name}: {shown}");
    }
    stage.gateway.assert_all_is_over(1);
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
    let talk = stage.talk("9100", "");
    assert_eq!(stage.counted("carrier"), [Some(1), Some(0)]);
    let mut second = RawPhone::new(&stage.office, &stage.gateway, "2002");
    let refused = second.ask("INVITE", "sip:9100@webtrunk.test", "");
    assert!(refused.starts_with("SIP/2.0 503 "), "{refused}");
    second.acknowledge(&refused);
    assert_eq!(stage.counted("carrier"), [Some(1), Some(1)]);
    talk.tones.assert_exchanged();
    talk.end();
    stage.gateway.assert_all_is_over(2);
    assert_eq!(stage.counted("carrier"), [Some(0), Some(1)]);
}

/// The office may have one call: while it has it its next one is refused, with a word when to come again.
#[test]
fn a_trunk_makes_no_more_calls_than_it_may_have() {
    let Some(stage) = Stage::new("calls_max = 1", "") else { return };
    let talk = stage.talk("9100", "");
    let mut second = RawPhone::new(&stage.office, &stage.gateway, "2002");
    let refused = second.ask("INVITE", "sip:9100@webtrunk.test", "");
    second.acknowledge(&refused);
    assert_busy(&refused);
    assert_eq!(stage.counted("office"), [Some(1), Some(1)]);
    talk.tones.assert_exchanged();
    talk.end();
    stage.gateway.assert_all_is_over(1);
    stage.call("9100", "");
    stage.gateway.assert_all_is_over(2);
}

/// One call in a second: of three at once the first gets through, and one that comes later is talked.
#[test]
fn a_trunk_makes_and_gets_no_more_calls_in_a_second_than_it_may() {
    const LIMIT: &str = "calls_per_second = 1";
    for (limited, [office, carrier], begun) in [("office", [LIMIT, ""], 1), ("carrier", ["", LIMIT], 3)] {
        let Some(stage) = Stage::new(office, carrier) else { return };
        let callee = Sipp::callee(&stage.carrier, "callee_refuses", &[("ANSWER", "486 Busy Here")]);
        let phones = ["2001", "2002", "2003"].map(|user| {
            let mut phone = RawPhone::new(&stage.office, &stage.gateway, user);
            let invite = phone.request("INVITE", "sip:9100@webtrunk.test", "");
            (phone, invite)
        });
        for (phone, invite) in &phones {
            phone.send(invite);
        }
        let mut refusals = phones.map(|(phone, _)| {
            let refused = phone.final_response();
            phone.acknowledge(&refused);
            refused
        });
        refusals.sort();
        assert!(refusals[0].starts_with("SIP/2.0 486 "), "{limited}: {refusals:?}");
        for refused in &refusals[1..] {
            match limited {
                "office" => assert_busy(refused),
                _ => assert!(refused.starts_with("SIP/2.0 503 "), "{refused}"),
            }
        }
        callee.finish();
        assert_eq!(stage.counted(limited), [Some(0), Some(2)]);
        std::thread::sleep(Duration::from_millis(1100));
        stage.call("9100", "");
        stage.gateway.assert_all_is_over(begun + 1);
    }
}

fn assert_busy(refused: &str) {
    assert!(refused.starts_with("SIP/2.0 503 "), "{refused}");
    let seconds: u32 = header(refused, "Retry-After").parse().expect("when to come again");
    assert!((1..=10).contains(&seconds), "{refused}");
}
