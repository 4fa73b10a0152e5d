//! SRTP keyed in the description: who gets it, by which keys, and what becomes of them later.

use super::*;
use crate::sdp::{
    AnswerWish, Crypto, CryptoFault, CryptoLine, Direction, Negotiated, NegotiationError, Protocol, SdesKeys,
};
use crate::srtp::{ProtectionProfile, SdesKey};

use ProtectionProfile::{AeadAes128Gcm, AeadAes256Gcm, Aes128CmHmacSha1_32, Aes128CmHmacSha1_80};

const POLICIES: [SrtpPolicy; 3] = [SrtpPolicy::Forbid, SrtpPolicy::Offer, SrtpPolicy::Require];

fn phone_leg(srtp: SrtpPolicy) -> Negotiator {
    let address = "203.0.113.5".parse().expect("an address");
    leg(&CodecId::USUAL, LocalTransport::Rtp { address, rtp_port: 30_000, srtp, is_dual_stack: false })
}

/// A phone's description with these lines.
fn phone(protocol: &str, lines: &[Crypto]) -> SessionDescription {
    let mut description = parse(&SIPP.replace("RTP/AVP", protocol));
    description.media[0].crypto = lines.iter().copied().map(CryptoLine::from).collect();
    parse(&description.to_string())
}

fn line(tag: u32, profile: ProtectionProfile) -> Crypto {
    Crypto { tag, key: SdesKey::random(profile) }
}

fn keys(agreed: &Negotiated) -> SdesKeys {
    agreed.srtp.expect("protected")
}

fn lines_of(description: &SessionDescription) -> Vec<Crypto> {
    description.media[0].crypto.iter().map(|line| line.read().expect("of use")).collect()
}

fn answer(leg: &mut Negotiator, offer: &SessionDescription) -> (SessionDescription, Negotiated) {
    leg.receive_offer(offer).expect("met");
    leg.create_answer(AnswerWish::default()).expect("answered")
}

#[test]
fn an_offer_meets_every_policy_as_the_table_says() {
    let secure = || phone("RTP/SAVP", &[line(1, Aes128CmHmacSha1_80)]);
    let both = || phone("RTP/AVP", &[line(1, Aes128CmHmacSha1_80)]);
    let plain = || phone("RTP/AVP", &[]);
    let forbidden = |word: Protocol| Err(NegotiationError::SrtpForbidden(word));
    let table = [
        (secure(), [forbidden(Protocol::RtpSavp), Ok(true), Ok(true)]),
        (phone("RTP/SAVPF", &[line(1, AeadAes256Gcm)]), [forbidden(Protocol::RtpSavpf), Ok(true), Ok(true)]),
        (both(), [Ok(false), Ok(true), Ok(true)]),
        (plain(), [Ok(false), Ok(false), Err(NegotiationError::SrtpRequired)]),
        (
            phone("RTP/SAVP", &[]),
            [
                forbidden(Protocol::RtpSavp),
                Err(NegotiationError::NoUsableCrypto(CryptoFault::Missing)),
                Err(NegotiationError::NoUsableCrypto(CryptoFault::Missing)),
            ],
        ),
    ];
    for (offer, expected) in table {
        for (policy, expected) in POLICIES.into_iter().zip(expected) {
            let mut leg = phone_leg(policy);
            let met = leg.receive_offer(&offer).map(|remote| !remote.crypto.is_empty());
            assert_eq!(met, expected, "{policy:?} {offer}");
            if let Ok(is_protected) = met {
                let (answer, agreed) = leg.create_answer(AnswerWish::default()).expect("answered");
                assert_eq!(answer.media[0].protocol, offer.media[0].protocol);
                assert_eq!(
                    (agreed.srtp.is_some(), lines_of(&answer).len()),
                    (is_protected, is_protected.into())
                );
            }
        }
    }
}

