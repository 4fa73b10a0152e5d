//! A session description, and what each kind of leg makes of it, as an offer and as an answer.

use webtrunk_codecs::CodecId;
use webtrunk_engine::sdp::{
    AnswerWish, Candidate, CandidateFragment, Direction, Fingerprint, LocalMedia, LocalTransport, Negotiator,
    SessionDescription, SrtpPolicy,
};

/// Most sections of a description that is read.
const SECTIONS_MAX: usize = 16;

/// Reads a description and negotiates by it.
///
/// # Panics
/// It does not read back, or a leg and its peer could think differently of what they agreed.
pub fn run(octets: &[u8]) {
    if let Ok(fragment) = CandidateFragment::parse(octets) {
        let _ = fragment.candidates_of("0");
    }
    let Ok(description) = SessionDescription::parse(octets) else { return };
    assert!(description.media.len() <= SECTIONS_MAX);
    reads_back(&description);
    for transport in transports() {
        negotiate(&mut Negotiator::new(media(transport)), &description);
    }
}

fn reads_back(description: &SessionDescription) {
    let printed = description.to_string();
    let again = SessionDescription::parse(&printed).expect("what is printed is a description");
    assert_eq!(&again, description);
    assert_eq!(again.to_string(), printed);
}

fn negotiate(leg: &mut Negotiator, description: &SessionDescription) {
    if leg.receive_offer(description).is_ok() {
        let (answer, agreed) =
            leg.create_answer(AnswerWish::default()).expect("an accepted offer is answered");
        assert_eq!(answer.media.len(), description.media.len(), "each section has its answer");
        let first = agreed.receivable.first().map(|first| first.payload_type);
        assert_eq!(first, Some(agreed.payload_type_rx));
        reads_back(&answer);
    }
    leg.rollback();
    let offer = leg.create_offer(Direction::SendRecv).expect("stable");
    reads_back(&offer);
    if let Ok(agreed) = leg.receive_answer(description) {
        let is_received = agreed.receivable.iter().any(|one| one.payload_type == agreed.payload_type_rx);
        assert!(is_received, "what the peer sends is read");
    }
    leg.rollback();
    for direction in [Direction::SendOnly, Direction::Inactive, Direction::RecvOnly] {
        hold(leg, direction, description);
    }
}

/// Either side describes itself again, to hold or to be held.
fn hold(leg: &mut Negotiator, direction: Direction, description: &SessionDescription) {
    reads_back(&leg.create_offer(direction).expect("stable"));
    leg.rollback();
    if leg.receive_offer(description).is_ok() {
        let wish = AnswerWish { direction, ..AnswerWish::default() };
        let (answer, _) = leg.create_answer(wish).expect("an accepted offer is answered");
        reads_back(&answer);
    }
    leg.rollback();
}

fn transports() -> [LocalTransport; 3] {
    let address = [203, 0, 113, 5].into();
    let rtp = |srtp| LocalTransport::Rtp { address, rtp_port: 30_000, srtp, is_dual_stack: false };
    let webrtc = LocalTransport::Webrtc {
        ufrag: "gwUF".to_owned(),
        pwd: "gatewaypasswordof24chars".to_owned(),
        fingerprint: Fingerprint::sha256([0xab; 32]),
        candidates: vec![Candidate::host(([203, 0, 113, 5], 40_000).into(), u16::MAX)],
        more_may_come: false,
        ice_lite: true,
    };
    [rtp(SrtpPolicy::Forbid), rtp(SrtpPolicy::Offer), webrtc]
}

fn media(transport: LocalTransport) -> LocalMedia {
    LocalMedia {
        session_id: 7,
        codecs: CodecId::USUAL.to_vec(),
        transport,
        opus_fmtp: LocalMedia::default_opus_fmtp(),
        telephone_event: true,
        comfort_noise: true,
    }
}
