//! What loss, jitter, disorder and doubles do to the sound, in virtual time and by seeds: speech through every network of
//! a table, once into a jitter buffer, as a conference hears it, and once over the bridge of two parties. `make weather`
//! runs it; the scores need a Python with the package pesq.

#![expect(clippy::print_stdout, reason = "the tables are what all this is for")]

mod heard;
mod link;

use std::time::Duration;

use webtrunk_codecs::CodecId;
use webtrunk_codecs::resample::resample;
use webtrunk_codecs::wav::read_wav;
use webtrunk_loadtest::hear::{PesqBand, pesq};

use heard::{Heard, RATE, Voice};
use link::{Link, STALL_AT, Weather};

/// Time in which a delay that a standstill made necessary must have become short again.
const SETTLING: Duration = Duration::from_secs(5);

/// Times that each network is tried, with seeds of their own.
const SEEDS: u64 = 5;

/// What is told of one network and one codec: means of all tries, as shares of the packets, the longest delays of all of
/// them, and the median of the scores.
struct Row {
    lost: f64,
    late: f64,
    concealed: f64,
    restored: f64,
    mean_delay: Duration,
    longest_delay: Duration,
    /// The longest once the standstill, if there was one, is long over.
    settled_delay: Duration,
    pesq: Option<f64>,
}

fn main() {
    let speech = speech();
    println!("Into a jitter buffer, by the clock:\n");
    table(&speech, Voice::by_the_clock);
    println!("\nOver the bridge, to a phone:\n");
    table(&speech, Voice::over_the_bridge);
}

/// The networks of the tables.
fn networks() -> Vec<(&'static str, Weather)> {
    let calm = Weather::default();
    let losing = |loss| Weather { loss, ..calm };
    let bursting = |loss| Weather { loss, burst: 3, ..calm };
    vec![
        ("nothing happens", calm),
        ("1 % lost", losing(0.01)),
        ("5 % lost", losing(0.05)),
        ("10 % lost", losing(0.1)),
        ("20 % lost", losing(0.2)),
        ("5 % lost, three in a row", bursting(0.05)),
        ("10 % lost, three in a row", bursting(0.1)),
        ("jitter of 30 ms, in order", Weather { jitter_ms: 30, ..calm }),
        ("jitter of 100 ms, in order", Weather { jitter_ms: 100, ..calm }),
        ("jitter of 30 ms, out of order", Weather { jitter_ms: 30, is_disorderly: true, ..calm }),
        ("jitter of 100 ms, out of order", Weather { jitter_ms: 100, is_disorderly: true, ..calm }),
        ("10 % come twice", Weather { duplicates: 0.1, ..calm }),
        ("a standstill of 150 ms", Weather { stall_ms: 150, ..calm }),
        (
            "5 % lost, jitter of 30 ms, out of order, 5 % twice",
            Weather { loss: 0.05, jitter_ms: 30, is_disorderly: true, duplicates: 0.05, ..calm },
        ),
    ]
}

/// Prints a table in Markdown: every network, PCMU and Opus.
fn table(speech: &[i16], listen: fn(&Voice, &Link) -> Heard) {
    println!(
        "| network | lost | too late | waits: mean / longest / longest from 9 s on | PCMU: made up | PESQ \
         | Opus: made up | restored | PESQ |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for (name, weather) in networks() {
        let pcmu = Row::of(CodecId::Pcmu, speech, weather, listen);
        let opus = Row::of(CodecId::Opus, speech, weather, listen);
        println!(
            "| {name} | {} | {} | {} / {} / {} ms | {} | {} | {} | {} | {} |",
            percent(pcmu.lost),
            percent(pcmu.late),
            pcmu.mean_delay.as_millis(),
            pcmu.longest_delay.as_millis(),
            pcmu.settled_delay.as_millis(),
            percent(pcmu.concealed),
            score(pcmu.pesq),
            percent(opus.concealed),
            percent(opus.restored),
            score(opus.pesq),
        );
    }
}

impl Row {
    fn of(codec: CodecId, speech: &[i16], weather: Weather, listen: fn(&Voice, &Link) -> Heard) -> Self {
        let voice = Voice::new(codec, speech, weather.loss);
        let packets = voice.len() as f64;
        let tries: Vec<_> = (1..=SEEDS)
            .map(|seed| {
                let link = Link::new(voice.len(), weather, seed);
                (link.lost, listen(&voice, &link))
            })
            .collect();
        let mean = |count: fn(&Heard) -> u64| {
            tries.iter().map(|(_, heard)| count(heard)).sum::<u64>() as f64 / SEEDS as f64 / packets
        };
        let longest =
            |from| tries.iter().map(|(_, heard)| heard.longest_delay(from)).max().unwrap_or_default();
        let mut scores: Vec<f64> = tries
            .iter()
            .filter_map(|(_, heard)| pesq(speech, &heard.samples, PesqBand::Narrow).ok())
            .collect();
        scores.sort_by(f64::total_cmp);
        Self {
            lost: tries.iter().map(|(lost, _)| *lost).sum::<usize>() as f64 / SEEDS as f64 / packets,
            late: mean(|heard| heard.late),
            concealed: mean(|heard| heard.concealed),
            restored: mean(|heard| heard.restored),
            mean_delay: tries.iter().map(|(_, heard)| heard.mean_delay()).sum::<Duration>() / SEEDS as u32,
            longest_delay: longest(Duration::ZERO),
            settled_delay: longest(STALL_AT + SETTLING),
            pesq: scores.get(scores.len() / 2).copied(),
        }
    }
}

/// The announcement, twice.
fn speech() -> Vec<i16> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../gateway/assets/announcement.wav");
    let clip = read_wav(&std::fs::read(file).expect("in the repository")).expect("WAV");
    resample(&clip.samples, clip.rate, RATE).repeat(2)
}

fn percent(share: f64) -> String {
    if share == 0.0 { "-".to_owned() } else { format!("{:.1} %", share * 100.0) }
}

fn score(pesq: Option<f64>) -> String {
    pesq.map_or_else(|| "-".to_owned(), |pesq| format!("{pesq:.2}"))
}
