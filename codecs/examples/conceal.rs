//! Speech as a listener hears it by PCMU when packets of 20 ms are lost: what `make compare` scores beside others'
//! concealment.
//!
//! usage: conceal SPEECH LOSSES > HEARD, samples of 16 bits at 8 kHz without a header, and `1` for each packet that is
//! lost, `0` for each that is not

use std::env;
use std::error::Error;
use std::fs;
use std::io::{self, Write};

use webtrunk_codecs::{CodecId, EncoderConfig, SampleRate, decoder, encoder};

/// Samples of a packet.
const PACKET: usize = 160;

fn main() -> Result<(), Box<dyn Error>> {
    let mut files = env::args_os().skip(1);
    let (Some(speech), Some(losses)) = (files.next(), files.next()) else {
        return Err("usage: conceal SPEECH LOSSES > HEARD".into());
    };
    let (speech, losses) = (fs::read(speech)?, fs::read(losses)?);
    let samples: Vec<i16> = speech.as_chunks().0.iter().map(|bytes| i16::from_le_bytes(*bytes)).collect();
    let mut encoder = encoder(CodecId::Pcmu, SampleRate::HZ_8000, &EncoderConfig::default())?;
    let mut decoder = decoder(CodecId::Pcmu, SampleRate::HZ_8000)?;
    let mut heard = Vec::with_capacity(speech.len());
    for (frame, fate) in samples.chunks_exact(PACKET).zip(losses) {
        let (mut payload, mut out) = ([0; PACKET], [0; PACKET]);
        encoder.encode(frame, &mut payload)?;
        if fate == b'1' {
            decoder.conceal(&mut out);
        } else {
            decoder.decode(&payload, &mut out)?;
        }
        heard.extend(out.iter().flat_map(|sample| sample.to_le_bytes()));
    }
    io::stdout().write_all(&heard)?;
    Ok(())
}
