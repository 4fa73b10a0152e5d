//! What one end of the call is told and tells, with a sentence for each thing that was decided.

use serde::Serialize;
use webtrunk_codecs::CodecId;
use webtrunk_engine::call::KeyMode;
use webtrunk_engine::leg::{CodecReason, Leg};
use webtrunk_engine::sdp::SrtpPolicy;
use webtrunk_signalling::adapter::{Incoming, MediaProfile, Origin, Target};
use webtrunk_signalling::b2bua::Directory;
use webtrunk_signalling::rehearsal::{Dialled, Rehearsed};

use super::reasons;
use super::report::offered;
use super::world::Presumed;
use crate::config::Config;

/// One end.
#[derive(Debug, Serialize)]
pub(super) struct LegTerms {
    /// "caller" or "callee".
    pub(super) role: &'static str,
    /// Who it is.
    pub(super) party: String,
    /// "webrtc", "srtp" or "rtp".
    pub(super) transport: Option<&'static str>,
    pub(super) codec: Option<String>,
    pub(super) offer: String,
    /// `None` where the offer is not answered.
    pub(super) answer: Option<String>,
    pub(super) sentences: Vec<String>,
}

/// What is configured of an end's media.
struct Wishes {
    is_browser: bool,
    srtp: SrtpPolicy,
    /// The key that says so.
    srtp_key: String,
    keys: KeyMode,
    /// The key that says so.
    keys_key: String,
    /// Where our codecs come from.
    codecs: String,
}

impl Wishes {
    fn of(origin: &Origin, profile: MediaProfile, config: &Config, directory: &Presumed) -> Self {
        let is_browser = profile == MediaProfile::Webrtc;
        let trunk = match origin {
            Origin::Trunk(name) => config.trunks.iter().find(|trunk| trunk.sip.name == *name),
            Origin::User(_) => None,
        };
        let of_trunk = |key: &str| trunk.map(|trunk| format!("{key} of trunk {:?}", trunk.sip.name));
        let kind = if is_browser { "users' browsers" } else { "users' phones" };
        Self {
            is_browser,
            srtp: directory.caller_srtp(origin),
            srtp_key: of_trunk("srtp").unwrap_or_else(|| "sip.phone_srtp".to_owned()),
            keys: directory.caller_keys(origin),
            keys_key: of_trunk("dtmf").unwrap_or_else(|| "the default".to_owned()),
            codecs: of_trunk("codecs").unwrap_or_else(|| format!("what {kind} have")),
        }
    }
}

/// The caller's end: it offers.
pub(super) fn of_caller(
    incoming: &Incoming,
    done: &Rehearsed,
    config: &Config,
    directory: &Presumed,
) -> LegTerms {
    let wishes = Wishes::of(&incoming.origin, incoming.profile, config, directory);
    let leg = done.media.leg(incoming.leg);
    let offer = incoming.offer.as_deref();
    let mut sentences = vec![format!("It offers {}.", offer.map(offered).unwrap_or_default().join(", "))];
    if let Some(leg) = leg {
        sentences.push(format!(
            "With it may be spoken {}, best first: {}.",
            names(leg.codecs()),
            wishes.codecs
        ));
    }
    if let (Some(leg), Some(codec)) = (leg, leg.and_then(agreed)) {
        sentences.push(answered(leg, codec, done.media.reason(incoming.leg)));
    }
    finish(
        LegTerms {
            role: "caller",
            party: reasons::party(&incoming.origin),
            transport: leg.filter(|leg| agreed(leg).is_some()).map(Leg::transport_name),
            codec: leg.and_then(agreed).map(name),
            offer: offer.map(ToString::to_string).unwrap_or_default(),
            answer: done.answer.as_ref().map(ToString::to_string),
            sentences,
        },
        leg,
        &wishes,
        done,
        incoming.leg,
    )
}

/// The callee's end: we offer.
pub(super) fn of_callee(
    dialled: &Dialled,
    done: &Rehearsed,
    config: &Config,
    directory: &Presumed,
) -> LegTerms {
    let (origin, profile) = match &dialled.dial.target {
        Target::Trunk { trunk, .. } => (Origin::Trunk(trunk.clone()), MediaProfile::Rtp),
        Target::Contact { user, .. } => (Origin::User(user.clone()), directory.contact()),
        Target::Party { origin, .. } => (origin.clone(), MediaProfile::Rtp),
    };
    let wishes = Wishes::of(&origin, profile, config, directory);
    let id = dialled.dial.leg;
    let leg = done.media.leg(id);
    let offer = dialled.dial.offer.as_deref();
    let offers = offer.map(offered).unwrap_or_default().join(", ");
    let order = match done.media.reason(id) {
        Some(CodecReason::OthersFirst) => {
            "in front what the caller offers too, since that can be passed on as it is"
        }
        _ if wishes.is_browser => "in our own order, since a browser keeps Opus where a phone calls it",
        _ => "in their own order, since nothing the caller offers is among them",
    };
    let mut sentences = vec![format!("We offer {offers}: {}, {order}.", wishes.codecs)];
    let presumed = match &origin {
        Origin::User(user) if wishes.is_browser => format!("User {user:?} is taken to have a browser"),
        Origin::User(user) => format!("User {user:?} is taken to have a phone"),
        Origin::Trunk(_) => "The trunk is taken to answer".to_owned(),
    };
    sentences.push(match &dialled.answer {
        Ok(_) => format!("{presumed}, and to take the first codec that it is offered."),
        Err(cause) => format!("It is taken to fail: {}.", reasons::cause(*cause)),
    });
    finish(
        LegTerms {
            role: "callee",
            party: reasons::party(&origin),
            transport: leg.filter(|leg| agreed(leg).is_some()).map(Leg::transport_name),
            codec: leg.and_then(agreed).map(name),
            offer: offer.map(ToString::to_string).unwrap_or_default(),
            answer: dialled.answer.as_ref().ok().map(ToString::to_string),
            sentences,
        },
        leg,
        &wishes,
        done,
        id,
    )
}

