//! Calls, and what else is asked, of those whom nobody knows: they are challenged, and nobody's phone rings. Whoever is known
//! calls by the dial plan, whatever else a request names.

use std::net::UdpSocket;

use webtrunk_signalling::auth::digest::Algorithm;

use super::raw_phone::{RawPhone, description};
use super::sipp::Sipp;
use super::stage::Stage;
use crate::support::gateway::{PATIENCE, password};
use crate::support::gateway_config::SIP_PORT;
use crate::support::host::Host;
use crate::support::process::wait_until;

/// Listens where the carrier would be called; a call of a stranger must not come there.
struct Silence(UdpSocket);

impl Silence {
    fn at(host: &Host) -> Self {
        let socket = UdpSocket::bind(host.at(SIP_PORT)).expect("the host is ours");
        socket.set_nonblocking(true).expect("an option of sockets");
        Self(socket)
    }

    /// To be asked when the stranger has its answer and the gateway has no call.
    fn assert_silent(&self, stage: &Stage) {
        stage.gateway.assert_all_is_over(0);
        assert!(self.0.recv(&mut [0; 1500]).is_err(), "the carrier was called");
    }
}

/// A target and the request's method.
const CALL: (&str, &str) = ("INVITE", "sip:9100@webtrunk.test");

#[test]
fn without_a_password() {
    let Some(stage) = Stage::new() else { return };
    let silence = Silence::at(&stage.callee);
    for number in ["9100", "alice", "7100"] {
        let stranger = Host::new();
        // Whether there is such a number, too, is not for everybody to know.
        Sipp::caller(&stranger, "caller_refused", stage.gateway.sip(), number, &[("STATUS", "401")]).finish();
    }
    silence.assert_silent(&stage);
}

#[test]
fn with_a_wrong_password() {
    let Some(stage) = Stage::new() else { return };
    let silence = Silence::at(&stage.callee);
    let mut stranger = RawPhone::new(&Host::new(), &stage.gateway, "alice");
    let challenged = stranger.ask(CALL.0, CALL.1, "");
    let answer = stranger.authorization(&challenged, Algorithm::Sha256, "a guess", CALL);
    let refused = stranger.ask(CALL.0, CALL.1, &answer);
    assert!(refused.starts_with("SIP/2.0 401 "), "{refused}");
    silence.assert_silent(&stage);
}

/// Who may call as somebody else may bill somebody else.
#[test]
fn in_somebody_elses_name() {
    let Some(stage) = Stage::new() else { return };
    let silence = Silence::at(&stage.callee);
    let mut alice = RawPhone::new(&Host::new(), &stage.gateway, "alice");
    let challenged = alice.ask(CALL.0, CALL.1, "");
    let answer = alice.authorization(&challenged, Algorithm::Sha256, &password("alice"), CALL);
    let request = alice.request(CALL.0, CALL.1, &answer);
    alice.send(&request.replace("From: <sip:alice@", "From: <sip:bob@"));
    let refused = alice.receive();
    assert!(refused.starts_with("SIP/2.0 403 "), "{refused}");
    silence.assert_silent(&stage);
}