#[test]
fn an_answer_meets_every_policy_as_the_table_says() {
    for (policy, protocol, lines, plain) in [
        (SrtpPolicy::Forbid, Protocol::RtpAvp, 0, Ok(false)),
        (SrtpPolicy::Offer, Protocol::RtpAvp, 3, Ok(false)),
        (SrtpPolicy::Require, Protocol::RtpSavp, 3, Err(NegotiationError::SrtpRequired)),
    ] {
        let mut leg = phone_leg(policy);
        let offer = leg.create_offer(Direction::SendRecv).expect("stable");
        assert_eq!((&offer.media[0].protocol, lines_of(&offer).len()), (&protocol, lines));
        let answered = leg.clone().receive_answer(&phone("RTP/AVP", &[]));
        assert_eq!(answered.map(|agreed| agreed.srtp.is_some()), plain, "{policy:?}");
        for ours in lines_of(&offer) {
            let theirs = line(ours.tag, ours.key.profile());
            let agreed = leg.clone().receive_answer(&phone(protocol.as_str(), &[theirs])).expect("met");
            assert_eq!((keys(&agreed).tx, keys(&agreed).rx), (ours.key, theirs.key));
        }
    }
}

#[test]
fn an_answer_that_takes_no_line_of_ours_is_refused() {
    for policy in [SrtpPolicy::Offer, SrtpPolicy::Require] {
        let mut leg = phone_leg(policy);
        let offer = leg.create_offer(Direction::SendRecv).expect("stable");
        let ours = lines_of(&offer);
        for wrong in [
            line(9, ours[0].key.profile()),
            line(ours[0].tag, ours[1].key.profile()),
            // Ours, sent back.
            ours[0],
        ] {
            let refused = leg.receive_answer(&phone("RTP/SAVP", &[wrong])).expect_err("not ours");
            assert_eq!(refused, NegotiationError::CryptoMismatch);
        }
        // A key with an identifier is in use where an answer has it, so it cannot be passed over.
        let mut managed = phone("RTP/AVP", &[]);
        let text = format!("{}|1:4", CryptoLine::from(line(1, ours[0].key.profile())));
        managed.media[0].crypto = vec![CryptoLine::new(&text)];
        let refused = leg.receive_answer(&managed).expect_err("encrypted by what we cannot do");
        assert_eq!(refused, NegotiationError::NoUsableCrypto(CryptoFault::Mki));
        assert_eq!(leg.agreed(), None);
    }
}

#[test]
fn the_first_line_of_the_offer_with_a_whole_tag_is_taken() {
    let (short, whole, last) =
        (line(1, Aes128CmHmacSha1_32), line(5, Aes128CmHmacSha1_80), line(6, AeadAes128Gcm));
    for (offered, taken) in
        [(vec![short, whole, last], whole), (vec![last, whole], last), (vec![short], short)]
    {
        let (answer, agreed) = answer(&mut phone_leg(SrtpPolicy::Offer), &phone("RTP/SAVP", &offered));
        let ours = lines_of(&answer);
        assert_eq!((ours.len(), ours[0].tag, ours[0].key.profile()), (1, taken.tag, taken.key.profile()));
        assert_eq!((keys(&agreed).rx, keys(&agreed).tx), (taken.key, ours[0].key));
        assert_ne!(ours[0].key, taken.key, "each side has a key of its own");
    }
}

#[test]
fn audio_with_keys_is_preferred_to_audio_without() {
    let both = format!("{SIPP}m=audio 6002 RTP/SAVP 0\n{}", {
        let line = CryptoLine::from(line(1, Aes128CmHmacSha1_80));
        format!("a=crypto:{line}\n")
    });
    for (policy, section) in [(SrtpPolicy::Forbid, 0), (SrtpPolicy::Offer, 1), (SrtpPolicy::Require, 1)] {
        let taken = phone_leg(policy).receive_offer(&parse(&both)).expect("met").section;
        assert_eq!(taken, section, "{policy:?}");
    }
}

