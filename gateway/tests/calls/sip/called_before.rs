//! Who was called before a call came here: told by Diversion (RFC 5806) or History-Info (RFC 7044), and to whom.

use webtrunk_signalling::auth::digest::Algorithm;

use super::raw_phone::RawPhone;
use super::sipp::{PORT, Sipp, Values};
use super::tones::Tones;
use super::trace::Seen;
use crate::support::gateway::{Gateway, GatewayConfig, password};
use crate::support::host::Host;
use crate::support::tools;

/// By Diversion the latest stands first, by History-Info last; who wants to be kept private is among them.
const DIVERSION: &str = "\nDiversion: \"Ann\" <sip:200@there.test>;reason=no-answer;counter=1\n\
     Diversion: <sip:secret@there.test>;reason=unconditional;privacy=full\n\
     Diversion: <sip:100@there.test>;reason=user-busy;privacy=off";
const HISTORY: &str = "\nHistory-Info: <sip:secret@there.test?Privacy=history>;index=1\n\
     History-Info: <sip:100@there.test;cause=302>;index=1.1;mp=1\n\
     History-Info: <sip:200@there.test;cause=486>;index=1.1.1;mp=1.1\n\
     History-Info: <sip:9100@there.test;cause=408>;index=1.1.1.1;mp=1.1.1";

/// Trunks that tell by the one header, by the other and by none of both, all of which call; a carrier that is told by both, and
/// so are users, of whom alice is at a host of her own.
struct Ground {
    gateway: Gateway,
    by_diversion: Host,
    by_history: Host,
    by_none: Host,
    carrier: Host,
    home: Host,
}

impl Ground {
    fn new() -> Option<Self> {
        tools::command("sipp")?;
        let [by_diversion, by_history, by_none, carrier, home] = std::array::from_fn(|_| Host::new());
        let mut config = GatewayConfig::default()
            .md5_only()
            .sip("diversion = 'both'")
            .user("alice")
            .trunk("diverts", &by_diversion, &["PCMU"])
            .last_trunk("diversion = 'diversion'")
            .trunk("remembers", &by_history, &["PCMU"])
            .last_trunk("diversion = 'history-info'")
            .trunk("plain", &by_none, &["PCMU"])
            .trunk("carrier", &carrier, &["PCMU"])
            .last_trunk("diversion = 'both'");
        // A rule is for users unless it names trunks.
        for from in ["", "from_trunk = 'diverts'", "from_trunk = 'remembers'", "from_trunk = 'plain'"] {
            let rule = |pattern: &str, to: &str| {
                format!("destination = '{pattern}'\n{from}\nactions = [{{ bridge = {{ {to} }} }}]")
            };
            config = config
                .rule(&rule("9\\d+", "trunk = 'carrier', number = '$0'"))
                .rule(&rule("alice", "user = 'alice'"));
        }
        Some(Self { gateway: Gateway::start(&config), by_diversion, by_history, by_none, carrier, home })
    }

    /// A call of which this is said, and both hear each other; gives the INVITE that came of it.
    fn invite_of(&self, from: &Host, said: &str, number: &str, to: &Host) -> Seen {
        self.invite_by("caller_talks", from, &[("MORE", said)], (number, to))
    }

    fn invite_by(&self, scenario: &str, from: &Host, values: Values<'_>, to: (&str, &Host)) -> Seen {
        let (number, host) = to;
        let mut tones = Tones::at([from, host]);
        let callee = Sipp::callee(host, "callee_talks", &[]);
        let caller = Sipp::caller(from, scenario, self.gateway.sip(), number, values);
        let invite = callee.wait_for("INVITE");
        tones.exchange((&caller, self.gateway.sip()), (&callee, self.gateway.sip()));
        caller.go_on();
        caller.finish();
        callee.finish();
        invite
    }

    /// Fails unless it tells that 100 was busy and 200 did not answer, of nobody else, and whom the call is for now.
    fn assert_tells(&self, invite: &Seen, whom: &str) {
        let ip = self.gateway.sip().ip();
        assert_eq!(
            invite.headers("Diversion"),
            [
                format!("<sip:200@{ip}>;reason=no-answer;counter=1"),
                format!("<sip:100@{ip}>;reason=user-busy;counter=1"),
            ]
        );
        assert_eq!(
            invite.headers("History-Info"),
            [
                format!("<sip:100@{ip}>;index=1"),
                format!("<sip:200@{ip};cause=486>;index=1.1;mp=1"),
                format!("<sip:{whom}@{ip};cause=408>;index=1.1.1;mp=1.1"),
            ]
        );
    }
}

fn assert_tells_of_nobody(invite: &Seen) {
    for name in ["Diversion", "History-Info"] {
        assert_eq!(invite.header(name), None, "{invite:?}");
    }
}

#[test]
fn a_trunk_is_told_who_was_called_before_whichever_header_another_trunk_told_it_by() {
    let Some(ground) = Ground::new() else { return };
    for (trunk, said) in [(&ground.by_diversion, DIVERSION), (&ground.by_history, HISTORY)] {
        let invite = ground.invite_of(trunk, said, "9100", &ground.carrier);
        ground.assert_tells(&invite, "9100");
    }
    ground.gateway.assert_all_is_over(2);
}

#[test]
fn a_users_phone_is_told_who_was_called_before_whichever_header_a_trunk_told_it_by() {
    let Some(ground) = Ground::new() else { return };
    let mut alice = RawPhone::at_port(&ground.home, PORT, &ground.gateway, "alice");
    let answer = alice.register(Algorithm::Md5, &password("alice"), "Expires: 600\r\n");
    assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    // What answers there from now on is her phone.
    drop(alice);
    for (trunk, said) in [(&ground.by_diversion, DIVERSION), (&ground.by_history, HISTORY)] {
        let invite = ground.invite_of(trunk, said, "alice", &ground.home);
        ground.assert_tells(&invite, "alice");
    }
    ground.gateway.assert_all_is_over(2);
}

/// Nor is a trunk believed what it is not configured to tell, or tells by the other header.
#[test]
fn what_a_user_or_a_stranger_says_of_who_was_called_before_is_told_to_nobody() {
    let Some(ground) = Ground::new() else { return };
    let both = format!("{DIVERSION}{HISTORY}");
    let password = password("alice");
    let values = [("CALLER", "alice"), ("PASSWORD", &*password), ("MORE", &*both)];
    let invite = ground.invite_by("caller_user", &ground.home, &values, ("9100", &ground.carrier));
    assert_tells_of_nobody(&invite);
    for (trunk, said) in
        [(&ground.by_none, &*both), (&ground.by_diversion, HISTORY), (&ground.by_history, DIVERSION)]
    {
        assert_tells_of_nobody(&ground.invite_of(trunk, said, "9100", &ground.carrier));
    }

    let (carrier, elsewhere) =
        (RawPhone::at_port(&ground.carrier, PORT, &ground.gateway, "9100"), Host::new());
    let mut stranger = RawPhone::new(&elsewhere, &ground.gateway, "alice");
    let said = format!("{}\r\n", both.trim_start().replace('\n', "\r\n"));
    let refused = stranger.ask("INVITE", "sip:9100@webtrunk.test", &said);
    assert!(refused.starts_with("SIP/2.0 401 "), "{refused}");
    stranger.acknowledge(&refused);
    ground.gateway.assert_all_is_over(4);
    assert!(carrier.is_left_alone());
}
