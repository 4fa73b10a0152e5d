//! Calls through rtpengine, where it is installed (`scripts/setup compare`).

use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{Credentials, PhoneConfig, Voice, WebrtcConfig};
use webtrunk_loadtest::load::{LoadConfig, Losses, run, run_until};

const CALLS: usize = 2;
const START_MAX: Duration = Duration::from_secs(10);

/// Ends with the test, however that ends.
struct Rtpengine(Child);

impl Drop for Rtpengine {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts it with NG at this port, and waits until it listens; `None` where it is not installed.
fn start(ng_port: u16) -> Option<Rtpengine> {
    let folder = tempfile::tempdir().expect("a folder");
    let pid_file = folder.path().join("pid");
    let child = Command::new("rtpengine")
        .args(["--config-file=none", "--table=-1", "--foreground", "--interface=127.0.0.1"])
        .args([format!("--listen-ng=127.0.0.1:{ng_port}"), format!("--pidfile={}", pid_file.display())])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let running = Rtpengine(child);
    let deadline = Instant::now() + START_MAX;
    while !pid_file.exists() {
        assert!(Instant::now() < deadline, "rtpengine does not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    Some(running)
}

fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.local_addr().expect("it is bound").port()
}

/// Callers with these codecs and a phone with PCMU, who all say this, and rtpengine that is told so at this address.
fn load(ng: SocketAddr, codecs: Vec<CodecId>, voice: Voice) -> LoadConfig {
    let mut caller = WebrtcConfig::new("", "alice", "");
    caller.media_address = Some([127, 0, 0, 1].into());
    caller.codecs = codecs;
    caller.voice = Some(voice.clone());
    let phone = PhoneConfig { codecs: vec![CodecId::Pcmu], voice: Some(voice), ..PhoneConfig::default() };
    LoadConfig {
        caller,
        users: vec![Credentials::new("alice", "")],
        destination: String::new(),
        phone: Some(phone),
        calls: CALLS,
        rate: 10.0,
        duration: Duration::from_secs(4),
        pid: None,
        stall: None,
        scored: 0,
        pesq: 0,
        registers: false,
        losses: Losses::default(),
        rtpengine: Some(ng),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn opus_is_transcoded_and_pcmu_is_followed_packet_by_packet() {
    let ng_port = free_port();
    let Some(rtpengine) = start(ng_port) else {
        eprintln!("passed over: rtpengine is not installed");
        return;
    };
    let speech = Path::new(env!("CARGO_MANIFEST_DIR")).join("../gateway/assets/announcement.wav");
    let speech = Voice::from_wav(&speech).expect("in the repository");
    let losses = Losses { callers: 0.05, phone: 0.1, in_a_row: 3 };
    let rows = [
        ("opus", CodecId::USUAL.to_vec(), speech, Losses::default()),
        ("PCMU", vec![CodecId::Pcmu], Voice::numbered(), losses),
    ];
    for (name, codecs, voice, losses) in rows {
        let ng = ([127, 0, 0, 1], ng_port).into();
        let load = LoadConfig { pid: Some(rtpengine.0.id()), losses, ..load(ng, codecs, voice) };
        let report = run(load, |_| ()).await.expect("it can be run");

        let calls = &report.calls;
        assert_eq!((calls.ok, calls.failed), (CALLS, 0), "{:?}", calls.failures);
        assert_eq!(calls.caller_codecs.get(name), Some(&CALLS), "{:?}", calls.caller_codecs);
        assert_eq!(calls.phone_codecs.get("PCMU"), Some(&CALLS), "{:?}", calls.phone_codecs);
        // rtpengine loses time and packets of what it transcodes where the machine is busy.
        for way in [report.to_phone.as_ref().expect("a phone"), &report.to_caller] {
            assert!(way.received >= CALLS as u64 * 100 && way.broken == 0, "{way:?}");
            let followed = way.gateway_delay.expect("packets that are followed").count as u64;
            if name == "opus" {
                assert!(way.likeness.is_some_and(|it| it.max > 0.7), "{way:?}");
            } else {
                assert!(followed >= way.received, "{way:?}");
                // Nobody makes up a packet that is passed through.
                assert!(way.dropped > 0 && way.sent - way.dropped >= way.received, "{way:?}");
            }
        }
    }
}

/// A program in its place takes an offer, answers nothing, and hears Ctrl-C; then it is told that the call is over.
#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_is_broken_off_while_it_dials_leaves_no_call_at_rtpengine() {
    let relay = tokio::net::UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let ng = relay.local_addr().expect("it is bound");
    let stopper = watch::Sender::new(false);
    let stop = stopper.subscribe();
    let relaying = tokio::spawn(async move {
        let (mut buffer, mut offered) = (vec![0; 65_535], None);
        loop {
            let (length, from) = relay.recv_from(&mut buffer).await.expect("it is ours");
            let told = String::from_utf8_lossy(&buffer[..length]).into_owned();
            let (cookie, command) = told.split_once(' ').expect("a cookie");
            let call = command.split_once("7:call-id32:").map(|(_, rest)| rest[..32].to_owned());
            if command.contains("7:command5:offer") {
                offered = call;
                stopper.send_replace(true);
            } else if command.contains("7:command6:delete") {
                let answer = format!("{cookie} d6:result2:oke");
                relay.send_to(answer.as_bytes(), from).await.expect("it is ours");
                return (offered, call);
            }
        }
    });
    // One alone: another's offer may be sent just before it hears of the end.
    let load = LoadConfig { calls: 1, ..load(ng, vec![CodecId::Pcmu], Voice::tone(440, -10.0)) };
    let report = run_until(load, stop, |_| ()).await.expect("it can be run");
    assert!(report.was_broken_off && report.calls.attempted == 0, "{report:?}");
    let told = tokio::time::timeout(Duration::from_secs(10), relaying).await;
    let (offered, ended) = told.expect("it is told of the end").expect("it reads what it is told");
    assert!(offered.is_some() && offered == ended, "{offered:?} {ended:?}");
}
