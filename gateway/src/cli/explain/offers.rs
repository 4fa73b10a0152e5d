//! What the far sides say: the caller's offer, from a file or as its kind has it, and how a callee answers ours.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use webtrunk_codecs::CodecId;
use webtrunk_engine::EndCause;
use webtrunk_engine::sdp::{
    AnswerWish, Candidate, Direction, Fingerprint, LocalMedia, LocalTransport, Negotiator, RemoteMedia,
    SdpError, SdpFault, SessionDescription, SrtpPolicy,
};
use webtrunk_signalling::adapter::{Dial, Target};
use webtrunk_signalling::rehearsal::Callees;

use super::Failure;
use super::asked::SOMEWHERE;
use super::world::ELSEWHERE;

/// Chromium's offer, less what has nothing to do with audio.
const BROWSER: &str = include_str!("browser_offer.sdp");

/// What a phone has of which nothing is known.
const PHONE: [CodecId; 2] = [CodecId::Pcmu, CodecId::Pcma];

/// Their ports.
const RTP_PORT: u16 = 4000;

/// Reads the caller's offer.
pub(super) fn read(path: &Path) -> Result<SessionDescription, Failure> {
    let shown = path.display();
    let text = fs::read(path).map_err(|error| format!("--sdp {shown}: cannot be read: {error}"))?;
    SessionDescription::parse(&text).map_err(|SdpError { line, fault }| {
        let text = String::from_utf8_lossy(&text);
        let written = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        format!("{shown}:{line}: {written:?}: {fault}; {}", cure(fault)).into()
    })
}

const fn cure(fault: SdpFault) -> &'static str {
    match fault {
        SdpFault::TooLong | SdpFault::TooManyLines | SdpFault::TooManyMedia => {
            "give the description of one call, and nothing else"
        }
        SdpFault::NotALine => "write each line as x=value, without blanks before it",
        SdpFault::ControlCharacter => "take it out",
        SdpFault::UnknownType(_) => "write one of the lines of RFC 8866, such as a= or m=",
        SdpFault::NoVersion => "begin the file with v=0; headers of the SIP message do not belong to it",
        SdpFault::NoOrigin => "add a line such as o=- 1 1 IN IP4 192.0.2.1",
        SdpFault::OutOfPlace(_) => "write it once, and what is of the session before the first m=",
        SdpFault::Malformed(_) => "correct its value; RFC 8866 and 8839 show how it is written",
    }
}

/// The offer of a caller of which nothing is known but its kind, and whether it must encrypt.
pub(super) fn usual(is_browser: bool, srtp: SrtpPolicy) -> Result<SessionDescription, Failure> {
    if is_browser {
        return Ok(SessionDescription::parse(BROWSER)?);
    }
    let srtp = if srtp == SrtpPolicy::Require { srtp } else { SrtpPolicy::Forbid };
    let transport = LocalTransport::Rtp { address: SOMEWHERE, rtp_port: RTP_PORT, srtp, is_dual_stack: true };
    Ok(Negotiator::new(party(PHONE.to_vec(), transport)).create_offer(Direction::SendRecv)?)
}

/// Callees who answer by the first codec that they are offered, but for those who fail.
pub(super) struct Answering<'f> {
    /// Their names; `None` for everybody.
    pub(super) failing: Option<&'f [String]>,
    /// How they fail.
    pub(super) failure: EndCause,
}

impl Callees for Answering<'_> {
    fn answer(&self, dial: &Dial) -> Result<SessionDescription, EndCause> {
        let name = match &dial.target {
            Target::Contact { user, .. } | Target::Party { user, .. } => user,
            Target::Trunk { trunk, .. } => trunk,
        };
        let answers = self.failing.is_some_and(|failing| !failing.contains(name));
        let answer = dial.offer.as_ref().filter(|_| answers).and_then(|offer| answer(offer));
        answer.ok_or(self.failure)
    }

    fn address(&self) -> IpAddr {
        ELSEWHERE
    }
}

fn answer(offer: &SessionDescription) -> Option<SessionDescription> {
    let transport = if offer.is_webrtc() {
        LocalTransport::Webrtc {
            ufrag: "presumed".to_owned(),
            pwd: "presumed-by-explain-alone".to_owned(),
            fingerprint: Fingerprint::sha256([0x5a; 32]),
            candidates: vec![Candidate::host(SocketAddr::new(ELSEWHERE, RTP_PORT), u16::MAX)],
            more_may_come: false,
            ice_lite: false,
        }
    } else {
        LocalTransport::Rtp {
            address: ELSEWHERE,
            rtp_port: RTP_PORT,
            srtp: SrtpPolicy::Offer,
            is_dual_stack: true,
        }
    };
    let mut callee = Negotiator::new(party(CodecId::ALL.to_vec(), transport));
    let first = callee.receive_offer(offer).map(RemoteMedia::codecs).ok()?.first().copied();
    let wish = AnswerWish { direction: Direction::SendRecv, prefer: first, opus_fmtp: None };
    callee.create_answer(wish).ok().map(|(answer, _)| answer)
}

fn party(codecs: Vec<CodecId>, transport: LocalTransport) -> LocalMedia {
    LocalMedia {
        session_id: 1,
        codecs,
        transport,
        opus_fmtp: LocalMedia::default_opus_fmtp(),
        telephone_event: true,
        comfort_noise: false,
    }
}
