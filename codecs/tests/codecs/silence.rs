//! Voice told from background: what is called silence between words holds nothing of them.

use crate::espeak::Talk;
use crate::sound::energy;
use webtrunk_codecs::SampleRate;
use webtrunk_codecs::comfort_noise::{Activity, NoiseGenerator, Sid, SilenceDetector};

#[test]
fn nothing_of_speech_is_called_silence_and_pauses_are() {
    let Some(mut talk) = Talk::new() else { return };
    for _ in 0..4 {
        let (voice, narrow, wide) = talk.next();
        for (rate, said) in [(SampleRate::HZ_8000, narrow), (SampleRate::HZ_16000, wide)] {
            let frame = rate.samples_in_ms(20);
            let background = Sid::white(-62.0).with_spectrum(&[-0.6]);
            let mut noise = NoiseGenerator::new(rate, 4);
            noise.update(&background);
            let mut detector = SilenceDetector::new(rate);
            let (mut clipped, mut silent) = (0.0, 0);
            // As loud as a telephone's, and five seconds in which nobody speaks.
            let quiet: Vec<i16> = said.iter().map(|sample| sample / 4).collect();
            let pause = vec![0; rate.samples_in_ms(5000)];
            for voice in quiet.chunks_exact(frame).chain(pause.chunks_exact(frame)) {
                let mut heard = vec![0; frame];
                noise.fill(&mut heard);
                heard.iter_mut().zip(voice).for_each(|(heard, voice)| *heard += voice);
                if detector.push(&heard) == Activity::Silence {
                    clipped += energy(voice);
                    silent += 1;
                }
            }
            let lost = clipped / energy(&quiet);
            assert!(lost < 1e-4, "{voice} at {rate:?}: {lost} of the voice's energy");
            assert!(silent > 230, "{voice} at {rate:?}: {silent} frames of silence");
            let level = detector.sid().level_dbov();
            assert!((level + 62.0).abs() <= 2.0, "{voice} at {rate:?}: a background of {level} dBov");
        }
    }
}
