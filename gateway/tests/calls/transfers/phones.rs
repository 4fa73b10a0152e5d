//! Transfers that a registered phone asks for: a blind one by baresip, which has a key for it, and an attended one.

use std::net::SocketAddr;

use webtrunk_codecs::g711::Law;
use webtrunk_signalling::auth::digest::Algorithm;

use super::attended::put_through;
use crate::sip::raw_phone::RawPhone;
use crate::sip::rtp_peer::RtpPeer;
use crate::sip::sipp::{PORT, Sipp};
use crate::sip::trace::Seen;
use crate::support::baresip::Baresip;
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE, password};
use crate::support::host::Host;
use crate::support::process::wait_until;
use crate::support::sound::Sound;
use crate::support::tools;

const PHONE_HZ: f64 = 1400.0;
const CALLER_HZ: f64 = 700.0;
const CALLEE_HZ: f64 = 1000.0;

/// Alice and bob have phones; the office and the customer are trunks that may call her, and she them.
struct Ground {
    gateway: Gateway,
    office: Host,
    customer: Host,
    desk: Host,
}

impl Ground {
    fn new() -> Option<Self> {
        tools::command("sipp")?;
        let [office, customer, desk] = std::array::from_fn(|_| Host::new());
        let to_alice = |trunk: &str| {
            format!(
                "destination = 'alice'\nfrom_trunk = '{trunk}'\nactions = [{{ bridge = {{ user = 'alice' }} }}]"
            )
        };
        let config = GatewayConfig::default()
            .md5_only()
            .user("alice")
            .user("bob")
            .trunk("office", &office, &["PCMU"])
            .trunk("customer", &customer, &["PCMU"])
            .rule("destination = '9.*'\nactions = [{ bridge = { trunk = 'office', number = '$0' } }]")
            .rule("destination = 'bob'\nactions = [{ bridge = { user = 'bob' } }]")
            .rule(&to_alice("office"))
            .rule(&to_alice("customer"));
        Some(Self { gateway: Gateway::start(&config), office, customer, desk })
    }

    /// Registers a user at the desk's host; what answers there from now on is that one's phone.
    fn register(&self, user: &str) {
        let mut phone = RawPhone::at_port(&self.desk, PORT, &self.gateway, user);
        let answer = phone.register(Algorithm::Md5, &password(user), "");
        assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    }

    fn say(&self, sound: &mut RtpPeer, told: &Seen, hz: f64) {
        let port = told.audio_port().expect("the gateway describes its audio");
        sound.say(SocketAddr::new(self.gateway.sip().ip(), port), Law::Mu, hz);
    }
}

#[test]
fn baresip_transfers_whom_it_called_to_another_phone() {
    let Some(ground) = Ground::new() else { return };
    ground.register("bob");
    let bob = Sipp::callee(&ground.desk, "callee_talks", &[]);
    let office = Sipp::callee(&ground.office, "callee_talks", &[]);
    let [mut office_rtp, mut bob_rtp] = [&ground.office, &ground.desk].map(|host| RtpPeer::new(host, 7000));
    let says = Sound::tone(8000, PHONE_HZ, 0.25, 60.0);
    let gateway = ground.gateway.sip();
    let Some(alice) = Baresip::calling("alice", "PCMU", gateway, "9100", &says) else { return };
    ground.say(&mut office_rtp, &office.wait_for("INVITE"), CALLEE_HZ);
    office_rtp.await_tone(Law::Mu, PHONE_HZ);
    alice.tell("transfer", &format!("sip:bob@{gateway}"));
    let invite = bob.wait_for("INVITE");
    assert!(invite.header("Referred-By").is_some_and(|by| by.contains("sip:alice@")), "{invite:?}");
    ground.say(&mut bob_rtp, &invite, CALLER_HZ);
    ground.gateway.log().wait_for(&["transfer is done"], PATIENCE);
    office_rtp.await_tone(Law::Mu, CALLER_HZ);
    bob_rtp.await_tone(Law::Mu, CALLEE_HZ);
    // The office was told nothing at all: its call is the one that it answered.
    assert_eq!((office.received("INVITE").len(), office.received("REFER").len()), (1, 0));
    bob.go_on();
    bob.finish();
    office.finish();
    ground.gateway.assert_all_is_over(1);
}

#[test]
fn a_registered_phone_puts_one_caller_through_to_another() {
    let Some(ground) = Ground::new() else { return };
    ground.register("alice");
    let alice = Sipp::callee(&ground.desk, "callee_refers", &[("ANSWER", "202"), ("CALLS", "2")]);
    let hosts = [&ground.office, &ground.customer];
    let mut sounds = hosts.map(|host| RtpPeer::new(host, 7000));
    let mut callers = Vec::new();
    for ((host, sound), hz) in hosts.into_iter().zip(&mut sounds).zip([CALLER_HZ, CALLEE_HZ]) {
        let caller = Sipp::caller(host, "caller_talks", ground.gateway.sip(), "alice", &[]);
        ground.say(sound, &caller.wait_for("200"), hz);
        caller.wait_for_sent("ACK");
        callers.push(caller);
    }
    let answers =
        || -> Vec<Seen> { alice.seen().into_iter().filter(|seen| seen.is_sent && seen.is("200")).collect() };
    assert!(wait_until(PATIENCE, || answers().len() == 2), "she has two calls");
    put_through(&alice, &ground.gateway, &answers()[1]);
    assert!(
        wait_until(PATIENCE, || alice.received("BYE").len() == 2),
        "she is out of both: {:?}",
        alice.seen()
    );
    sounds[0].await_tone(Law::Mu, CALLEE_HZ);
    sounds[1].await_tone(Law::Mu, CALLER_HZ);
    let told: Vec<_> = alice.received("NOTIFY").iter().map(|seen| seen.body().trim().to_owned()).collect();
    assert_eq!(told, ["SIP/2.0 100 Trying", "SIP/2.0 200 OK"]);
    callers[0].go_on();
    callers[1].wait_for("BYE");
    for caller in callers {
        caller.finish();
    }
    ground.gateway.assert_all_is_over(2);
}
