//! Requests in a call that are too long for a datagram (RFC 3261 18.1.1).

use std::time::{Duration, Instant};

use webtrunk_codecs::g711::Law;
use webtrunk_codecs::tone::goertzel_dbm0;
use webtrunk_codecs::{CodecId, SampleRate};
use webtrunk_loadtest::agent::Call;

use super::ear::{assert_has_few_gaps, assert_hears, assert_hears_no_gap};
use super::stage::{CALLEE_HZ, CALLER_HZ, LEVEL_DBM0, Stage, phone};
use crate::sip::rtp_peer::RtpPeer;
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::long_way::{LongWay, Wire};
use crate::support::process::wait_until;

/// The carrier's media.
const AUDIO_PORT: u16 = 7000;

/// Whoever refuses a stream does so at once.
const AT_ONCE: Duration = Duration::from_secs(3);

/// A call from the office to the carrier, with a key that is told by INFO, since the carrier takes none in media.
async fn talk(stage: &Stage, carrier: &LongWay) -> (Call, RtpPeer) {
    let mut rtp = RtpPeer::new(&stage.carrier, AUDIO_PORT);
    let caller = phone(stage.caller(CodecId::Pcmu)).await;
    let call = caller.call("9100").await.expect("an answer");
    let offer = carrier.first("INVITE");
    let port =
        offer.lines().find_map(|line| line.strip_prefix("m=audio ")?.split(' ').next()).expect("an offer");
    let port: u16 = port.parse().expect("a number");
    rtp.say((stage.gateway.sip().ip(), port).into(), Law::Mu, CALLEE_HZ.into());
    let rtp = tokio::task::spawn_blocking(move || {
        rtp.assert_hears(Law::Mu, CALLER_HZ.into());
        rtp
    });
    let rtp = rtp.await.expect("the caller is heard");
    assert_hears(&call, CALLEE_HZ).await;
    call.send_info_digit('5').await.expect("taken");
    (call, rtp)
}

/// Fails when `long_request.rs` takes no stream for them.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_long_in_a_call_goes_over_tcp_where_the_trunk_takes_it() {
    let stage = Stage::new(&["PCMU"]);
    let carrier = LongWay::new(&stage.carrier, AUDIO_PORT, true);
    let (call, _rtp) = talk(&stage, &carrier).await;
    assert_eq!(carrier.wire_of("INVITE"), Wire::Datagram, "it is short");
    assert_eq!(carrier.wire_of("INFO"), Wire::Stream);
    assert_hears_no_gap(&call).await;
    call.hang_up().await.expect("confirmed");
    assert_eq!(carrier.wire_of("BYE"), Wire::Stream);
    stage.gateway.assert_all_is_over(1);
}

/// Fails when `detour.rs` does not send them anew, or asks again where it was refused.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_long_in_a_call_goes_over_udp_where_tcp_is_refused() {
    let stage = Stage::new(&["PCMU"]);
    let carrier = LongWay::new(&stage.carrier, AUDIO_PORT, false);
    let (call, _rtp) = talk(&stage, &carrier).await;
    let begun = Instant::now();
    assert_eq!(carrier.wire_of("INFO"), Wire::Datagram);
    assert_hears_no_gap(&call).await;
    call.hang_up().await.expect("confirmed");
    assert_eq!(carrier.wire_of("BYE"), Wire::Datagram);
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    let told = |what: &str| stage.gateway.log().count(&[what]);
    assert_eq!([told("too long for a datagram"), told("nothing came by the stream")], [1, 1]);
    assert_eq!(carrier.wires_of("INFO").len(), 1, "nothing is said twice");
    stage.gateway.assert_all_is_over(1);
}

/// A call that is refreshed by UPDATE or by re-INVITE, as the carrier takes it; 45 s after its begin.
async fn is_refreshed(takes: &str, method: &str, requests: usize) {
    let stage = Stage::new(&["PCMU"]);
    let headers = format!("{takes}Require: timer\r\nSession-Expires: 90;refresher=uac\r\n");
    let carrier = LongWay::with(&stage.carrier, AUDIO_PORT, true, &headers);
    let (call, _rtp) = talk(&stage, &carrier).await;
    let came = wait_until(2 * PATIENCE, || carrier.wires_of(method).len() == requests);
    assert!(came, "no {method}");
    assert_eq!(carrier.wires_of(method).last(), Some(&Wire::Stream));
    let heard = call.heard().await.expect("a log").packets.len();
    call.heard_packets(heard + 100, PATIENCE).await.expect("audio");
    assert_has_few_gaps(&call.heard().await.expect("a log"));
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}

/// Fails when `refresh.rs` sends them by another way than all else.
#[tokio::test(flavor = "multi_thread")]
async fn long_refreshes_of_a_call_go_over_tcp_and_nobody_hears_them() {
    const TAKES_UPDATE: &str = "Allow: INVITE, ACK, BYE, CANCEL, INFO, UPDATE\r\n";
    const TAKES_NONE: &str = "Allow: INVITE, ACK, BYE, CANCEL, INFO\r\n";
    tokio::join!(is_refreshed(TAKES_UPDATE, "UPDATE", 1), is_refreshed(TAKES_NONE, "INVITE", 2));
}

/// Fails when what a transfer comes to is told by another way than all else.
#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_of_a_transfer_is_told_over_tcp_where_it_is_too_long() {
    let tone = "{ tone = { frequency_hz = 700, level_dbm0 = -10 } }";
    let rule = format!("destination = '7'\nfrom_trunk = 'carrier'\nactions = ['answer', {tone}]");
    let stage = Stage::with_lines(&["PCMU"], GatewayConfig::default().rule(&rule), "transfers = true");
    let carrier = LongWay::new(&stage.carrier, AUDIO_PORT, true);
    let (call, _rtp) = talk(&stage, &carrier).await;
    let gateway = stage.gateway.sip();
    carrier.refer(gateway, &format!("sip:7@{}", gateway.ip()));
    assert_eq!(carrier.wire_of("NOTIFY"), Wire::Stream);
    assert_eq!(carrier.wire_of("BYE"), Wire::Stream);
    let heard = call.heard().await.expect("a log").packets.len();
    call.heard_packets(heard + 100, PATIENCE).await.expect("audio");
    let samples = call.heard().await.expect("a log").samples(SampleRate::HZ_8000);
    let level = goertzel_dbm0(&samples[samples.len() - 8000..], SampleRate::HZ_8000, 700.0);
    assert!((level - LEVEL_DBM0).abs() < 0.5, "{level:.2} dBm0");
    assert!(carrier.wires_of("NOTIFY").iter().all(|wire| *wire == Wire::Stream));
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}

/// A registrar whose challenge is so long that its answer fits in no datagram.
#[tokio::test(flavor = "multi_thread")]
async fn a_registration_whose_proof_is_too_long_goes_over_tcp_and_calls_go_out() {
    let account =
        "register = [{ user = 'gate' }]\ncredentials = { user = 'gate', password = 'secret', realm = 'far' }";
    let stage = Stage::with_lines(&["PCMU"], GatewayConfig::default(), account);
    let carrier = LongWay::new(&stage.carrier, AUDIO_PORT, true);
    let state = || stage.gateway.status()["trunks"]["carrier"]["registrations"][0]["state"].clone();
    assert!(wait_until(PATIENCE, || state() == "registered"), "{}", stage.gateway.status());
    let wires = carrier.wires_of("REGISTER");
    assert_eq!((wires.first(), wires.last()), (Some(&Wire::Datagram), Some(&Wire::Stream)), "{wires:?}");
    let (call, _rtp) = talk(&stage, &carrier).await;
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}
