//! The process is killed under calls, as the kernel kills, at any moment of theirs: what is left of each, of what was
//! recorded, and of registrations in both directions.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::mpsc;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{Call, Dialing, Incoming, Phone, WebrtcCaller};
use webtrunk_signalling::auth::digest::Algorithm;

use super::recorded::{read_wav, stage_with, talk};
use super::records::{assert_adds_up, config, ms, records};
use super::stage::{Stage, phone, talk_from_webrtc, webrtc};
use crate::sip::raw_phone::RawPhone;
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE, password};
use crate::support::host::Host;
use crate::support::process::wait_until;

/// By how much the end of a call may be off that a kill ended.
const CRASH_OFF_MAX: Duration = Duration::from_secs(2);

/// What a kill may take of a recording: its last second.
const LOST_MAX: Duration = Duration::from_secs(1);

/// A call that is younger may be unknown to the journal: it is written 50 ms after each change, and the machine may be busy.
const SETTLED: Duration = Duration::from_millis(400);

/// How soon after a start it listens, and how soon all else has happened that is promised of a kill (docs/SECURITY.md).
const LISTENS_WITHIN: Duration = Duration::from_secs(2);
const DONE_WITHIN: Duration = Duration::from_secs(5);

/// How long calls go on before the kill at most, once all are there.
const GOING_ON: Duration = Duration::from_millis(1500);

/// How often it is killed, and how many calls there are then, of which so many are recorded.
struct Kills {
    rounds: usize,
    calls: usize,
    recorded: usize,
}

impl Kills {
    /// A few; `make kill` says how many rounds it wants, and has more calls in each.
    fn wanted() -> Self {
        match std::env::var("WEBTRUNK_KILLS").ok().map(|rounds| rounds.parse().expect("a number")) {
            Some(rounds) => Self { rounds, calls: 20, recorded: 5 },
            None => Self { rounds: 4, calls: 3, recorded: 1 },
        }
    }
}

/// A call whose both ends talk.
struct Talking {
    call: Call,
    lifted: Call,
    since: Instant,
}

/// What came up in a round, in its order; the last only rings.
struct Round {
    talking: Vec<Talking>,
    /// It goes on until the record of it was looked at.
    _ringing: Option<(Dialing, Incoming)>,
    /// Whether all of it was there.
    is_whole: bool,
}

/// Places the calls of a round one after the other, and tells of each that talks.
async fn place(
    (alice, callee): (Arc<WebrtcCaller>, Arc<Phone>),
    (calls, recorded): (usize, usize),
    talking: mpsc::UnboundedSender<Talking>,
) -> (Dialing, Incoming) {
    for number in 0..calls - 1 {
        let (call, lifted) = if number < recorded {
            talk(&alice, &callee, "wav").await
        } else {
            talk_from_webrtc(&alice, &callee).await
        };
        // Nobody listens any more when the gateway was killed meanwhile.
        let _ = talking.send(Talking { call, lifted, since: Instant::now() });
    }
    let dialled = alice.dial("9100").await.expect("the gateway listens");
    let ringing = callee.next_incoming().await.expect("a call");
    ringing.ring();
    (dialled, ringing)
}

/// The provider at which the gateway registers.
fn provider(host: Host) -> Gateway {
    Gateway::start_at(host, &GatewayConfig::default().user("gate"))
}

/// A gateway that keeps records and registrations, records some calls, and is registered at the provider.
fn stage(folder: &Path, recordings: &Path, provider: &Host) -> Stage {
    let (address, secret) = (provider.ip(), password("gate"));
    let config = config(folder).user("bob").trunk_lines(&format!(
        "name = 'provider'\nhost = '{address}'\ntransport = 'udp'\ncodecs = ['PCMU']\n\
         credentials = {{ user = 'gate', password = '{secret}', realm = 'webtrunk' }}\n\
         register = [{{ user = 'gate', expires_s = 600 }}]"
    ));
    let config = config.rule("destination = 'bob'\nactions = [{ bridge = { user = 'bob' } }]");
    stage_with(config, recordings)
}

