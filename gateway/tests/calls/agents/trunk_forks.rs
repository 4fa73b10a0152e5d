//! A trunk behind which several devices ring: what is said by those that do not get the call, while it rings and afterwards.

use std::net::SocketAddr;
use std::time::Duration;

use webtrunk_codecs::CodecId;
use webtrunk_codecs::g711::Law;
use webtrunk_loadtest::agent::{Call, CallProgress, Phone};

use super::ear::assert_hears_from_now;
use super::stage::{CALLEE_HZ, CALLER_HZ, Stage, phone};
use crate::sip::raw_phone::{RawPhone, audio_port, description, header, response};
use crate::sip::rtp_peer::RtpPeer;
use crate::support::gateway::PATIENCE;
use crate::support::gateway_config::SIP_PORT;

const ANNOUNCEMENT_HZ: u16 = 620;

/// Where the audio is of the device that rings first, and of the next.
const FIRST_PORT: u16 = 7000;
const SECOND_PORT: u16 = 7100;

const SDP: &str = "Content-Type: application/sdp\r\n";

/// A gateway with an office that calls, and a trunk whose devices the test plays.
struct Ground {
    stage: Stage,
    office: Phone,
    trunk: RawPhone,
}

impl Ground {
    async fn new() -> Self {
        let stage = Stage::new(&["PCMU"]);
        let office = phone(stage.caller(CodecId::Pcmu)).await;
        let trunk = RawPhone::at_port(&stage.carrier, SIP_PORT, &stage.gateway, "100");
        Self { stage, office, trunk }
    }

    /// A device answers an INVITE by its tag, with a description of audio at a port or without.
    fn say(&self, invite: &str, tag: &str, status: &str, more: &str, port: Option<u16>) {
        let mut headers = format!("Contact: <sip:{tag}@{}>\r\n{more}", self.trunk.address());
        let body = port.map(|port| description(self.stage.carrier.ip(), port)).unwrap_or_default();
        if port.is_some() {
            headers += SDP;
        }
        let said = response(invite, status, &headers, &body);
        self.trunk.send(&said.replace(";tag=raw\r\n", &format!(";tag={tag}\r\n")));
    }

    /// A device asks something in its dialog.
    fn ask(&self, invite: &str, tag: &str, what: (u32, &str), headers: &str, body: &str) {
        self.trunk.send(&self.trunk.request_in(invite, tag, what, headers, body));
    }

    /// The device that has the call hears the office, which hears it and hangs up.
    async fn assert_talk_and_end(&self, call: &Call, mouth: &RtpPeer, tag: &str) {
        assert_hears_from_now(call, CALLEE_HZ).await;
        mouth.assert_hears(Law::Mu, CALLER_HZ.into());
        call.hang_up().await.expect("confirmed");
        let bye = self.trunk.next(&format!("BYE sip:{tag}@"));
        self.trunk.respond(&bye, "200 OK");
    }

    /// Where the gateway takes the devices' audio.
    fn rtp(&self, invite: &str) -> SocketAddr {
        (self.stage.gateway.sip().ip(), audio_port(invite)).into()
    }
}

/// Its early dialog was one of the call's: whoever is behind it may hang up a moment before it hears that it lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_lost_the_call_can_neither_move_nor_end_it_and_both_hear_each_other() {
    let ground = Ground::new().await;
    let mut mouth = RtpPeer::new(&ground.stage.carrier, SECOND_PORT);
    let dialing = ground.office.dial("9100").await.expect("a number");
    let invite = ground.trunk.next("INVITE ");
    ground.say(&invite, "one", "180 Ringing", "", None);
    ground.say(&invite, "two", "200 OK", "", Some(SECOND_PORT));
    let call = dialing.answered(PATIENCE).await.expect("an answer");
    ground.trunk.next("ACK sip:two@");
    mouth.say(ground.rtp(&invite), Law::Mu, CALLEE_HZ.into());
    assert_hears_from_now(&call, CALLEE_HZ).await;
    for (number, method) in [(1, "UPDATE"), (2, "INFO"), (3, "BYE")] {
        let elsewhere = "Contact: <sip:one@203.0.113.66>\r\n";
        ground.ask(&invite, "one", (number, method), elsewhere, "");
        let answer = ground.trunk.receive();
        assert!(answer.starts_with("SIP/2.0 481 "), "{method}: {answer}");
        assert_eq!(header(&answer, "CSeq"), format!("{number} {method}"));
    }
    ground.assert_talk_and_end(&call, &mouth, "two").await;
    ground.stage.gateway.assert_all_is_over(1);
}

