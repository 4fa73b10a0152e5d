//! Requests in a call that are too long for a datagram (RFC 3261 18.1.1).

use std::time::{Duration, Instant};

use webtrunk_codecs::CodecId;
use webtrunk_codecs::g711::Law;
use webtrunk_loadtest::agent::Call;

use super::ear::{assert_hears, assert_hears_no_gap};
use super::stage::{CALLEE_HZ, CALLER_HZ, Stage, phone};
use crate::sip::rtp_peer::RtpPeer;
use crate::support::long_way::{LongWay, Wire};

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
