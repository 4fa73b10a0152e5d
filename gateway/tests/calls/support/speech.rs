//! Speech and how well it arrives: PESQ against the original, beside the same speech through the same
//! codecs without any network, which is the best that can be had.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use webtrunk_codecs::opus::{OpusBandwidth, OpusEncoderConfig};
use webtrunk_codecs::resample::resample;
use webtrunk_codecs::{CodecId, EncoderConfig, SampleRate, decoder, encoder};

use super::sound::Sound;
use super::tools;

/// The announcement takes 9 s: where it is said over and over, it is heard twice as a whole in this time.
pub(crate) const TWICE_S: f64 = 28.0;

/// The announcement that the gateway plays; the browser's microphone speaks it, too.
pub(crate) fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/announcement.wav")
}

/// The speech at 8 kHz.
pub(crate) fn at_8_khz() -> Sound {
    Sound::read(&file()).at(8000)
}

/// One codec of a chain: the rate at which it is given samples, and that at which it gives them.
pub(crate) struct Stage {
    pub(crate) codec: CodecId,
    pub(crate) from: u32,
    pub(crate) to: u32,
    pub(crate) opus: OpusEncoderConfig,
}

impl Stage {
    /// A codec of telephones.
    pub(crate) fn g711(codec: CodecId) -> Self {
        Self { codec, from: 8000, to: 8000, opus: OpusEncoderConfig::default() }
    }

    /// What a browser encodes when it was asked for narrow band at 24 kbit/s, and the gateway decodes.
    pub(crate) fn opus_of_browser() -> Self {
        let opus = OpusEncoderConfig {
            bitrate_bps: 24_000,
            complexity: 9,
            max_bandwidth: Some(OpusBandwidth::Narrow),
            expected_loss_percent: 0,
            ..OpusEncoderConfig::default()
        };
        Self { codec: CodecId::Opus, from: 48_000, to: 8000, opus }
    }

    /// What the gateway encodes, and a browser decodes.
    pub(crate) fn opus_of_gateway(from: u32) -> Self {
        let opus = OpusEncoderConfig { expected_loss_percent: 0, ..OpusEncoderConfig::default() };
        Self { codec: CodecId::Opus, from, to: 48_000, opus }
    }

    fn apply(&self, sound: &Sound) -> Sound {
        let config = EncoderConfig { opus: self.opus };
        let mut encoder = encoder(self.codec, rate(self.from), &config).expect("a rate of the codec");
        let mut decoder = decoder(self.codec, rate(self.to)).expect("a rate of the codec");
        let mut packet = [0; 1500];
        let mut frame = vec![0; self.to as usize / 50];
        let mut samples = Vec::new();
        for pcm in sound.at(self.from).samples.chunks_exact(self.from as usize / 50) {
            let length = encoder.encode(pcm, &mut packet).expect("20 ms is a frame");
            let count = decoder.decode(&packet[..length], &mut frame).expect("it was encoded");
            samples.extend_from_slice(&frame[..count]);
        }
        Sound { rate: self.to, samples }
    }
}

/// Decodes packets of Opus with their RTP timestamps, the same number of ticks as of samples; what is missing
/// is silence.
pub(crate) fn decode(mut packets: Vec<(u32, Vec<u8>)>) -> Sound {
    let begin = packets.first().expect("one at least").0;
    packets.sort_by_key(|(timestamp, _)| timestamp.wrapping_sub(begin).cast_signed());
    let mut decoder = decoder(CodecId::Opus, SampleRate::HZ_48000).expect("a rate of the codec");
    let mut samples = Vec::new();
    let mut frame = vec![0; 48_000];
    for (timestamp, payload) in packets {
        let at = timestamp.wrapping_sub(begin) as usize;
        samples.resize(at.max(samples.len()), 0);
        let count = decoder.decode(&payload, &mut frame).expect("a good packet");
        samples.extend_from_slice(&frame[..count]);
    }
    Sound { rate: 48_000, samples }
}