/// The gateway has the description of the one that is gone, and no other until the answer.
#[tokio::test(flavor = "multi_thread")]
async fn the_device_that_answers_is_heard_where_early_media_was_of_one_that_said_bye() {
    let ground = Ground::new().await;
    let [mut announcement, mut mouth] =
        [FIRST_PORT, SECOND_PORT].map(|port| RtpPeer::new(&ground.stage.carrier, port));
    let dialing = ground.office.dial("9100").await.expect("a number");
    let invite = ground.trunk.next("INVITE ");
    ground.say(&invite, "one", "183 Session Progress", "", Some(FIRST_PORT));
    announcement.say(ground.rtp(&invite), Law::Mu, ANNOUNCEMENT_HZ.into());
    let progress = dialing.ringing(PATIENCE).await.expect("progress");
    assert_eq!(progress, CallProgress::Ringing { status: 183, has_media: true });
    let is_heard = async {
        while dialing.heard().await.expect("a log").packets.len() < 50 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, is_heard).await.expect("the announcement");
    ground.say(&invite, "two", "180 Ringing", "", None);
    drop(announcement);
    ground.ask(&invite, "one", (1, "BYE"), "", "");
    let taken = ground.trunk.next("SIP/2.0 200 ");
    assert_eq!(header(&taken, "CSeq"), "1 BYE");
    ground.say(&invite, "two", "183 Session Progress", "", Some(SECOND_PORT));
    ground.say(&invite, "two", "200 OK", "", Some(SECOND_PORT));
    let call = dialing.answered(PATIENCE).await.expect("an answer");
    ground.trunk.next("ACK sip:two@");
    mouth.say(ground.rtp(&invite), Law::Mu, CALLEE_HZ.into());
    ground.assert_talk_and_end(&call, &mouth, "two").await;
    ground.stage.gateway.assert_all_is_over(1);
}

/// It is offered and over in one breath: whichever the gateway comes to first, no offer stays without an answer, and another
/// device that lifts has the call.
#[tokio::test(flavor = "multi_thread")]
async fn an_early_offer_is_answered_though_its_ringing_ends_at_once() {
    let ground = Ground::new().await;
    let mut mouth = RtpPeer::new(&ground.stage.carrier, FIRST_PORT);
    for (rings, lifts) in [("one", None), ("two", Some("three"))] {
        let dialing = ground.office.dial("9100").await.expect("a number");
        let invite = ground.trunk.next("INVITE ");
        ground.say(
            &invite,
            rings,
            "183 Session Progress",
            "Require: 100rel\r\nRSeq: 1\r\n",
            Some(FIRST_PORT),
        );
        let prack = ground.trunk.next("PRACK ");
        ground.trunk.respond(&prack, "200 OK");
        let headers = format!("Contact: <sip:{rings}@{}>\r\n{SDP}", ground.trunk.address());
        let moved = description(ground.stage.carrier.ip(), SECOND_PORT);
        ground.ask(&invite, rings, (1, "UPDATE"), &headers, &moved);
        match lifts {
            None => ground.say(&invite, rings, "486 Busy Here", "", None),
            Some(lifts) => ground.say(&invite, lifts, "200 OK", "", Some(FIRST_PORT)),
        }
        let answer = ground.trunk.next("SIP/2.0 ");
        assert_eq!(header(&answer, "CSeq"), "1 UPDATE", "{answer}");
        assert!(["200", "487"].contains(&&answer[8..11]), "{answer}");
        let (call, lifts) = match (dialing.answered(PATIENCE).await, lifts) {
            (Ok(call), Some(lifts)) => (call, lifts),
            (Err(refused), None) => {
                assert_eq!(refused.status(), Some(486));
                continue;
            }
            (answered, _) => panic!("{answered:?}"),
        };
        mouth.say(ground.rtp(&invite), Law::Mu, CALLEE_HZ.into());
        ground.assert_talk_and_end(&call, &mouth, lifts).await;
    }
    ground.stage.gateway.assert_all_is_over(2);
}
