//! A conference whose parties lose packets, pause, change codecs or come late.

use super::*;

#[test]
fn losses_and_jitter_of_one_party_make_no_hole_for_the_others() {
    for (seed, loss, jitter_ms) in [(11, 0.01, 30), (12, 0.05, 30), (13, 0.05, 100), (14, 0.1, 30)] {
        let mut room = Room::new(8, seed);
        let listener = room.join(LINEAR, 500.0);
        let talker = room.join(CodecId::Opus, 900.0);
        // The encoder adds redundancy where loss is told.
        room.talker(talker).encoder.set_expected_loss(20);
        (room.loss, room.jitter) = (loss, Duration::from_millis(jitter_ms));
        room.run(Duration::from_secs(10));
        let stats = room.call_of(talker).stats();
        let [stats] = &stats[..] else { panic!("one leg") };
        assert!(stats.lost > 0 && stats.recovered + stats.concealed > 0, "{stats:?}");
        assert!(stats.packets_received > 400 && stats.is_transcoded, "{stats:?}");
        room.talker(listener).phone.assert_unbroken(160);
        room.talker(talker).phone.assert_unbroken(960);
        let sound = &room.talker(listener).sound[8000..];
        let quiet = sound.chunks(160).filter(|chunk| chunk.iter().all(|sample| sample.abs() < 300)).count();
        let share = quiet as f64 / (sound.len() / 160) as f64;
        assert!(share < 0.02, "{share} of the time is silent, seed {seed}");
    }
}

#[test]
fn the_delay_of_a_conference_is_short_again_five_seconds_after_a_burst() {
    let mut room = Room::new(8, 15);
    let listener = room.join(LINEAR, 500.0);
    let talker = room.join(LINEAR, 900.0);
    room.run(Duration::from_secs(2));
    room.jitter = Duration::from_millis(150);
    room.run(Duration::from_secs(2));
    room.jitter = Duration::ZERO;
    room.run(Duration::from_millis(4500));
    // A pause, and then the tone begins with one packet: how long after it was sent is it heard?
    room.talker(talker).peak = 0.0;
    room.run(Duration::from_millis(500));
    room.talker(talker).peak = 8000.0;
    room.talker(listener).sound.clear();
    let sent_at = room.talker(talker).next_at;
    let mut heard_at = None;
    while heard_at.is_none() && room.now < sent_at + Duration::from_secs(1) {
        room.run(Duration::from_millis(1));
        let is_heard = room.talker(listener).sound.iter().any(|sample| sample.abs() > 1000);
        heard_at = is_heard.then_some(room.now);
    }
    let delay = heard_at.expect("it is heard").saturating_duration_since(sent_at);
    // The frame in which it begins may begin up to a tick earlier than the tone in it.
    assert!(delay < Duration::from_millis(60), "{delay:?}");
}

#[test]
fn a_party_that_changes_its_codec_stays() {
    let mut room = Room::new(8, 16);
    let (first, second) = (room.join(CodecId::Pcmu, 500.0), room.join(CodecId::Pcmu, 900.0));
    room.run(Duration::from_secs(1));
    let now = room.now;
    let codec = CodecId::G722;
    let id = room.talker(second).call;
    let talker = room.talker(second);
    talker.phone.codec = codec;
    talker.encoder = encoder(codec, codec.native_rate(), &EncoderConfig::default()).expect("an encoder");
    talker.decoder = decoder(codec, codec.native_rate()).expect("a decoder");
    talker.sound.clear();
    let offer = talker.phone.offer("sendrecv");
    room.hall.with_call(id, |call, outbox| {
        call.receive_offer(second, &offer, None);
        call.create_answer(second, None, now, outbox);
    });
    room.run(Duration::from_secs(1));
    assert!(room.hears(first, 900.0) && room.hears(second, 500.0) && !room.hears(second, 900.0));
    room.talker(first).phone.assert_unbroken(160);
    room.talker(second).phone.assert_unbroken(160);
}

/// Who asks for pauses gets them of the mix too, and what comes behind one is marked (RFC 3551 4.1).
#[test]
fn a_pause_of_all_others_is_not_sent_and_what_follows_begins_a_talkspurt() {
    let mut room = Room::new(8, 18);
    let (first, second) = (room.join(CodecId::Pcmu, 500.0), room.join(CodecId::Opus, 900.0));
    let (id, now) = (room.talker(second).call, room.now);
    room.talker(second).phone.lines = "a=fmtp:111 usedtx=1\r\n".to_owned();
    let offer = room.talker(second).phone.offer("sendrecv");
    room.hall.with_call(id, |call, outbox| {
        call.receive_offer(second, &offer, None);
        call.create_answer(second, None, now, outbox);
    });
    for peak in [2000.0, 0.0, 2000.0] {
        room.talker(first).peak = peak;
        room.run(Duration::from_secs(2));
    }
    let heard = &room.talker(second).phone.heard;
    let pauses = heard.windows(2).filter(|pair| pair[1].timestamp.wrapping_sub(pair[0].timestamp) > 960);
    let marked: Vec<_> = pauses.map(|pair| pair[1].marker).collect();
    assert!(marked.len() >= 2 && marked.iter().all(|marked| *marked), "{marked:?}");
    assert!(heard.windows(2).all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
}

#[test]
fn the_time_of_frames_that_are_left_out_after_a_stall_passes() {
    let mut room = Room::new(8, 18);
    let (first, second) = (room.join(CodecId::Pcmu, 500.0), room.join(CodecId::Opus, 900.0));
    room.run(Duration::from_secs(1));
    let last = |room: &mut Room, leg| room.talker(leg).phone.heard.last().expect("audio").timestamp;
    let before = [first, second].map(|leg| last(&mut room, leg));
    let counts = [first, second].map(|leg| room.talker(leg).phone.heard.len());
    // The thread stands still.
    room.now += Duration::from_millis(500);
    room.run(Duration::from_secs(1));
    for ((leg, before), (count, clock)) in
        [first, second].into_iter().zip(before).zip(counts.into_iter().zip([8, 48]))
    {
        let passed = last(&mut room, leg).wrapping_sub(before);
        let expected = 1500 * clock;
        assert!(passed.abs_diff(expected) <= 20 * clock, "{passed} ticks, not {expected}");
        let made = room.talker(leg).phone.heard.len() - count;
        assert!((49..=56).contains(&made), "{made} packets of a second: none is sent in a burst");
    }
}

/// Conferences tick at different moments, and would not any more if each went on when the stall ended.
#[test]
fn a_conference_keeps_its_place_in_the_tick_over_a_stall() {
    let mut room = Room::new(8, 21);
    room.join(CodecId::Pcmu, 500.0);
    room.run(Duration::from_secs(1));
    let due = room.conference.poll_timeout();
    room.now += Duration::from_millis(507);
    room.run(Duration::from_millis(1));
    let since = room.conference.poll_timeout().duration_since(due);
    assert!(since >= Duration::from_millis(500), "{since:?}");
    assert_eq!(since.as_micros() % FRAME.as_micros(), 0, "{since:?}");
}
