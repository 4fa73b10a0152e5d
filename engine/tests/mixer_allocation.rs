//! Neither a tick of the mixer nor a frame out of the jitter buffer allocates.

#[path = "support/allocations.rs"]
mod allocations;

use std::time::{Duration, Instant};

use webtrunk_codecs::{ClockRate, CodecId, SampleRate, decoder};
use webtrunk_engine::media::jitter::{Content, JitterConfig, Playout, jitter_buffer};
use webtrunk_engine::media::mixer::{Mixer, Role};
use webtrunk_engine::rtp::{PayloadType, RtpHeader, RtpPacket, SequenceNumber, Ssrc, Timestamp};

use allocations::allocations;

const TICK: Duration = Duration::from_millis(20);

#[test]
fn a_tick_of_the_mixer_does_not_allocate() {
    let mut now = Instant::now();
    let mut mixer = Mixer::new(10);
    let rates = [SampleRate::HZ_8000, SampleRate::HZ_16000, SampleRate::HZ_48000];
    let join = |n: usize| (mixer.join(rates[n % 3], Role::Party).expect("there is room"), n);
    let slots: Vec<_> = (0..10).map(join).collect();
    let before = allocations();
    for tick in 0..500 {
        for (slot, n) in &slots {
            // Some bring nothing for a while, and some are loud.
            if (tick / 50 + n) % 4 == 0 {
                continue;
            }
            if let Some(frame) = mixer.input(*slot) {
                for (sample, at) in frame.iter_mut().zip(0_i32..) {
                    *sample = ((at * 701) % 20_000 - 10_000) as i16;
                }
            }
        }
        if tick == 250 {
            mixer.set_muted(slots[0].0, true);
            mixer.set_role(slots[1].0, Role::Whisper { to: slots[2].0 });
            mixer.leave(slots[9].0);
        }
        mixer.tick(now);
        while mixer.poll_event().is_some() {}
        assert_eq!(mixer.output(slots[0].0).len(), 160);
        now += TICK;
    }
    assert_eq!(allocations(), before);
}

#[test]
fn playing_does_not_allocate_whatever_the_link_does() {
    let start = Instant::now();
    let clock = ClockRate::HZ_8000;
    let (mut writer, reader) = jitter_buffer(JitterConfig::default(), clock, start);
    let decoder = decoder(CodecId::Pcmu, SampleRate::HZ_8000).expect("8 kHz");
    let mut playout = Playout::new(reader, decoder, clock);
    let mut frame = [0; 160];
    let before = allocations();
    for tick in 0..3000_u32 {
        // Every seventh is lost, every fifth comes twice, every third 40 ms late.
        let (number, late) = if tick % 3 == 0 { (tick, 0) } else { (tick.saturating_sub(2), 2) };
        let copies = if number % 7 == 0 && late == 0 { 0 } else { 1 + u32::from(number % 5 == 0) };
        let now = start + TICK * tick;
        for _ in 0..copies {
            let mut bytes = [0x55; RtpHeader::LEN + 160];
            let header = RtpHeader {
                payload_type: PayloadType::PCMU,
                marker: false,
                sequence: SequenceNumber(number as u16),
                timestamp: Timestamp(number * 160),
                ssrc: Ssrc(1 + tick / 2000),
            };
            header.write_to(&mut bytes);
            let packet = RtpPacket::parse(&bytes).expect("a whole packet");
            writer.insert(&packet, Content::Voice, now).expect("there is room");
        }
        playout.pull_frame(now, &mut frame);
    }
    assert_eq!(allocations(), before);
    let fates = playout.fates();
    assert!(fates.played > 500 && fates.concealed > 100 && fates.duplicate > 100, "{fates:?}");
}
