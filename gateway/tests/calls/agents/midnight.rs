//! The minutes of a day while the wall clock is set, an hour and days ahead and back.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use tempfile::TempDir;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{AgentError, Phone};

use super::ear::assert_mostly_hears;
use super::hardships::{FAKETIME, fake_clock};
use super::records::{assert_adds_up, ms, wait_for_records};
use super::stage::{CALLEE_HZ, CALLER_HZ, Stage, phone, talk};
use crate::support::gateway::PATIENCE;
use crate::support::tools;

const HOUR_S: i64 = 60 * 60;
const DAY_S: i64 = 24 * HOUR_S;

/// How long calls of a minute may last, all together: who looks does so twice a second, and the machine may be late.
const MINUTE_MS: Range<u64> = 55_000..70_000;

/// The gateway's wall clock, at noon when it starts: no test lasts until midnight.
struct Clock {
    file: PathBuf,
    noon_s: i64,
}

impl Clock {
    fn at_noon(folder: &Path) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later").as_secs();
        let since_s = i64::try_from(since).expect("it is not that late");
        let clock = Self { file: folder.join("clock"), noon_s: DAY_S / 2 - since_s % DAY_S };
        clock.set(0);
        clock
    }

    /// Sets it, by so many seconds from what began at noon.
    fn set(&self, off_s: i64) {
        // Nobody reads a half of it.
        let new = self.file.with_extension("new");
        fs::write(&new, format!("{:+}", self.noon_s + off_s)).expect("the folder is ours");
        fs::rename(&new, &self.file).expect("the folder is ours");
    }
}

/// The status that a call is refused with.
async fn refusal(caller: &Phone) -> Option<u16> {
    let answered = caller.dial("9100").await.expect("a number").answered(PATIENCE).await;
    answered.err().as_ref().and_then(AgentError::status)
}

/// Fails when minutes are counted by the wall clock, or a clock that is set back begins a day anew that was used up.
#[tokio::test(flavor = "multi_thread")]
async fn minutes_of_a_day_are_those_that_passed_and_only_the_next_day_brings_them_back() {
    if tools::path(Path::new(FAKETIME), "install faketime").is_none() {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let config = fake_clock(folder.path())
        .store(&folder.path().join("webtrunk.db"))
        .records(&folder.path().join("calls.jsonl"));
    let clock = Clock::at_noon(folder.path());
    let stage = Stage::with_lines(&["PCMU"], config, "limits = { minutes_per_day = 1 }");
    let (caller, callee) =
        (phone(stage.caller(CodecId::Pcmu)).await, phone(stage.callee(CodecId::Pcmu)).await);

    // Four at once use a minute up in a quarter of it.
    let mut ends = Vec::new();
    for _ in 0..4 {
        ends.push(talk(&caller, &callee).await);
    }
    for (off_s, packets) in [(0, 100), (HOUR_S, 150), (-DAY_S, 200)] {
        clock.set(off_s);
        for end in ends.iter().flat_map(|(call, lifted)| [call, lifted]) {
            end.heard_packets(packets, PATIENCE).await.expect("audio");
        }
    }
    for (call, lifted) in &ends {
        assert_mostly_hears(call, CALLEE_HZ).await;
        assert_mostly_hears(lifted, CALLER_HZ).await;
    }
    for (call, lifted) in &ends {
        call.ended(2 * PATIENCE).await.expect("the gateway ends it");
        lifted.ended(PATIENCE).await.expect("the gateway ends it");
    }
    let records = wait_for_records(folder.path(), 4);
    for record in &records {
        assert_adds_up(record);
        assert_eq!(record["clock_step"], true, "{record:#}");
    }
    let talked_ms: u64 = records.iter().map(|record| ms(&record["talked_ms"])).sum();
    assert!(MINUTE_MS.contains(&talked_ms), "{talked_ms} ms: {records:#?}");

    // The day before, the day itself, and two days before.
    for off_s in [-DAY_S, 0, -2 * DAY_S] {
        clock.set(off_s);
        assert_eq!(refusal(&caller).await, Some(403), "{off_s} s");
    }
    stage.gateway.log().wait_for(&["the clock was set back"], PATIENCE);
    assert_eq!(stage.gateway.log().count(&["not called: the minutes of the day are over"]), 3);

    clock.set(DAY_S / 2 + HOUR_S);
    let (call, lifted) = talk(&caller, &callee).await;
    for end in [&call, &lifted] {
        end.heard_packets(100, PATIENCE).await.expect("audio");
    }
    assert_mostly_hears(&call, CALLEE_HZ).await;
    assert_mostly_hears(&lifted, CALLER_HZ).await;
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(8);
}