/// How speech arrived.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Score {
    /// PESQ, 1 to 4.5.
    pub(crate) pesq: f64,
    pub(crate) gain_db: f64,
}

/// Scores speech by Python's `pesq`.
pub(crate) struct Scorer {
    python: PathBuf,
}

impl Scorer {
    /// `None` where Python or its packages are missing.
    pub(crate) fn find() -> Option<Self> {
        let python = tools::command_by("WEBTRUNK_TEST_PYTHON", "python3")?;
        let has_packages = Command::new(&python).args(["-c", "import pesq, scipy"]).output();
        if has_packages.is_ok_and(|output| output.status.success()) {
            return Some(Self { python });
        }
        tools::passed_over(&format!("{} lacks pesq or scipy", python.display()))
    }

    /// Says what is wrong unless the speech in `heard`, which may be repeated and begin anywhere, is as
    /// good as after the same codecs without a network: within 0.2 of PESQ and 0.3 dB. Of several repeats
    /// the best counts: on a busy machine a browser stretches and shortens what comes late, now and then.
    pub(crate) fn judge(&self, heard: &Sound, chain: &[Stage]) -> Result<(), String> {
        let expected = chain.iter().fold(at_8_khz(), |sound, stage| stage.apply(&sound)).padded();
        let expected = self.best(&expected);
        let score = self.best(heard);
        let told = format!("{score:?}, without a network {expected:?}");
        if score.pesq < expected.pesq - 0.2 {
            let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bad-speech.wav");
            heard.write(&path);
            return Err(format!("{told}; see {}", path.display()));
        }
        if (score.gain_db - expected.gain_db).abs() > 0.3 {
            return Err(told);
        }
        Ok(())
    }

    /// The best of [`Scorer::scores`].
    pub(crate) fn best(&self, heard: &Sound) -> Score {
        let scores = self.scores(heard).into_iter();
        scores.max_by(|one, other| one.pesq.total_cmp(&other.pesq)).expect("one at least")
    }

    /// A score for each time that the speech was heard as a whole, one at least.
    ///
    /// # Panics
    /// When it was not.
    pub(crate) fn scores(&self, heard: &Sound) -> Vec<Score> {
        let folder = TempDir::new().expect("a folder");
        let [reference, degraded] = ["reference.wav", "heard.wav"].map(|name| folder.path().join(name));
        at_8_khz().write(&reference);
        heard.at(8000).write(&degraded);
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/calls/support/score.py");
        let output = Command::new(&self.python).arg(script).args([reference, degraded]).output();
        let output = output.expect("Python starts");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let scores = text.lines().map_while(|line| {
            let (pesq, gain_db) = line.split_once(' ')?;
            Some(Score { pesq: pesq.parse().ok()?, gain_db: gain_db.parse().ok()? })
        });
        let scores: Vec<_> = scores.collect();
        assert!(!scores.is_empty(), "no score: {text}{}", String::from_utf8_lossy(&output.stderr));
        scores
    }
}

/// Fails unless speech is as good in one of three calls: a browser that lacks the processor for a moment
/// spoils a call whatever the gateway does, and nothing makes one better than it is.
pub(crate) fn assert_one_call(mut call: impl FnMut() -> Result<(), String>) {
    let mut faults = Vec::new();
    for _ in 0..3 {
        match call() {
            Ok(()) => return,
            Err(fault) => faults.push(fault),
        }
    }
    panic!("no call was as good: {faults:#?}");
}

/// The rate for the codecs' functions.
fn rate(hz: u32) -> SampleRate {
    SampleRate::new(hz).expect("it is not zero")
}

impl Sound {
    /// The same at another rate.
    pub(crate) fn at(&self, hz: u32) -> Self {
        Self { rate: hz, samples: resample(&self.samples, rate(self.rate), rate(hz)) }
    }

    /// The same with half a second of silence on both sides.
    fn padded(&self) -> Self {
        let silence = vec![0; self.rate as usize / 2];
        Self { rate: self.rate, samples: [&silence[..], &self.samples, &silence].concat() }
    }
}