/// How long it took from a start until the gateway listened, all records were there, all phones were told by BYE and it was
/// registered at its provider.
type Took = [Duration; 4];

/// Fails unless most rounds took no longer than is promised; gives the longest of each.
fn worst(rounds: &[Took]) -> Took {
    std::array::from_fn(|what| {
        let mut took: Vec<_> = rounds.iter().map(|round| round[what]).collect();
        took.sort_unstable();
        let most = if what == 0 { LISTENS_WITHIN } else { DONE_WITHIN };
        // A machine that is busy with other tests has its moments: half of them tell how long it takes us.
        assert!(took[took.len() / 2] <= most, "{what}: {took:?}");
        took[took.len() - 1]
    })
}

/// Each call has one record after the kill, and never two; what was recorded can be read to its last second; the gateway
/// is registered at its provider anew, and who was registered at it still is.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "how long it took is told to who asks for many rounds")]
async fn a_kill_leaves_each_call_one_record_and_its_recording() {
    let kills = Kills::wanted();
    let [folder, recordings] = [(); 2].map(|()| TempDir::new().expect("a folder"));
    let provider_host = Host::new();
    let mut stage = stage(folder.path(), recordings.path(), &provider_host);
    let provider = provider(provider_host);
    let registrations = || provider.log().count(&["\"registration\"", "\"user\":\"gate\"", "200"]);
    assert!(wait_until(PATIENCE, || registrations() > 0), "it registers at its provider");
    let office_bob = Host::new();
    let mut bob = RawPhone::new(&office_bob, &stage.gateway, "bob");
    let registered = bob.register(Algorithm::Sha256, &password("bob"), "Expires: 3600\r\n");
    assert!(registered.starts_with("SIP/2.0 200 "), "{registered}");
    let callee = Arc::new(phone(stage.callee(CodecId::Pcmu)).await);
    let (mut known, mut rounds) = (HashSet::new(), Vec::new());
    let (mut talked, mut read) = (0, 0);
    for number in 0..kills.rounds {
        let (round, killed_at) = round_until_kill(&stage, &callee, &kills, number % 2 == 1).await;
        let before = registrations();
        let restarted_at = Instant::now();
        stage.gateway.start_after_kill();
        let listened = restarted_at.elapsed();
        let status = stage.gateway.status();
        assert_eq!(status["registered_users"], 1, "bob, who has not registered since: {status}");
        let settled: Vec<_> =
            round.talking.iter().filter(|talking| killed_at - talking.since > SETTLED).collect();
        let is_there = wait_until(PATIENCE, || new_records(folder.path(), &known).len() >= settled.len());
        let recorded = restarted_at.elapsed();
        let new = new_records(folder.path(), &known);
        let begun = round.talking.len() + 1;
        assert!(is_there && new.len() <= begun, "{} records of {begun} calls: {new:#?}", new.len());
        for (record, talking) in new.iter().zip(&settled) {
            talked += 1;
            read += usize::from(assert_tells(record, talking, killed_at));
        }
        if round.is_whole {
            assert_eq!(new.len(), kills.calls, "{new:#?}");
            assert_eq!(new[kills.calls - 1]["answered_at"], Value::Null, "it rang");
        }
        for talking in &settled {
            talking
                .lifted
                .ended(PATIENCE)
                .await
                .expect("the phone hears BYE of the call that the kill ended");
        }
        let told = restarted_at.elapsed();
        known.extend(new.iter().map(name_of));
        assert!(wait_until(PATIENCE, || registrations() > before), "{}", stage.gateway.status());
        rounds.push([listened, recorded, told, restarted_at.elapsed()]);
    }
    let all = records(folder.path());
    assert_eq!(
        (all.len(), all.iter().map(name_of).collect::<HashSet<_>>().len()),
        (known.len(), known.len())
    );
    assert!(talked > 0 && read > 0, "{talked} calls talked, {read} recordings were read");
    // Whoever was registered before the first kill is called after the last.
    let alice = webrtc(stage.alice()).await;
    let _dialled = alice.dial("bob").await.expect("the gateway listens");
    let invite = bob.receive();
    assert!(invite.starts_with("INVITE sip:bob@"), "{invite}");
    let [listened, recorded, told, registered] = worst(&rounds);
    println!(
        "{} kills, {} calls with one record each, {talked} of them talking for more than {SETTLED:?}, {read} recordings \
         read to their last second; after a start, at worst: listening after {listened:?}, all records after {recorded:?}, \
         phones told by BYE after {told:?}, registered at the provider after {registered:?}",
        kills.rounds,
        known.len(),
    );
}

