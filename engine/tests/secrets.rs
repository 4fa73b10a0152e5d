//! What the log may not tell, however much of it is asked for.
//!
//! A binary of its own: the log is the process's, as the gateway's is, since only so it has what is told by
//! way of the `log` crate.

#[path = "support/browser.rs"]
mod browser;
#[path = "support/check.rs"]
mod check;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tracing_subscriber::EnvFilter;
use webtrunk_codecs::CodecId;
use webtrunk_engine::call::{Call, CallEvent, Supplies};
use webtrunk_engine::config::EngineConfig;
use webtrunk_engine::dtls::DtlsCertificate;
use webtrunk_engine::leg::{Leg, RtpTransport};
use webtrunk_engine::media::WallClock;
use webtrunk_engine::net::{Outbox, SocketId};
use webtrunk_engine::sdp::{LocalMedia, SessionDescription, SrtpPolicy};
use webtrunk_engine::srtp::ProtectionProfile;
use webtrunk_engine::{CallId, EndCause, LegId};

use browser::{Browser, Manners, Version};

/// Everything that there is. (What `is` traces no filter of the gateway lets through:
/// `gateway/src/logging.rs`.) The peer's DTLS is the gateway's library, so it is judged too.
const FILTER: &str = "trace,is=debug";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A call with one browser that comes and goes.
struct Visit {
    passwords: [String; 2],
    keys: Vec<u8>,
}

fn visit(manners: Manners) -> Visit {
    let now = Instant::now();
    let supplies = supplies(now);
    let (leg, mut outbox) = (LegId::next(), Outbox::default());
    let (address, local) =
        (SocketAddr::from(([198, 51, 100, 7], 6000)), SocketAddr::from(([192, 0, 2, 1], 5000)));
    let mut call = Call::new(CallId::next(), Arc::clone(&supplies));
    let sockets = vec![(local, SocketId(0))];
    let fmtp = LocalMedia::default_opus_fmtp();
    call.add_leg(Leg::over_webrtc(leg, sockets, vec![CodecId::Pcmu], fmtp, &supplies, now));

    let mut browser = Browser::new(address, manners, now);
    let offer = format!(
        "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n\
         m=audio 6000 UDP/TLS/RTP/SAVPF 0\r\n{}",
        browser.security
    );
    call.receive_offer(leg, &SessionDescription::parse(&offer).expect("a good offer"), None);
    call.create_answer(leg, None, now, &mut outbox);
    let Some(CallEvent::AnswerReady { description, .. }) = call.poll_event() else {
        panic!("the offer can be met");
    };
    let keys = browser.connect(&mut call, leg, local, &description, &mut outbox, now);
    let mut events = std::iter::from_fn(|| call.poll_event());
    assert!(events.any(|event| matches!(event, CallEvent::LegConnected { .. })), "{manners:?}");
    call.end(EndCause::Hangup, now, &mut outbox);

    let (_, password) =
        description.ice_credentials_of(&description.media[0]).expect("an answer to a browser");
    Visit { passwords: [password.to_owned(), browser::PASSWORD.to_owned()], keys }
}

fn supplies(now: Instant) -> Arc<Supplies> {
    Arc::new(Supplies {
        config: EngineConfig::default(),
        clock: WallClock::new(now, SystemTime::UNIX_EPOCH),
        certificate: Arc::new(DtlsCertificate::generate().expect("a certificate")),
    })
}

/// The two keys of a call with one phone, which has them in its descriptions, in base64.
fn visit_of_a_phone() -> [String; 2] {
    let now = Instant::now();
    let supplies = supplies(now);
    let (leg, mut outbox) = (LegId::next(), Outbox::default());
    let mut call = Call::new(CallId::next(), Arc::clone(&supplies));
    let transport = RtpTransport::new(20_000, SocketId(1), SocketId(2), None);
    let media = ([192, 0, 2, 1].into(), SrtpPolicy::Require);
    let fmtp = LocalMedia::default_opus_fmtp();
    call.add_leg(Leg::over_rtp(leg, transport, media, vec![CodecId::Pcmu], fmtp, &supplies));
    let theirs = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";
    let offer = format!(
        "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=audio 6000 RTP/SAVP 0\r\n\
         a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{theirs}\r\na=crypto:2 F8_128_HMAC_SHA1_80 inline:{theirs}\r\n"
    );
    let offer = SessionDescription::parse(&offer).expect("a good offer");
    tracing::trace!(?offer, "whoever prints a description");
    call.receive_offer(leg, &offer, None);
    call.create_answer(leg, None, now, &mut outbox);
    let event = call.poll_event();
    tracing::trace!(?event, "whoever prints an event");
    let Some(CallEvent::AnswerReady { description, .. }) = event else { panic!("the offer can be met") };
    call.end(EndCause::Hangup, now, &mut outbox);
    let line = description.media[0].crypto[0].to_string();
    let (_, ours) = line.split_once("inline:").expect("a key");
    [theirs.to_owned(), ours.to_owned()]
}

/// The ways in which a log might write these bytes, the last two whatever their case.
fn writings(bytes: &[u8]) -> [String; 4] {
    let list = format!("{bytes:?}");
    let hex_list = format!("{bytes:02x?}");
    let inside = |list: &str| list.trim_matches(['[', ']']).to_owned();
    let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    // Of base64 the last characters depend on what follows.
    let base64 = BASE64_STANDARD.encode(&bytes[..bytes.len() / 3 * 3]);
    [base64, inside(&list), inside(&hex_list), hex]
}

fn holds(text: &str, secret: &[u8]) -> bool {
    let lower = text.to_lowercase();
    let [base64, list, hex_list, hex] = writings(secret);
    text.contains(&base64) || [list, hex_list, hex].iter().any(|writing| lower.contains(writing))
}

#[test]
fn the_log_tells_no_password_and_no_key_at_any_level() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(FILTER))
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .try_init()
        .expect("nobody else logs here");
    for (is_client, version) in
        [(false, Version::Dtls12), (false, Version::Dtls13), (true, Version::Dtls12), (true, Version::Dtls13)]
    {
        let visit = visit(Manners { is_client, version });
        let text = log.text();
        assert!(text.contains("Set remote credentials"), "ICE is logged");
        assert!(text.contains("leg connected") && text.contains("dimpl"), "DTLS is logged");
        for password in &visit.passwords {
            assert!(!text.contains(password), "a password is in the log");
        }
        let profile = ProtectionProfile::AeadAes256Gcm;
        let keys = profile.split_keying_material(&visit.keys).expect("of the right length");
        for secret in [keys.client.key, keys.client.salt, keys.server.key, keys.server.salt] {
            assert!(!holds(&text, &secret[..9]), "{is_client} {version:?}: a key is in the log");
            // The search would find it.
            let told = [format!("{secret:?}"), format!("{secret:02X?}"), BASE64_STANDARD.encode(secret)];
            assert!(told.iter().all(|told| holds(told, &secret[..9])));
        }
    }
    let keys = visit_of_a_phone();
    let text = log.text();
    assert!(text.contains("media is encrypted") && text.contains("whoever prints an event"));
    for key in keys {
        let bytes = BASE64_STANDARD.decode(&key).expect("base64");
        assert!(!text.contains(&key) && !holds(&text, &bytes[..9]), "a key of a description is in the log");
    }
}
