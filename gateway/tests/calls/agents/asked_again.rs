//! A trunk that wants to be proven to in the middle of a call: what is asked again has its own place in the dialog, and what
//! is over is not asked again.

use std::time::Duration;

use webtrunk_codecs::CodecId;
use webtrunk_codecs::g711::Law;
use webtrunk_loadtest::agent::{Call, Dialing, Phone};

use super::ear::assert_hears_from_now;
use super::stage::{CALLEE_HZ, CALLER_HZ, Stage, phone};
use crate::sip::raw_phone::{RawPhone, audio_port, cseq, description, header};
use crate::sip::rtp_peer::RtpPeer;
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::gateway_config::SIP_PORT;

const ACCOUNT: &str = "credentials = { user = 'gate', password = 'open sesame', realm = 'carrier.test' }";
const CHALLENGE: &str =
    "WWW-Authenticate: Digest realm=\"carrier.test\", nonce=\"n1\", algorithm=SHA-256, qop=\"auth\"\r\n";

const AUDIO_PORT: u16 = 7000;

/// By then an offer of the gateway's to which only 100 came is cancelled (`reoffer_timeout`).
const OFFER_MAX: Duration = Duration::from_secs(33);

/// What is sent again at once has come by then.
const SILENCE: Duration = Duration::from_millis(1500);

/// A gateway with an office that calls, and a trunk at which it has an account.
struct Ground {
    stage: Stage,
    office: Phone,
    trunk: RawPhone,
    mouth: RtpPeer,
}

impl Ground {
    async fn new(config: GatewayConfig) -> Self {
        let stage = Stage::with_lines(&["PCMU"], config, ACCOUNT);
        let office = phone(stage.caller(CodecId::Pcmu)).await;
        let trunk = RawPhone::at_port(&stage.carrier, SIP_PORT, &stage.gateway, "100");
        let mouth = RtpPeer::new(&stage.carrier, AUDIO_PORT);
        Self { stage, office, trunk, mouth }
    }

    /// The office calls; gives the INVITE that comes.
    async fn dial(&self) -> (Dialing, String) {
        let dialing = self.office.dial("9100").await.expect("a number");
        (dialing, self.trunk.next("INVITE "))
    }

    /// Answers with a description, and with these header lines besides.
    fn describe(&self, request: &str, status: &str, more: &str) {
        let body = description(self.stage.carrier.ip(), AUDIO_PORT);
        self.trunk.respond_with(request, status, &self.described(more), &body);
    }

    fn described(&self, more: &str) -> String {
        format!("Contact: <sip:100@{}>\r\n{more}Content-Type: application/sdp\r\n", self.trunk.address())
    }

    /// Refuses a request that nobody has proven; gives the one that comes in its place.
    fn challenge(&self, request: &str) -> String {
        self.trunk.respond_with(request, "401 Unauthorized", CHALLENGE, "");
        let method = request.split(' ').next().expect("split gives one at least");
        let again = self.trunk.next(&format!("{method} "));
        assert!(header(&again, "Authorization").starts_with("Digest "), "{again}");
        again
    }

    /// Takes the office's call, and is heard there.
    async fn answer(&mut self, invite: &str, dialing: Dialing) -> Call {
        self.describe(invite, "200 OK", "");
        let call = dialing.answered(PATIENCE).await.expect("an answer");
        self.trunk.next("ACK ");
        self.talk(invite);
        assert_hears_from_now(&call, CALLEE_HZ).await;
        call
    }

    /// Talks from now on.
    fn talk(&mut self, invite: &str) {
        let at = (self.stage.gateway.sip().ip(), audio_port(invite)).into();
        self.mouth.say(at, Law::Mu, CALLEE_HZ.into());
    }
}