/// Places calls and kills the gateway: while they are being placed, or when all are there.
async fn round_until_kill(
    stage: &Stage,
    callee: &Arc<Phone>,
    kills: &Kills,
    is_early: bool,
) -> (Round, Instant) {
    // What the round before had dialled, and nobody took any more.
    while tokio::time::timeout(Duration::from_millis(20), callee.next_incoming()).await.is_ok() {}
    let alice = Arc::new(webrtc(stage.alice()).await);
    let (talking, mut told) = mpsc::unbounded_channel();
    let ends = (Arc::clone(&alice), Arc::clone(callee));
    let mut placing = tokio::spawn(place(ends, (kills.calls, kills.recorded), talking));
    let mut ringing = None;
    if is_early {
        // As long as all of them may take.
        let all = Duration::from_millis(150) * u32::try_from(kills.calls).expect("a few");
        tokio::time::sleep(all.mul_f64(rand::random())).await;
    } else {
        ringing = Some((&mut placing).await.expect("all are placed"));
        tokio::time::sleep(SETTLED + GOING_ON.mul_f64(rand::random())).await;
    }
    let killed_at = Instant::now();
    stage.gateway.process.signal(Signal::SIGKILL);
    if is_early {
        placing.abort();
        // It may have failed for want of a gateway.
        let _ = placing.await;
    }
    let mut round = Round { talking: Vec::new(), is_whole: ringing.is_some(), _ringing: ringing };
    while let Ok(talking) = told.try_recv() {
        round.talking.push(talking);
    }
    (round, killed_at)
}

/// Fails unless a record is that of this call, which the kill ended. Tells whether it was recorded, to the last second.
fn assert_tells(record: &Value, talking: &Talking, killed_at: Instant) -> bool {
    assert_adds_up(record);
    assert_eq!(record["end"], serde_json::json!({"cause": "crash", "by": "crash"}), "{record:#}");
    let killed_ago = killed_at.elapsed();
    let answered_at = talking.call.answered_at().expect("it was answered");
    let talked =
        SystemTime::now().duration_since(answered_at).expect("time goes on").saturating_sub(killed_ago);
    let told = Duration::from_millis(ms(&record["talked_ms"]));
    assert!(told.abs_diff(talked) <= CRASH_OFF_MAX, "{told:?} of {talked:?}: {record:#}");
    let Some(file) = record["recordings"][0].as_str() else { return false };
    let (sides, rate) = read_wav(Path::new(file));
    let recorded = Duration::from_secs_f64(sides[0].len() as f64 / f64::from(rate.hz()));
    assert!(recorded + LOST_MAX >= talked, "{recorded:?} of {talked:?} can be read: {file}");
    true
}

/// The records that are not known yet, in the order in which their calls began.
fn new_records(folder: &Path, known: &HashSet<String>) -> Vec<Value> {
    let mut new: Vec<_> =
        records(folder).into_iter().filter(|record| !known.contains(&name_of(record))).collect();
    new.sort_by_key(name_of);
    new
}

/// It sorts by the time at which the call began.
fn name_of(record: &Value) -> String {
    record["id"].as_str().expect("a name").to_owned()
}
