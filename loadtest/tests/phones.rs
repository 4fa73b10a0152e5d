//! Two phones over loopback, without a gateway between them: what one says, the other hears.

use std::time::Duration;

use tokio::net::UdpSocket;
use webtrunk_codecs::tone::goertzel_dbm0;
use webtrunk_codecs::{CodecId, SampleRate};
use webtrunk_loadtest::agent::{
    AgentError, Call, CallEnd, CallProgress, Direction, Phone, PhoneConfig, PhoneTransport, Uplink, Voice,
};

const SOON: Duration = Duration::from_secs(10);

struct Pair {
    caller: Phone,
    callee: Phone,
}

impl Pair {
    async fn new(transport: PhoneTransport, codecs: &[CodecId]) -> Self {
        let phone = |frequency_hz| {
            Phone::new(PhoneConfig {
                transport,
                codecs: codecs.to_vec(),
                voice: Some(Voice::tone(frequency_hz, -10.0)),
                ..PhoneConfig::default()
            })
        };
        Self { caller: phone(440).await.expect("a port"), callee: phone(1000).await.expect("a port") }
    }

    fn destination(&self) -> String {
        format!("sip:bob@{}", self.callee.address())
    }

    async fn connect(&self) -> (Call, Call) {
        let dialing = self.caller.dial(&self.destination()).await.expect("an address");
        let incoming = self.callee.next_incoming().await.expect("an INVITE");
        assert_eq!((&*incoming.to, &*incoming.from), ("bob", "phone"));
        let answered = incoming.answer().await.expect("a codec in common");
        (dialing.answered(SOON).await.expect("an answer"), answered)
    }
}

/// The level of a tone in what was heard, past its first 200 ms.
async fn level(call: &Call, frequency_hz: f64) -> f64 {
    let heard = call.heard().await.expect("a log");
    let samples = heard.samples(SampleRate::HZ_8000);
    goertzel_dbm0(&samples[1600..], SampleRate::HZ_8000, frequency_hz)
}

async fn assert_both_heard(outgoing: &Call, incoming: &Call, packets: usize) {
    outgoing.heard_packets(packets, SOON).await.expect("audio to the caller");
    incoming.heard_packets(packets, SOON).await.expect("audio to the callee");
    for (call, frequency_hz) in [(outgoing, 1000.0), (incoming, 440.0)] {
        let level = level(call, frequency_hz).await;
        assert!((level + 10.0).abs() < 0.5, "{frequency_hz} Hz at {level} dBm0");
    }
}

#[tokio::test]
async fn both_hear_each_other_in_every_codec_and_transport() {
    for (transport, codec) in [
        (PhoneTransport::Udp, CodecId::Pcmu),
        (PhoneTransport::Tcp, CodecId::Pcma),
        (PhoneTransport::Udp, CodecId::Opus),
    ] {
        let pair = Pair::new(transport, &[codec]).await;
        let (outgoing, incoming) = pair.connect().await;
        assert_eq!((outgoing.codec().await, incoming.codec().await), (Some(codec), Some(codec)));
        assert_both_heard(&outgoing, &incoming, 50).await;
        let end = outgoing.hang_up().await.expect("a response to BYE");
        assert_eq!(end, CallEnd::ByUs);
        assert_eq!(incoming.ended(SOON).await.expect("a BYE"), CallEnd::ByPeer { reason: None });
        assert!(incoming.heard().await.expect("the log outlives the call").packets.len() >= 50);
    }
}

#[tokio::test]
async fn a_phone_that_moves_says_where_to_and_both_hear_each_other_there() {
    let pair = Pair::new(PhoneTransport::Udp, &[CodecId::Pcmu]).await;
    let (outgoing, incoming) = pair.connect().await;
    assert_both_heard(&outgoing, &incoming, 50).await;
    let described = incoming.remote_description().expect("an offer").address;
    outgoing.lose_network(described.ip()).expect("ports");
    outgoing.change(Direction::SendRecv).await.expect("agreed");
    let moved_to = incoming.remote_description().expect("another offer").address;
    assert_ne!(moved_to, described);
    for call in [&outgoing, &incoming] {
        let before = call.heard().await.expect("a log").packets.len();
        call.heard_packets(before + 50, SOON).await.expect("audio after the move");
    }
    let heard = incoming.heard().await.expect("a log");
    assert_eq!(heard.packets.last().map(|it| it.from), Some(moved_to), "from where it says it is");
    assert_eq!(heard.ssrcs().len(), 1);
}

#[tokio::test]
async fn what_a_network_loses_in_rows_is_missing_at_the_other_end_and_noted_at_this() {
    let pair = Pair::new(PhoneTransport::Udp, &[CodecId::Pcmu]).await;
    let dialing = pair.caller.dial(&pair.destination()).await.expect("an address");
    let incoming = pair.callee.next_incoming().await.expect("an INVITE");
    incoming.send_over(Uplink::losing_in_a_row(0.2, 3, 7));
    let answered = incoming.answer().await.expect("a codec in common");
    let call = dialing.answered(SOON).await.expect("an answer");
    call.heard_packets(100, SOON).await.expect("audio to the caller");
    answered.hang_up().await.expect("a response to BYE");

    let sent = answered.sent().await.expect("a log");
    let heard: Vec<_> = call.heard().await.expect("a log").packets.iter().map(|it| it.sequence).collect();
    let carried: Vec<_> = sent.carried().map(|it| it.sequence).collect();
    assert!(carried.starts_with(&heard), "{heard:?} of {carried:?}");
    let rows = sent.packets[..100].chunk_by(|one, other| one.is_dropped == other.is_dropped);
    let lost: Vec<_> = rows.filter(|row| row[0].is_dropped).map(<[_]>::len).collect();
    // The last may go on.
    assert!(lost.len() > 2 && lost.iter().rev().skip(1).all(|length| length % 3 == 0), "{lost:?}");
    assert!(call.sent().await.expect("a log").packets.iter().all(|it| !it.is_dropped));
}