#[test]
fn our_key_stays_while_its_cipher_does_and_a_changed_one_of_the_peer_is_followed() {
    let mut leg = phone_leg(SrtpPolicy::Offer);
    let theirs = line(2, Aes128CmHmacSha1_80);
    let (first, agreed) = answer(&mut leg, &phone("RTP/SAVP", &[theirs]));
    let ours = keys(&agreed).tx;

    let (again, agreed) = answer(&mut leg, &phone("RTP/SAVP", &[theirs]));
    assert_eq!(again, first, "the same offer has the same answer");
    assert_eq!((keys(&agreed).tx, keys(&agreed).rx), (ours, theirs.key));

    let (other, changed) = (line(1, AeadAes128Gcm), line(3, Aes128CmHmacSha1_80));
    let (_, agreed) = answer(&mut leg, &phone("RTP/SAVP", &[other, changed]));
    assert_eq!((keys(&agreed).tx, keys(&agreed).rx), (ours, changed.key), "the cipher stays where it can");

    let offer = leg.create_offer(Direction::SendRecv).expect("stable");
    assert_eq!(lines_of(&offer), [Crypto { tag: 3, key: ours }], "what is in use, and nothing else");
    let agreed = leg.receive_answer(&phone("RTP/SAVP", &[line(3, Aes128CmHmacSha1_80)])).expect("met");
    assert_eq!(keys(&agreed).tx, ours);

    let (_, agreed) = answer(&mut leg, &phone("RTP/SAVP", &[line(1, AeadAes128Gcm)]));
    assert_ne!(keys(&agreed).tx, ours, "another cipher has a key of its own");
    let (_, agreed) = answer(&mut leg, &phone("RTP/SAVP", &[line(1, Aes128CmHmacSha1_80)]));
    assert_ne!(keys(&agreed).tx, ours, "and so has one that is gone back to");
}

/// A forked call, whose first answer comes once more.
#[test]
fn our_key_stays_where_forked_answers_take_other_ciphers_in_between() {
    let mut leg = phone_leg(SrtpPolicy::Offer);
    let ours = lines_of(&leg.create_offer(Direction::SendRecv).expect("stable"));
    let [one, other] = [0, 1].map(|place| line(ours[place].tag, ours[place].key.profile()));
    for (theirs, expected) in [(one, ours[0]), (other, ours[1]), (one, ours[0])] {
        let agreed = leg.receive_answer(&phone("RTP/SAVP", &[theirs])).expect("met");
        assert_eq!(keys(&agreed).tx, expected.key);
    }
    let (_, agreed) = answer(&mut leg, &phone("RTP/SAVP", &[one]));
    assert_eq!(keys(&agreed).tx, ours[0].key, "the cipher stays, and so does the key");
    let (_, agreed) = answer(&mut leg, &phone("RTP/SAVP", &[other]));
    assert_ne!(keys(&agreed).tx, ours[1].key, "what was in use before is not again");
}

#[test]
fn what_is_protected_once_stays_protected() {
    let mut leg = phone_leg(SrtpPolicy::Offer);
    let (_, agreed) = answer(&mut leg, &phone("RTP/AVP", &[line(1, Aes128CmHmacSha1_80)]));
    let refused = leg.receive_offer(&phone("RTP/AVP", &[])).expect_err("a downgrade");
    assert_eq!(refused, NegotiationError::SrtpRequired);
    assert_eq!(leg.agreed(), Some(&agreed));
    leg.create_offer(Direction::SendOnly).expect("stable");
    let refused = leg.receive_answer(&phone("RTP/AVP", &[])).expect_err("a downgrade");
    assert_eq!(refused, NegotiationError::SrtpRequired);
}

#[test]
fn a_hold_in_the_old_way_keeps_the_keys() {
    let mut leg = phone_leg(SrtpPolicy::Offer);
    let theirs = line(1, Aes128CmHmacSha1_80);
    let (_, agreed) = answer(&mut leg, &phone("RTP/SAVP", &[theirs]));
    let mut held = phone("RTP/SAVP", &[theirs]);
    held.connection = parse("v=0\no=- 1 1 IN IP4 0.0.0.0\nc=IN IP4 0.0.0.0\n").connection;
    let (_, on_hold) = answer(&mut leg, &held);
    assert_eq!(on_hold.srtp, agreed.srtp);
}