/// What holds for both ends alike.
fn finish(
    terms: LegTerms,
    leg: Option<&Leg>,
    wishes: &Wishes,
    done: &Rehearsed,
    id: webtrunk_engine::LegId,
) -> LegTerms {
    let mut sentences = terms.sentences;
    if let Some((_, why)) = done.refused.iter().find(|(leg, _)| *leg == id) {
        sentences.push(format!("Its description cannot be met: {why}."));
    }
    if let Some(leg) = leg.filter(|leg| leg.agreed().is_some()) {
        if done.partner.is_some() {
            sentences.push(way(leg));
        }
        sentences.extend(narrow(leg, &terms.offer, terms.answer.as_deref()));
        sentences.push(keys(leg, wishes));
        sentences.push(encryption(leg, wishes));
    }
    LegTerms { sentences, ..terms }
}

fn answered(leg: &Leg, codec: CodecId, reason: Option<CodecReason>) -> String {
    let codec = name(codec);
    let offered = names(&leg.remote_codecs());
    match reason {
        Some(CodecReason::SameAsOther) => {
            format!(
                "It is answered with {codec}, which the callee has: nothing is transcoded that need not be."
            )
        }
        Some(CodecReason::BrowserKeeps { other }) => format!(
            "It is answered with {codec}, though the callee has {}: a browser is not lowered to that, since {codec} \
             repairs losses on its way.",
            name(other)
        ),
        Some(CodecReason::OtherNotOffered { other }) => format!(
            "It is answered with {codec}, the best of ours that it offers: the callee's {} is not among {offered}.",
            name(other)
        ),
        _ => format!("It is answered with {codec}, the best of ours that it offers."),
    }
}

/// How what this end hears gets there.
fn way(leg: &Leg) -> String {
    let codec = agreed(leg).map(name).unwrap_or_default();
    if leg.stats().is_transcoded {
        format!("What it hears is transcoded to {codec}: the other end has another codec.")
    } else {
        format!("What it hears is passed on as it is, in {codec}: both ends have it.")
    }
}

/// That a browser is asked for less, where the far side carries no more.
fn narrow(leg: &Leg, offer: &str, answer: Option<&str>) -> Option<String> {
    let is_asked = |text: &str| text.contains("maxplaybackrate=8000");
    let is_ours = is_asked(offer) || answer.is_some_and(is_asked);
    (agreed(leg) == Some(CodecId::Opus) && is_ours).then(|| {
        "It is asked for narrow-band Opus (media.narrow_band_bitrate), since the other end carries no more."
            .to_owned()
    })
}

fn keys(leg: &Leg, wishes: &Wishes) -> String {
    let event = leg.agreed().and_then(|agreed| agreed.telephone_event);
    match (wishes.keys, event) {
        (KeyMode::Tones, _) => format!("Keys travel as tones in the voice: {}.", wishes.keys_key),
        (KeyMode::Nothing, _) => format!("Keys travel by INFO alone: {}.", wishes.keys_key),
        (KeyMode::Events, Some(event)) => {
            let told = if wishes.is_browser { "; those of the other end reach the page by INFO" } else { "" };
            format!(
                "Its keys come as telephone-events (RFC 4733), payload type {} at {} Hz{told}.",
                event.payload_type_rx.number(),
                event.clock_rate.hz()
            )
        }
        (KeyMode::Events, None) => "Keys travel by INFO: it has no telephone-events.".to_owned(),
    }
}

fn encryption(leg: &Leg, wishes: &Wishes) -> String {
    if wishes.is_browser {
        return "Its media is encrypted by DTLS-SRTP, as always with browsers.".to_owned();
    }
    let policy = match wishes.srtp {
        SrtpPolicy::Forbid => "forbid",
        SrtpPolicy::Offer => "offer",
        SrtpPolicy::Require => "require",
    };
    let says = format!("{} is \"{policy}\"", wishes.srtp_key);
    let profile = leg.agreed().and_then(|agreed| agreed.srtp.as_ref()).map(|keys| keys.profile());
    match (profile, wishes.srtp) {
        (Some(profile), _) => {
            format!("Its media is encrypted ({}), with keys in the description: {says}.", profile.sdes_name())
        }
        (None, SrtpPolicy::Forbid) => format!("Its media is plain RTP: {says}."),
        (None, _) => format!("Its media is plain RTP: {says}, and it has no keys."),
    }
}

fn agreed(leg: &Leg) -> Option<CodecId> {
    leg.agreed().map(|agreed| agreed.codec)
}

fn names(codecs: &[CodecId]) -> String {
    codecs.iter().copied().map(name).collect::<Vec<_>>().join(", ")
}

/// As the configuration writes it.
fn name(codec: CodecId) -> String {
    match codec {
        CodecId::L16(_) => format!("{}/{}", codec.encoding_name(), codec.clock_rate().hz()),
        codec => codec.encoding_name().to_owned(),
    }
}
