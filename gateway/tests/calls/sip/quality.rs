//! What is told of a call's sound: figures at its end, metrics to a phone that asks for them, one-way audio.

use std::net::UdpSocket;
use std::time::Duration;

use webtrunk_codecs::g711::Law;

use super::rtp_peer::RtpPeer;
use super::stage::Stage;
use crate::support::gateway::PATIENCE;

const CALLER_HZ: f64 = 850.0;
const CALLEE_HZ: f64 = 440.0;

/// The block of VoIP metrics (RFC 3611 4.7) in a compound packet, if there is one: 32 bytes.
fn voip_metrics(compound: &[u8]) -> Option<[u8; 32]> {
    const EXTENDED_REPORT: u8 = 207;
    const VOIP_METRICS: u8 = 7;
    let mut rest = compound;
    while let Some(&[_, packet_type, high, low]) = rest.first_chunk() {
        let length = 4 + 4 * usize::from(u16::from_be_bytes([high, low]));
        let (packet, behind) = rest.split_at_checked(length)?;
        if packet_type == EXTENDED_REPORT && packet.get(8) == Some(&VOIP_METRICS) {
            return packet.get(12..)?.first_chunk().copied();
        }
        rest = behind;
    }
    None
}

/// The caller asks for VoIP metrics in its offer, the callee does not say that it takes part.
#[test]
fn a_phone_that_asks_gets_voip_metrics_and_the_log_the_same_figures() {
    let Some(stage) = Stage::new() else { return };
    let mut caller = RtpPeer::new(&stage.caller, 7000);
    let mut callee = RtpPeer::new(&stage.callee, 7000);
    let [to_caller, to_callee] = [&stage.caller, &stage.callee].map(|host| {
        let socket = UdpSocket::bind(host.at(7001)).expect("the host is ours");
        socket.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        socket
    });
    let at_callee = stage.answer("callee_talks", &[]);
    let at_caller = stage.call("caller_talks", "9100", &[("SDP", "\na=rtcp-xr:voip-metrics")]);
    let offer = at_callee.wait_for("INVITE");
    let answer = at_caller.wait_for("200");
    for (name, description) in [("offer", &offer), ("answer", &answer)] {
        assert!(description.has_line("a=rtcp-xr:voip-metrics"), "our {name} asks for them");
    }
    caller.say(stage.rtp(answer.audio_port().expect("an answer")), Law::Mu, CALLER_HZ);
    callee.say(stage.rtp(offer.audio_port().expect("we offer")), Law::Mu, CALLEE_HZ);
    callee.assert_hears(Law::Mu, CALLER_HZ);
    caller.assert_hears(Law::Mu, CALLEE_HZ);
    let mut buffer = [0; 1500];
    let metrics = loop {
        let length = to_caller.recv(&mut buffer).expect("a report");
        if let Some(metrics) = voip_metrics(&buffer[..length]) {
            break metrics;
        }
    };
    let [r_factor, mos_listening, mos_conversation] = [metrics[20], metrics[22], metrics[23]];
    assert_eq!(metrics[4..6], [0, 0], "nothing was lost or discarded");
    assert!((88..=93).contains(&r_factor), "R {r_factor}");
    assert!((42..=44).contains(&mos_listening) && (42..=44).contains(&mos_conversation), "{metrics:?}");
    assert_eq!(metrics[16].cast_signed(), -10, "the level of the tone, in dBm0");
    let length = to_callee.recv(&mut buffer).expect("a report");
    assert_eq!(voip_metrics(&buffer[..length]), None, "the callee did not ask");
    at_caller.go_on();
    at_caller.finish();
    at_callee.finish();
    stage.gateway.assert_all_is_over(1);
    let line = stage.gateway.log().wait_for(&["leg removed", "heard_mos"], PATIENCE);
    let figures: serde_json::Value = serde_json::from_str(&line).expect("a line of JSON");
    let mos = figures["heard_mos"].as_f64().expect("a score");
    let level = figures["speech_dbm0"].as_f64().expect("a level");
    assert!((4.2..=4.41).contains(&mos) && (level + 10.0).abs() < 1.0, "{figures}");
}

/// A receiver report without a block, and what a phone measured of the stream `ssrc` (RFC 3611 4.7).
fn metrics_of(ssrc: [u8; 4], r_factor: u8) -> Vec<u8> {
    const OWN: [u8; 4] = [1, 2, 3, 4];
    let mut compound =
        [&[0x80, 201, 0, 1], &OWN[..], &[0x80, 207, 0, 10], &OWN, &[7, 0, 0, 8], &ssrc].concat();
    let mut metrics = [0; 28];
    metrics[16] = r_factor;
    compound.extend(metrics);
    compound
}

#[test]
fn what_a_phone_measures_of_our_stream_is_told_with_its_leg() {
    let Some(stage) = Stage::new() else { return };
    let mut caller = RtpPeer::new(&stage.caller, 7000);
    let mut callee = RtpPeer::new(&stage.callee, 7000);
    let reports = UdpSocket::bind(stage.caller.at(7001)).expect("the host is ours");
    reports.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    let at_callee = stage.answer("callee_talks", &[]);
    let at_caller = stage.call("caller_talks", "9100", &[("SDP", "\na=rtcp-xr:voip-metrics")]);
    let from_callee = at_callee.wait_for("INVITE").audio_port().expect("we offer");
    let port = at_caller.wait_for("200").audio_port().expect("an answer");
    caller.say(stage.rtp(port), Law::Mu, CALLER_HZ);
    callee.say(stage.rtp(from_callee), Law::Mu, CALLEE_HZ);
    caller.assert_hears(Law::Mu, CALLEE_HZ);
    let mut report = [0; 1500];
    reports.recv(&mut report).expect("a report");
    let ours = *report[4..].first_chunk().expect("who reports");
    // Of another stream is not ours; of the two that are, the later one stays.
    for (ssrc, r_factor) in [(ours, 60), (ours, 77), ([9; 4], 12)] {
        reports.send_to(&metrics_of(ssrc, r_factor), stage.rtp(port + 1)).expect("loopback takes it");
    }
    caller.assert_hears(Law::Mu, CALLEE_HZ);
    at_caller.go_on();
    at_caller.finish();
    at_callee.finish();
    stage.gateway.assert_all_is_over(1);
    stage.gateway.log().wait_for(&["leg removed", "\"peer_r\":77"], PATIENCE);
}

#[test]
fn one_way_audio_is_told() {
    let Some(stage) = Stage::new() else { return };
    let mut caller = RtpPeer::new(&stage.caller, 7000);
    let callee = RtpPeer::new(&stage.callee, 7000);
    let at_callee = stage.answer("callee_talks", &[]);
    let at_caller = stage.call("caller_talks", "9100", &[]);
    let port = at_caller.wait_for("200").audio_port().expect("an answer");
    caller.say(stage.rtp(port), Law::Mu, CALLER_HZ);
    callee.assert_hears(Law::Mu, CALLER_HZ);
    let log = stage.gateway.log();
    log.wait_for(&["no audio comes from the party"], PATIENCE);
    log.wait_for(&["one-way audio"], PATIENCE);
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(log.count(&["one-way audio"]), 1, "once");
    at_caller.go_on();
    at_caller.finish();
    at_callee.finish();
    stage.gateway.assert_all_is_over(1);
}
