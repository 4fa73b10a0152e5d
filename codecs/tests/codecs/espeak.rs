//! Speech by espeak-ng: many voices, languages, pitches and speeds, the same in every run.

use std::process::Command;
use webtrunk_codecs::SampleRate;
use webtrunk_codecs::resample::resample;

/// espeak's own rate.
const ESPEAK_HZ: u32 = 22_050;
/// Words to a clip: about half a minute.
const WORDS: usize = 70;
const LANGUAGES: [&str; 10] = ["en-us", "en-gb", "de", "fr-fr", "es", "it", "pl", "sv", "pt", "nl"];
const SPEAKERS: [&str; 12] = ["m1", "f1", "m2", "f2", "m3", "f3", "m4", "f4", "m5", "f5", "m7", "croak"];
const VOCABULARY: &str = "
    one two three four five six seven eight nine zero please call me back tomorrow morning the meeting
    was moved to another room because of noise under window yes no maybe who is speaking hello good
    evening we heard your message about order number street river yellow open door always loud machine
    weather winter sunshine money invoice account telephone you should really see again soon blue moon
    eerie evil union aurora banana memory lemon mellow rainbow oil boy loom zoom a mile away all year
    long wheel yoyo lullaby million minimum ring among oh";

/// A stream of clips.
pub(crate) struct Talk {
    clip: usize,
    random: u32,
}

impl Talk {
    /// `None` where there is no espeak-ng, which `make test` does not accept.
    pub(crate) fn new() -> Option<Self> {
        if Command::new("espeak-ng").arg("--version").output().is_err() {
            let are_required = std::env::var("WEBTRUNK_TEST_TOOLS").as_deref() == Ok("required");
            assert!(!are_required, "espeak-ng is missing");
            eprintln!("passed over: no espeak-ng");
            return None;
        }
        Some(Self { clip: 0, random: 1 })
    }

    /// The voice of the next clip, and the clip at 8 and 16 kHz.
    pub(crate) fn next(&mut self) -> (String, Vec<i16>, Vec<i16>) {
        let language = LANGUAGES[self.clip % LANGUAGES.len()];
        let speaker = SPEAKERS[self.clip % SPEAKERS.len()];
        let voice = format!("{language}+{speaker}");
        let (pitch, speed) = (self.below(100).to_string(), (110 + self.below(110)).to_string());
        let vocabulary: Vec<&str> = VOCABULARY.split_whitespace().collect();
        let words: Vec<&str> = (0..WORDS).map(|_| vocabulary[self.below(vocabulary.len())]).collect();
        let sentences: Vec<String> = words.chunks(9).map(|words| words.join(" ") + ".").collect();
        self.clip += 1;
        let arguments = ["-v", &voice, "-p", &pitch, "-s", &speed, "--stdout", &sentences.join(" ")];
        let output = Command::new("espeak-ng").args(arguments).output().unwrap();
        assert!(output.status.success(), "{voice}: {}", String::from_utf8_lossy(&output.stderr));
        // The header of a stream does not know its length.
        let data = output.stdout.windows(4).position(|tag| tag == b"data").unwrap() + 8;
        let said = output.stdout[data..].as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair));
        let said: Vec<i16> = said.collect();
        assert!(said.len() > 5 * ESPEAK_HZ as usize, "{voice} says little");
        let from = SampleRate::new(ESPEAK_HZ).unwrap();
        let [narrow, wide] = [SampleRate::HZ_8000, SampleRate::HZ_16000].map(|to| resample(&said, from, to));
        (format!("{voice} -p {pitch} -s {speed}"), narrow, wide)
    }

    fn below(&mut self, end: usize) -> usize {
        self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.random >> 8) as usize % end
    }
}
