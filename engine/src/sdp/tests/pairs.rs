//! Two negotiators, each the other's peer, with every pair of codec lists.

use super::*;
use crate::sdp::{AnswerWish, Direction, Negotiated, NegotiationError, RemoteTransport, Setup};

type MakeLeg = fn(&[CodecId]) -> Negotiator;

#[test]
fn both_sides_come_to_one_agreement_for_all_codec_lists() {
    for make in [rtp_leg as MakeLeg, webrtc_leg] {
        for offered in codec_lists() {
            for answered in codec_lists() {
                agree(make(&offered), make(&answered), &offered, &answered);
            }
        }
    }
}

#[test]
fn ten_reoffers_by_turns_change_nothing() {
    for make in [rtp_leg as MakeLeg, webrtc_leg] {
        let (mut one, mut other) = (make(&CodecId::USUAL), make(&[CodecId::Pcma, CodecId::Opus]));
        let (first, _) = exchange(&mut one, &mut other).expect("common codecs");
        for _ in 0..10 {
            let (theirs, ours) = exchange(&mut other, &mut one).expect("common codecs");
            assert_eq!(ours.codec, first.codec);
            assert_eq!(ours.payload_type_rx, first.payload_type_rx);
            assert_eq!(ours.payload_type_tx, first.payload_type_tx);
            assert_eq!(ours.remote, first.remote);
            assert_mirrored(&theirs, &ours);
            let (ours, theirs) = exchange(&mut one, &mut other).expect("common codecs");
            assert_eq!(ours.telephone_event, first.telephone_event);
            assert_mirrored(&ours, &theirs);
        }
    }
}

fn agree(mut offerer: Negotiator, mut answerer: Negotiator, offered: &[CodecId], answered: &[CodecId]) {
    let expected = answered.iter().copied().find(|codec| offered.contains(codec));
    match exchange(&mut offerer, &mut answerer) {
        Ok((ours, theirs)) => {
            assert_eq!(Some(ours.codec), expected, "{offered:?} {answered:?}");
            assert_mirrored(&ours, &theirs);
        }
        Err(error) => {
            assert_eq!(
                (error, expected),
                (NegotiationError::NoCommonCodec, None),
                "{offered:?} {answered:?}"
            );
        }
    }
}

/// One offer and its answer, both through their text; returns what the offerer and the answerer agreed on.
fn exchange(
    offerer: &mut Negotiator,
    answerer: &mut Negotiator,
) -> Result<(Negotiated, Negotiated), NegotiationError> {
    let offer = offerer.create_offer(Direction::SendRecv)?;
    answerer.receive_offer(&parse(&offer.to_string()))?;
    let (answer, theirs) = answerer.create_answer(AnswerWish::default())?;
    let ours = offerer.receive_answer(&parse(&answer.to_string()))?;
    Ok((ours, theirs))
}

fn assert_mirrored(ours: &Negotiated, theirs: &Negotiated) {
    assert_eq!(ours.codec, theirs.codec);
    assert_eq!(ours.payload_type_tx, theirs.payload_type_rx);
    assert_eq!(ours.payload_type_rx, theirs.payload_type_tx);
    assert_eq!(ours.direction, theirs.direction.reversed());
    assert_eq!(ours.receivable, theirs.receivable);
    let (our_digits, their_digits) =
        (ours.telephone_event.expect("both"), theirs.telephone_event.expect("both"));
    assert_eq!(our_digits.clock_rate, ours.codec.clock_rate());
    assert_eq!(our_digits.payload_type_tx, their_digits.payload_type_rx);
    assert_eq!(our_digits.payload_type_rx, their_digits.payload_type_tx);
    if let (RemoteTransport::Webrtc(them), RemoteTransport::Webrtc(us)) = (&ours.remote, &theirs.remote) {
        let roles = [them.setup, us.setup];
        assert!(roles.contains(&Setup::Active) && roles.contains(&Setup::Passive), "{roles:?}");
    }
}

/// Every non-empty subset of the codecs in every order.
fn codec_lists() -> Vec<Vec<CodecId>> {
    let mut lists: Vec<Vec<CodecId>> = CodecId::USUAL.map(|codec| vec![codec]).to_vec();
    let mut index = 0;
    while let Some(list) = lists.get(index).cloned() {
        let others = CodecId::USUAL.into_iter().filter(|codec| !list.contains(codec));
        lists.extend(others.map(|codec| [list.as_slice(), &[codec]].concat()));
        index += 1;
    }
    lists
}
