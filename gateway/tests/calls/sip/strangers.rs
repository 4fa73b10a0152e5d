//! Calls of those whom nobody knows: they are challenged, and nobody's phone rings.

use std::net::UdpSocket;

use webtrunk_signalling::auth::digest::Algorithm;

use super::raw_phone::RawPhone;
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