/// Who has overheard how a user proved itself calls by the same, from elsewhere first and then from beside it. Fails when a nonce is
/// good at another address, or its count need not go on.
#[test]
fn by_a_proof_that_was_overheard() {
    let Some(stage) = Stage::new() else { return };
    let carrier = RawPhone::at_port(&stage.callee, SIP_PORT, &stage.gateway, "9100");
    let [home, elsewhere] = [Host::new(), Host::new()];
    let mut alice = RawPhone::new(&home, &stage.gateway, "alice");
    let challenged = alice.ask(CALL.0, CALL.1, "");
    let proof = alice.authorization(&challenged, Algorithm::Sha256, &password("alice"), CALL);
    let assert_refused = |host: &Host| {
        let mut stranger = RawPhone::new(host, &stage.gateway, "alice");
        let refused = stranger.ask(CALL.0, CALL.1, &proof);
        assert!(refused.starts_with("SIP/2.0 401 ") && refused.contains("stale=true"), "{refused}");
    };
    assert_refused(&elsewhere);
    let headers = format!("{proof}Content-Type: application/sdp\r\n");
    let invite = alice.request_with(CALL.0, CALL.1, &headers, &description(home.ip(), 7000));
    alice.send(&invite);
    let called = carrier.next("INVITE ");
    carrier.respond(&called, "486 Busy Here");
    let refused = alice.final_response();
    assert!(refused.starts_with("SIP/2.0 486 "), "{refused}");
    alice.acknowledge(&refused);
    assert_refused(&home);
    assert_refused(&elsewhere);
    stage.gateway.assert_all_is_over(1);
    let came = carrier.all_that_came();
    assert!(!came.iter().any(|message| message.starts_with("INVITE ")), "{came:?}");
}

/// What may be asked outside of calls, and what nobody has heard of.
const OUT_OF_CALLS: [&str; 11] = [
    "INVITE",
    "REGISTER",
    "MESSAGE",
    "SUBSCRIBE",
    "NOTIFY",
    "PUBLISH",
    "REFER",
    "INFO",
    "UPDATE",
    "BYE",
    "NEWMETHOD",
];

/// A host to which a request points by all that it has: whoever follows any of it sends something there.
struct Victim {
    phone: RawPhone,
    uri: String,
    shown: String,
    headers: String,
}

impl Victim {
    fn new(stage: &Stage, called: &str) -> Self {
        let phone = RawPhone::at_port(&Host::new(), SIP_PORT, &stage.gateway, "victim");
        let (at, ip) = (phone.address(), phone.address().ip());
        Self {
            uri: format!("sip:{called}@{at};maddr={ip}"),
            shown: format!("{at};maddr={ip};received={ip}"),
            headers: format!("Route: <sip:{at};lr>\r\nRefer-To: <sip:9100@{at}>\r\nEvent: presence\r\n"),
            phone,
        }
    }
}

/// Fails when a method is let past the doorkeeper, an answer goes where its request points, or is long enough to be worth a
/// forged source.
#[test]
fn what_strangers_ask_outside_of_calls_is_challenged_reaches_nobody_and_is_answered_to_its_source() {
    let Some(stage) = Stage::new() else { return };
    let silence = Silence::at(&stage.callee);
    let home = Host::new();
    let mut alice = RawPhone::new(&home, &stage.gateway, "alice");
    let registered = alice.register(Algorithm::Sha256, &password("alice"), "");
    assert!(registered.starts_with("SIP/2.0 200 "), "{registered}");
    let victim = Victim::new(&stage, "alice");
    let host = Host::new();
    let mut stranger = RawPhone::new(&host, &stage.gateway, "bob");
    stranger.show(&victim.shown);
    for method in OUT_OF_CALLS {
        let request = stranger.request(method, &victim.uri, &victim.headers);
        let answer = stranger.ask_this(&request);
        assert!(answer.starts_with("SIP/2.0 401 "), "{method}: {answer}");
        assert!(answer.len() <= 2 * request.len(), "{} for {} octets: {answer}", answer.len(), request.len());
        let (ip, port) = (host.ip(), stranger.address().port());
        assert!(answer.contains(&format!(";received={ip}")), "{method}: {answer}");
        assert!(answer.contains(&format!(";rport={port}")), "{method}: {answer}");
    }
    silence.assert_silent(&stage);
    assert!(alice.is_left_alone() && victim.phone.is_left_alone());
}