/// Numbers of a dialog do not come twice (RFC 3261 12.2.1.1): some trunks refuse a BYE that has the one of a request before.
#[tokio::test(flavor = "multi_thread")]
async fn a_challenged_prack_takes_a_number_of_its_dialog_and_bye_the_next() {
    let mut ground = Ground::new(GatewayConfig::default()).await;
    let (dialing, invite) = ground.dial().await;
    ground.describe(&invite, "183 Session Progress", "Require: 100rel\r\nRSeq: 31\r\n");
    let first = ground.trunk.next("PRACK ");
    let again = ground.challenge(&first);
    assert_eq!([header(&first, "RAck"), header(&again, "RAck")], ["31 1 INVITE"; 2]);
    ground.trunk.respond(&again, "200 OK");
    let call = ground.answer(&invite, dialing).await;
    ground.mouth.assert_hears(Law::Mu, CALLER_HZ.into());
    call.hang_up().await.expect("confirmed");
    let bye = ground.trunk.next("BYE ");
    ground.trunk.respond(&bye, "200 OK");
    assert_eq!([&invite, &first, &again, &bye].map(|request| cseq(request)), [1, 2, 3, 4]);
    ground.stage.gateway.assert_all_is_over(1);
}

/// The office hangs up while the answer to a new offer of the trunk's waits for its ACK.
#[tokio::test(flavor = "multi_thread")]
async fn a_bye_that_waited_for_an_ack_answers_its_challenge() {
    let mut ground = Ground::new(GatewayConfig::default()).await;
    let (dialing, invite) = ground.dial().await;
    let call = ground.answer(&invite, dialing).await;
    ground.mouth.assert_hears(Law::Mu, CALLER_HZ.into());
    let body = description(ground.stage.carrier.ip(), AUDIO_PORT);
    let reinvite = ground.trunk.request_in(&invite, "raw", (1, "INVITE"), &ground.described(""), &body);
    ground.trunk.send(&reinvite);
    ground.trunk.next("SIP/2.0 200 ");
    call.hang_up().await.expect("confirmed");
    tokio::time::sleep(Duration::from_millis(300)).await;
    let came = ground.trunk.all_that_came();
    assert!(!came.iter().any(|message| message.starts_with("BYE ")), "BYE waits: {came:?}");
    ground.trunk.send(&ground.trunk.request_in(&invite, "raw", (1, "ACK"), "", ""));
    let bye = ground.trunk.next("BYE ");
    let again = ground.challenge(&bye);
    assert_eq!(cseq(&again), cseq(&bye) + 1);
    ground.trunk.respond(&again, "200 OK");
    ground.stage.gateway.assert_all_is_over(1);
}

/// Who is held is told so by an offer, which rings there until it is given up. The next one is taken.
#[tokio::test(flavor = "multi_thread")]
async fn an_offer_that_was_cancelled_is_not_made_again_for_a_challenge_and_the_call_goes_on() {
    let mut ground = Ground::new(GatewayConfig::default().media("tell_hold = true")).await;
    let (dialing, invite) = ground.dial().await;
    let call = ground.answer(&invite, dialing).await;
    call.hold().await.expect("taken");
    let offer = ground.trunk.next("INVITE ");
    assert!(offer.contains("\r\na=sendonly\r\n"), "{offer}");
    ground.trunk.respond(&offer, "100 Trying");
    tokio::time::sleep(OFFER_MAX).await;
    let cancel = ground.trunk.next("CANCEL ");
    ground.trunk.respond(&cancel, "200 OK");
    ground.trunk.respond_with(&offer, "401 Unauthorized", CHALLENGE, "");
    ground.trunk.next("ACK ");
    tokio::time::sleep(SILENCE).await;
    assert_eq!(ground.trunk.all_that_came(), [""; 0], "it is made again");
    call.resume().await.expect("taken");
    let offer = ground.trunk.next("INVITE ");
    assert!(offer.contains("\r\na=sendrecv\r\n"), "{offer}");
    ground.describe(&offer, "200 OK", "");
    ground.trunk.next("ACK ");
    assert_hears_from_now(&call, CALLEE_HZ).await;
    ground.mouth.assert_hears(Law::Mu, CALLER_HZ.into());
    call.hang_up().await.expect("confirmed");
    let bye = ground.trunk.next("BYE ");
    ground.trunk.respond(&bye, "200 OK");
    ground.stage.gateway.assert_all_is_over(1);
}
