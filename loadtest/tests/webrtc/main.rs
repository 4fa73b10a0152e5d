//! Two WebRTC callers, each on a WebSocket of its own, and between them a server that only registers and
//! passes on: SIP, ICE, DTLS and SRTP of both ends are the caller's.

mod flags;
mod load;
mod proxy;
mod rtpengine;
mod scenario;

use std::time::Duration;

use proxy::{PASSWORD, Proxy};
use webtrunk_codecs::tone::goertzel_dbm0;
use webtrunk_codecs::{CodecId, SampleRate};
use webtrunk_loadtest::agent::{
    AgentError, Call, CallEnd, CallProgress, DigestAlgorithm, SrtpProfile, Trust, Voice, WebrtcCaller,
    WebrtcConfig,
};

const SOON: Duration = Duration::from_secs(15);

fn config(proxy: &Proxy, user: &str, frequency_hz: u16) -> WebrtcConfig {
    let mut config = WebrtcConfig::new(proxy.url(), user, PASSWORD);
    config.voice = Some(Voice::tone(frequency_hz, -10.0));
    config
}

async fn pair(proxy: &Proxy, change: impl Fn(&mut WebrtcConfig)) -> (WebrtcCaller, WebrtcCaller) {
    let mut configs = [config(proxy, "alice", 440), config(proxy, "bob", 1000)];
    configs.iter_mut().for_each(change);
    let [alice, bob] = configs;
    let alice = WebrtcCaller::new(alice).await.expect("a connection");
    let bob = WebrtcCaller::new(bob).await.expect("a connection");
    bob.register().await.expect("a 200");
    (alice, bob)
}

async fn connect(alice: &WebrtcCaller, bob: &WebrtcCaller) -> (Call, Call) {
    let dialing = alice.dial("bob").await.expect("an address");
    let incoming = bob.next_incoming().await.expect("an INVITE");
    incoming.ring();
    let ringing = dialing.ringing(SOON).await.expect("a 180");
    assert_eq!(ringing, CallProgress::Ringing { status: 180, has_media: false });
    let answered = incoming.answer().await.expect("a codec in common");
    let call = dialing.answered(SOON).await.expect("a 200");
    for end in [&call, &answered] {
        end.media_ready(SOON).await.expect("ICE and DTLS");
    }
    (call, answered)
}

async fn assert_hears(call: &Call, frequency_hz: f64) {
    let before = call.heard().await.expect("a log").packets.len();
    call.heard_packets(before + 50, SOON).await.expect("audio");
    let samples = call.heard().await.expect("a log").samples(SampleRate::HZ_8000);
    let level = goertzel_dbm0(&samples[samples.len() - 4000..], SampleRate::HZ_8000, frequency_hz);
    assert!((level + 10.0).abs() < 1.0, "{frequency_hz} Hz at {level} dBm0");
}

#[tokio::test]
async fn both_hear_each_other_with_every_codec_profile_and_role() {
    for (codec, profile, insists) in [
        (CodecId::Opus, SrtpProfile::Aes128CmHmacSha1_80, false),
        (CodecId::Pcmu, SrtpProfile::AeadAes128Gcm, true),
        (CodecId::Opus, SrtpProfile::AeadAes256Gcm, false),
    ] {
        let proxy = Proxy::start().await;
        let (alice, bob) = pair(&proxy, |config| {
            config.codecs = vec![codec];
            config.profiles = vec![profile];
            config.insists_on_dtls_client = insists;
        })
        .await;
        let (call, answered) = connect(&alice, &bob).await;
        assert_eq!((call.srtp_profile(), answered.srtp_profile()), (Some(profile), Some(profile)));
        assert_hears(&call, 1000.0).await;
        assert_hears(&answered, 440.0).await;
        let heard = call.heard().await.expect("a log");
        assert_eq!((heard.codec(), heard.broken, heard.unexpected), (Some(codec), 0, 0));
        assert!(heard.reports > 0 && heard.peer_report.is_some_and(|it| it.total_lost == 0));
        assert_eq!(answered.hang_up().await.expect("a 200 to BYE"), CallEnd::ByUs);
        assert_eq!(call.ended(SOON).await.expect("a BYE"), CallEnd::ByPeer { reason: None });
    }
}