/// Fails when a call leaves the dial plan by the host, the maddr or the Route of its request.
#[test]
fn whatever_host_a_users_request_names_the_dial_plan_says_who_is_called() {
    let Some(stage) = Stage::new() else { return };
    let carrier = RawPhone::at_port(&stage.callee, SIP_PORT, &stage.gateway, "9100");
    let victim = Victim::new(&stage, "9100");
    let home = Host::new();
    let mut alice = RawPhone::new(&home, &stage.gateway, "alice");
    let challenged = alice.ask("INVITE", &victim.uri, &victim.headers);
    let request = ("INVITE", victim.uri.as_str());
    let answer = alice.authorization(&challenged, Algorithm::Sha256, &password("alice"), request);
    let headers = format!("{}{answer}Content-Type: application/sdp\r\n", victim.headers);
    let invite = alice.request_with("INVITE", &victim.uri, &headers, &description(home.ip(), 7000));
    alice.send(&invite);
    let called = carrier.next("INVITE ");
    assert!(called.starts_with(&format!("INVITE sip:9100@{}", stage.callee.ip())), "{called}");
    carrier.respond(&called, "486 Busy Here");
    let refused = alice.final_response();
    assert!(refused.starts_with("SIP/2.0 486 "), "{refused}");
    alice.acknowledge(&refused);
    stage.gateway.assert_all_is_over(1);
    assert!(victim.phone.is_left_alone());
}

/// What says who calls and is believed of trunks alone, in spellings that one reader could miss and the next would not
/// (CVE-2020-28361).
const CLAIMS: [&str; 4] = [
    "P-Asserted-Identity: <sip:boss@webtrunk.test>\r\n",
    "P-Asserted-Identity : <sip:boss@webtrunk.test>\r\n",
    "p-asserted-identity:\r\n <sip:boss@webtrunk.test>\r\n",
    "Remote-Party-ID: <sip:boss@webtrunk.test>;party=calling;screen=yes\r\n",
];

/// Fails when a user is believed to be somebody else, or what it claims is handed on as it was written.
#[test]
fn whoever_a_user_claims_to_be_in_whatever_spelling_the_callee_hears_of_nobody_else() {
    let Some(stage) = Stage::new() else { return };
    let carrier = RawPhone::at_port(&stage.callee, SIP_PORT, &stage.gateway, "9100");
    let home = Host::new();
    for claim in CLAIMS {
        let mut alice = RawPhone::new(&home, &stage.gateway, "alice");
        let challenged = alice.ask(CALL.0, CALL.1, claim);
        let proof = alice.authorization(&challenged, Algorithm::Sha256, &password("alice"), CALL);
        let headers = format!("{claim}{proof}Content-Type: application/sdp\r\n");
        let invite = alice.request_with(CALL.0, CALL.1, &headers, &description(home.ip(), 7000));
        alice.send(&invite);
        let called = carrier.next("INVITE ");
        assert!(called.contains("\r\nFrom: ") && called.contains("sip:alice@"), "{claim}: {called}");
        assert!(!called.contains("boss"), "{claim}: {called}");
        carrier.respond(&called, "486 Busy Here");
        let refused = alice.final_response();
        assert!(refused.starts_with("SIP/2.0 486 "), "{claim}: {refused}");
        alice.acknowledge(&refused);
    }
    stage.gateway.assert_all_is_over(CLAIMS.len());
}

#[test]
fn a_user_who_proves_to_be_one_is_let_through() {
    let Some(stage) = Stage::with_md5() else { return };
    let callee = stage.answer("callee_talks", &[]);
    let home = Host::new();
    let password = password("alice");
    let values = &[("CALLER", "alice"), ("PASSWORD", &password)];
    let caller = Sipp::caller(&home, "caller_user", stage.gateway.sip(), "9100", values);
    callee.wait_for("ACK");
    assert_eq!(callee.wait_for("INVITE").header("From").map(|from| from.contains("<sip:alice@")), Some(true));
    // That of the challenge and that of the answer.
    let acks = || caller.seen().iter().filter(|seen| seen.is_sent && seen.is("ACK")).count();
    assert!(wait_until(PATIENCE, || acks() == 2), "the answer is not acknowledged");
    caller.go_on();
    caller.finish();
    callee.finish();
    stage.gateway.assert_all_is_over(1);
}