#[tokio::test]
async fn digits_arrive_once_each_by_both_ways() {
    let pair = Pair::new(PhoneTransport::Udp, &[CodecId::Pcmu]).await;
    let (outgoing, incoming) = pair.connect().await;
    let keys = "0123456789*#ABCD11";
    outgoing.send_digits(keys).await.expect("sent");
    incoming.heard_digits(keys.len(), SOON).await.expect("all of them");
    let heard = incoming.heard().await.expect("a log");
    assert_eq!(heard.digits_text(), keys);
    assert!(heard.digits.iter().all(|it| it.is_ended && it.duration == 800), "{:?}", heard.digits);
    for key in keys.chars() {
        incoming.send_info_digit(key).await.expect("a 200 to INFO");
    }
    assert_eq!(outgoing.info_digits(), keys);
    assert!(matches!(outgoing.send_digits("12x").await, Err(AgentError::Digits(_))));
}

#[tokio::test]
async fn hold_stops_the_audio_and_resume_brings_it_back() {
    let pair = Pair::new(PhoneTransport::Udp, &[CodecId::Pcmu]).await;
    let (outgoing, incoming) = pair.connect().await;
    for holder in [&outgoing, &incoming] {
        holder.hold().await.expect("a 200");
        assert_eq!(holder.direction().await, Some(Direction::SendOnly));
        // What was under way may still come.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let before = holder.heard().await.expect("a log").packets.len();
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(holder.heard().await.expect("a log").packets.len(), before, "audio while on hold");
        holder.resume().await.expect("a 200");
        holder.heard_packets(before + 20, SOON).await.expect("audio after resume");
        assert_eq!(holder.heard().await.expect("a log").ssrcs().len(), 1);
    }
}

#[tokio::test]
async fn ringing_early_media_and_the_answer() {
    let pair = Pair::new(PhoneTransport::Udp, &[CodecId::Pcmu]).await;
    let dialing = pair.caller.dial(&pair.destination()).await.expect("an address");
    let incoming = pair.callee.next_incoming().await.expect("an INVITE");
    incoming.ring();
    let ringing = CallProgress::Ringing { status: 180, has_media: false };
    assert_eq!(dialing.ringing(SOON).await.expect("a 180"), ringing);
    incoming.early_media().await.expect("a codec in common");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!dialing.heard().await.expect("a log").packets.is_empty(), "no early media");
    let answered = incoming.answer().await.expect("still there");
    let call = dialing.answered(SOON).await.expect("a 200");
    assert_eq!(call.provisional_statuses(), [180, 183]);
    assert_both_heard(&call, &answered, 50).await;
}

#[tokio::test]
async fn an_invite_without_an_offer() {
    let pair = Pair::new(PhoneTransport::Udp, &[CodecId::Pcma]).await;
    let dialing = pair.caller.dial_without_offer(&pair.destination()).await.expect("an address");
    let incoming = pair.callee.next_incoming().await.expect("an INVITE");
    assert_eq!(incoming.offer, None);
    let answered = incoming.answer().await.expect("an offer");
    let call = dialing.answered(SOON).await.expect("a 200");
    assert_both_heard(&call, &answered, 50).await;
}

#[tokio::test]
async fn refusals_cancels_and_nothing_in_common() {
    let pair = Pair::new(PhoneTransport::Udp, &[CodecId::Pcmu]).await;
    let dialing = pair.caller.dial(&pair.destination()).await.expect("an address");
    let incoming = pair.callee.next_incoming().await.expect("an INVITE");
    incoming.reject(486).await.expect("still there");
    assert_eq!(dialing.answered(SOON).await.expect_err("busy").status(), Some(486));

    let dialing = pair.caller.dial(&pair.destination()).await.expect("an address");
    let mut incoming = pair.callee.next_incoming().await.expect("an INVITE");
    incoming.ring();
    dialing.ringing(SOON).await.expect("a 180");
    assert_eq!(dialing.cancel().await.expect("a 487"), CallEnd::ByUs);
    assert_eq!(incoming.ended(SOON).await.expect("a CANCEL"), CallEnd::Cancelled);

    let opus = Phone::new(PhoneConfig { codecs: vec![CodecId::Opus], ..PhoneConfig::default() });
    let opus = opus.await.expect("a port");
    let dialing = pair.caller.dial(&format!("sip:x@{}", opus.address())).await.expect("an address");
    let incoming = opus.next_incoming().await.expect("an INVITE");
    assert!(matches!(incoming.answer().await, Err(AgentError::Sdp(_))));
    assert_eq!(dialing.answered(SOON).await.expect_err("no codec").status(), Some(488));
}

/// What is sent again comes after half a second.
#[tokio::test]
async fn a_phone_that_waits_no_more_to_be_registered_asks_no_more() {
    let registrar = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let server = Some(registrar.local_addr().expect("bound"));
    let phone = Phone::new(PhoneConfig { server, ..PhoneConfig::default() }).await.expect("a port");
    let mut buffer = vec![0; 65_535];
    tokio::select! {
        registered = phone.register() => panic!("{registered:?}"),
        asked = registrar.recv_from(&mut buffer) => drop(asked.expect("a request")),
    }
    let again = tokio::time::timeout(Duration::from_secs(2), registrar.recv_from(&mut buffer)).await;
    assert!(again.is_err(), "{}", String::from_utf8_lossy(&buffer));
}
