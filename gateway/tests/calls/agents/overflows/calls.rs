//! Calls that are told, or tell, more than may wait: each ends, and the others go on.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use tokio::task::block_in_place;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::Call;

use super::assert_is_heard;
use crate::agents::stage::{CALLEE_HZ, CALLER_HZ, Stage, phone, talk, talk_from_webrtc, webrtc};
use crate::sip::raw_phone::{RawPhone, audio_port, description};
use crate::sip::rtp_peer::RtpPeer;
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::gateway_config::SIP_PORT;
use crate::support::stall::Stall;

/// Keys of each party: together more than a call may be told while its thread stands still.
const TOLD: usize = 140;

/// Keys that a phone presses at once: more than a call may tell, each of them twice, when it goes down and when it goes up.
const KEYS: u16 = 300;

/// Between two of them, so that none is lost on the way.
const EACH: Duration = Duration::from_millis(4);

const AUDIO_PORT: u16 = 7000;

/// What our phones agree on for events.
const EVENTS: u8 = 101;

/// Fails when what a call is told has no bound, or its end is that of another shard's.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_told_more_than_may_wait_for_its_thread_ends_and_is_counted_and_the_other_goes_on() {
    // Each shard has few ports, so that the second call goes to the second shard.
    let stage = Stage::with(&["PCMU"], GatewayConfig::default().media("shards = 2"));
    let gateway = &stage.gateway;
    let (alice, caller) = (webrtc(stage.alice()).await, phone(stage.caller(CodecId::Pcmu)).await);
    let callee = phone(stage.callee(CodecId::Pcmu)).await;
    let (call, lifted) = talk(&caller, &callee).await;
    let (other, other_lifted) = talk_from_webrtc(&alice, &callee).await;
    assert_is_heard(&call, CALLEE_HZ).await;

    let stall = Stall::of_media(gateway.process.id());
    tokio::join!(press(&call), press(&lifted));
    gateway.log().wait_for(&["too many commands wait: the call ends"], PATIENCE);
    drop(stall);
    call.ended(PATIENCE).await.expect("BYE");
    lifted.ended(PATIENCE).await.expect("BYE");
    assert_eq!(gateway.overflows("call_commands"), 1);
    assert_is_heard(&other, CALLEE_HZ).await;
    assert_is_heard(&other_lifted, CALLER_HZ).await;
    other.hang_up().await.expect("confirmed");
    other_lifted.ended(PATIENCE).await.expect("BYE");
}

/// Fails when what a call tells has no bound, or its media goes on with nobody to control it.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_tells_more_than_may_wait_for_signalling_ends_and_is_counted_and_the_other_goes_on() {
    let echo = "destination = '9196'\nactions = ['answer', 'echo']";
    let stage = Stage::with(&["PCMU"], GatewayConfig::default().rule(echo));
    let gateway = &stage.gateway;
    let (alice, office) = (webrtc(stage.alice()).await, phone(stage.caller(CodecId::Pcmu)).await);
    let other = alice.call("9196").await.expect("an answer");
    assert_is_heard(&other, CALLER_HZ).await;

    let trunk = RawPhone::at_port(&stage.carrier, SIP_PORT, gateway, "100");
    let peer = RtpPeer::new(&stage.carrier, AUDIO_PORT);
    let dialing = office.dial("9100").await.expect("a number");
    let invite = block_in_place(|| trunk.next("INVITE "));
    let headers = format!("Contact: <sip:100@{}>\r\nContent-Type: application/sdp\r\n", trunk.address());
    let audio = description(stage.carrier.ip(), AUDIO_PORT);
    let events = format!("RTP/AVP 0 {EVENTS}\r\na=rtpmap:{EVENTS} telephone-event/8000");
    trunk.respond_with(&invite, "200 OK", &headers, &audio.replace("RTP/AVP 0", &events));
    let call = dialing.answered(PATIENCE).await.expect("an answer");
    block_in_place(|| trunk.next("ACK "));

    let stall = Stall::of_main(gateway.process.id());
    block_in_place(|| press_at_once(&peer, (gateway.sip().ip(), audio_port(&invite)).into()));
    assert_is_heard(&other, CALLER_HZ).await;
    drop(stall);
    call.ended(PATIENCE).await.expect("BYE");
    let bye = block_in_place(|| trunk.next("BYE "));
    trunk.respond(&bye, "200 OK");
    assert!(gateway.overflows("call_events") > 0);
    assert_is_heard(&other, CALLER_HZ).await;
    other.hang_up().await.expect("confirmed");
}

/// Presses keys in signalling.
async fn press(call: &Call) {
    for _ in 0..TOLD {
        call.send_info_digit('5').await.expect("the gateway takes digits");
    }
}

/// Presses keys of which each is up again with its first packet (RFC 4733 2.3).
fn press_at_once(peer: &RtpPeer, to: SocketAddr) {
    const SSRC: [u8; 4] = *b"keys";
    const HELD: u16 = 160;
    const END_AND_VOLUME: u8 = 0x80 | 10;
    for number in 0..KEYS {
        let key = u8::try_from(number % 10).expect("a digit");
        let mut packet = [0; 16];
        packet[..2].copy_from_slice(&[0x80, 0x80 | EVENTS]);
        packet[2..4].copy_from_slice(&number.to_be_bytes());
        packet[4..8].copy_from_slice(&(u32::from(number) * u32::from(HELD)).to_be_bytes());
        packet[8..12].copy_from_slice(&SSRC);
        packet[12..14].copy_from_slice(&[key, END_AND_VOLUME]);
        packet[14..].copy_from_slice(&HELD.to_be_bytes());
        peer.send_packet(to, &packet);
        thread::sleep(EACH);
    }
}