#[tokio::test]
async fn digits_and_ten_holds_leave_the_stream_as_it_is() {
    let proxy = Proxy::start().await;
    let (alice, bob) = pair(&proxy, |_| ()).await;
    let (call, answered) = connect(&alice, &bob).await;
    call.send_digits("159D#").await.expect("sent");
    answered.heard_digits(5, SOON).await.expect("all of them");
    for turn in 0..10 {
        let holder = if turn % 2 == 0 { &call } else { &answered };
        holder.hold().await.expect("a 200");
        holder.resume().await.expect("a 200");
    }
    assert_hears(&call, 1000.0).await;
    assert_hears(&answered, 440.0).await;
    let heard = answered.heard().await.expect("a log");
    assert_eq!((heard.digits_text().as_str(), heard.ssrcs().len()), ("159D#", 1));
}

#[tokio::test]
async fn who_vanishes_says_nothing() {
    let proxy = Proxy::start().await;
    let (alice, bob) = pair(&proxy, |_| ()).await;
    let (call, answered) = connect(&alice, &bob).await;
    assert_hears(&answered, 440.0).await;
    call.vanish();
    drop(alice);
    let quiet = Duration::from_secs(2);
    assert!(matches!(answered.ended(quiet).await, Err(AgentError::Waited { .. })), "a BYE");
    assert!(answered.media_closed(Duration::from_millis(100)).await.is_err(), "a close_notify");
}

#[tokio::test]
async fn a_call_lives_on_while_a_websocket_is_gone_and_is_changed_and_ended_by_another() {
    let proxy = Proxy::start().await;
    let (alice, bob) = pair(&proxy, |config| config.names_instance = true).await;
    let (call, answered) = connect(&alice, &bob).await;
    let challenges = proxy.challenges();
    bob.reconnect(Duration::from_millis(500)).await.expect("the proxy is there, and takes him again");
    alice.reconnect(Duration::ZERO).await.expect("the proxy is there");
    assert!(proxy.challenges() <= challenges + 1, "bob alone registers again");
    call.resume().await.expect("agreed by both new connections");
    answered.resume().await.expect("agreed by both new connections");
    assert_hears(&call, 1000.0).await;
    assert_hears(&answered, 440.0).await;
    for end in [&call, &answered] {
        let heard = end.heard().await.expect("a log");
        let gaps =
            heard.packets.windows(2).map(|pair| pair[1].at.duration_since(pair[0].at).unwrap_or_default());
        let longest = gaps.max().expect("audio");
        assert!(longest < Duration::from_millis(400), "media do not come by a WebSocket: {longest:?}");
    }
    assert_eq!(answered.hang_up().await.expect("a 200 to BYE"), CallEnd::ByUs);
    assert_eq!(call.ended(SOON).await.expect("a BYE"), CallEnd::ByPeer { reason: None });
}

#[tokio::test]
async fn registration_answers_the_challenge_of_its_algorithm() {
    let proxy = Proxy::start().await;
    for algorithm in [DigestAlgorithm::Md5, DigestAlgorithm::Sha256] {
        let mut config = config(&proxy, "alice", 440);
        config.credentials.algorithm = algorithm;
        let caller = WebrtcCaller::new(config.clone()).await.expect("a connection");
        caller.register().await.expect("a 200");
        caller.register_for(Duration::ZERO).await.expect("a 200 without another challenge");
        config.credentials.password = "wrong".to_owned();
        let caller = WebrtcCaller::new(config).await.expect("a connection");
        assert_eq!(caller.register().await.expect_err("a wrong password").status(), Some(401));
    }
    assert_eq!(proxy.challenges(), 2 * (1 + 2));
}

#[tokio::test]
async fn a_secure_server_is_trusted_by_whom_it_should_be() {
    let (proxy, certificate) = Proxy::start_secure().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("authority.pem");
    std::fs::write(&file, certificate).expect("room");
    for (trust, is_trusted) in [
        (Trust::Nobody, false),
        (Trust::Anybody, true),
        (Trust::Authority(file), true),
        (Trust::Authority(folder.path().join("missing.pem")), false),
    ] {
        let config = WebrtcConfig { trust: trust.clone(), ..config(&proxy, "alice", 440) };
        match WebrtcCaller::new(config).await {
            Ok(caller) => {
                assert!(is_trusted, "{trust:?}");
                caller.register().await.expect("a 200");
            }
            Err(error) => assert!(!is_trusted, "{trust:?}: {error}"),
        }
    }
}

#[tokio::test]
async fn what_is_no_server_is_named() {
    let config = WebrtcConfig::new("ws://127.0.0.1:1/sip", "alice", PASSWORD);
    let error = WebrtcCaller::new(config).await.expect_err("nobody listens there");
    assert!(error.to_string().starts_with("cannot reach ws://127.0.0.1:1/sip"), "{error}");
}
