//! What a call tells of its sound: figures of each direction, extended reports, one-way audio.

use webtrunk_codecs::CodecId;

use super::{Bench, FRAME, tone};
use crate::call::{CallEvent, HearSource};
use crate::leg::LegStats;
use crate::media::quality::AudioState;
use crate::rtp::Ssrc;
use crate::rtp::rtcp::{
    Cname, CompoundPacket, CompoundReport, ExtendedBlock, ExtendedReportWriter, RtcpPacket, VoipMetrics,
};
use crate::sdp::{Attribute, SessionDescription};

/// Lets the left phone talk for so many packets, of which every tenth is lost.
fn talk_with_loss(bench: &mut Bench, packets: usize) {
    for (index, payload) in tone(bench.phones[0].codec, packets).iter().enumerate() {
        let mut packet = bench.phones[0].packet(payload);
        if index % 10 != 8 {
            bench.deliver(0, &mut packet);
        }
        bench.pass(FRAME);
    }
    bench.pass(FRAME * 5);
}

fn stats(bench: &Bench, phone: usize) -> LegStats {
    let leg = bench.phones[phone].leg;
    bench.call.stats().into_iter().find(|stats| stats.leg == leg).expect("a leg of the call")
}

/// The VoIP metrics in what a phone got by RTCP.
fn metrics_for(bench: &Bench, phone: usize) -> Vec<VoipMetrics> {
    let mut found = Vec::new();
    for bytes in &bench.phones[phone].reports {
        for packet in CompoundPacket::parse(bytes).expect("we send good reports").packets() {
            let RtcpPacket::ExtendedReport(report) = packet else { continue };
            found.extend(report.blocks().map(|block| match block {
                ExtendedBlock::VoipMetrics(metrics) => metrics,
                other => panic!("{other:?} was not asked for"),
            }));
        }
    }
    found
}

fn asking(description: SessionDescription) -> SessionDescription {
    let mut description = description;
    description.media[0].attributes.push(Attribute::new("rtcp-xr", "rcvr-rtt=all voip-metrics"));
    description
}

#[test]
fn loss_is_judged_as_it_is_heard() {
    let mut passed = Bench::talking(CodecId::Pcmu, CodecId::Pcmu);
    talk_with_loss(&mut passed, 500);
    let heard = stats(&passed, 0).heard.expect("packets came");
    assert!((heard.total.loss - 0.1).abs() < 0.005, "{heard:?}");
    assert!(heard.total.conversation.mos < 3.5 && heard.live.conversation.mos < 3.6, "{heard:?}");
    assert_eq!(stats(&passed, 1).heard, None, "nothing came from there");

    let mut restored = Bench::talking(CodecId::Opus, CodecId::Pcmu);
    talk_with_loss(&mut restored, 500);
    let spoken = stats(&restored, 0);
    assert!(spoken.lost == 50 && spoken.recovered > 0, "{spoken:?}");
    assert_eq!(stats(&restored, 1).recovered, 0, "it is the speaker's");
    let missing = (spoken.lost - spoken.recovered) as f32 / 500.0;
    let heard = spoken.heard.expect("packets came");
    assert!((heard.total.loss - missing).abs() < 0.001, "redundancy hides some: {heard:?}");
}

/// A hold, and the end of the other leg, are no reason to forget.
#[test]
fn what_was_repaired_is_told_whatever_is_heard_since() {
    let mut bench = Bench::talking(CodecId::Pcma, CodecId::Pcmu);
    let [speaker, listener] = [0, 1].map(|phone| bench.phones[phone].leg);
    talk_with_loss(&mut bench, 200);
    let once = stats(&bench, 0).concealed;
    assert!(once >= 15, "{once}");
    bench.call.hear(listener, HearSource::Silence, bench.now);
    bench.pass(FRAME * 10);
    assert_eq!(stats(&bench, 0).concealed, once);
    bench.call.hear(listener, HearSource::Leg(speaker), bench.now);
    talk_with_loss(&mut bench, 200);
    let twice = stats(&bench, 0).concealed;
    assert!(twice >= 2 * once - 2, "{once}, then {twice}");
    bench.call.remove_leg(listener, bench.now, &mut bench.outbox);
    assert_eq!(stats(&bench, 0).concealed, twice);
}

#[test]
fn the_last_figures_of_a_leg_are_told_when_it_is_removed_and_when_its_call_ends() {
    let mut bench = Bench::talking(CodecId::Pcma, CodecId::Pcmu);
    let [speaker, listener] = [0, 1].map(|phone| bench.phones[phone].leg);
    talk_with_loss(&mut bench, 200);
    while bench.call.poll_event().is_some() {}
    let last = |bench: &mut Bench| {
        let mut ended = std::iter::from_fn(|| bench.call.poll_event()).filter_map(|event| match event {
            CallEvent::LegEnded { stats } => Some(stats),
            _ => None,
        });
        let stats = ended.next().expect("a leg has ended");
        assert!(ended.next().is_none(), "one alone");
        stats
    };
    bench.call.remove_leg(listener, bench.now, &mut bench.outbox);
    let heard = last(&mut bench);
    assert_eq!((heard.leg, heard.codec, heard.packets_received), (listener, Some(CodecId::Pcmu), 0));
    assert!(heard.packets_sent >= 180, "{heard:?}");
    bench.call.end(crate::EndCause::Hangup, bench.now, &mut bench.outbox);
    let spoken = last(&mut bench);
    assert_eq!((spoken.leg, spoken.codec_received), (speaker, Some(CodecId::Pcma)));
    assert!(spoken.packets_received >= 180 && spoken.heard.is_some(), "{spoken:?}");
}

#[test]
fn packets_of_another_source_are_counted_with_those_before() {
    let mut bench = Bench::talking(CodecId::Pcmu, CodecId::Pcmu);
    for source in [7, 8, 9] {
        for payload in tone(CodecId::Pcmu, 50) {
            let mut packet = bench.phones[0].packet(&payload);
            packet[11] = source;
            bench.deliver(0, &mut packet);
            bench.pass(FRAME);
        }
    }
    assert_eq!(stats(&bench, 0).packets_received, 150);
}

#[test]
fn a_level_is_told_whatever_the_codec_where_it_is_decoded_anyway() {
    for (left, right) in [(CodecId::Opus, CodecId::Pcma), (CodecId::Pcma, CodecId::Pcma)] {
        let mut bench = Bench::talking(left, right);
        for payload in tone(left, 100) {
            bench.send(0, &payload);
            bench.pass(FRAME);
        }
        let level = stats(&bench, 0).speech_dbm0.expect("a tone is loud enough");
        assert!((level + 10.0).abs() < 1.0, "{level} dBm0 of {left:?}");
    }
}

#[test]
fn a_peer_that_asks_gets_voip_metrics_to_the_last_and_no_other() {
    let mut bench = Bench::talking(CodecId::Pcmu, CodecId::Pcmu);
    talk_with_loss(&mut bench, 500);
    assert_eq!(metrics_for(&bench, 0), []);

    let (leg, offer) = (bench.phones[0].leg, asking(bench.phones[0].offer("sendrecv")));
    bench.call.receive_offer(leg, &offer, None);
    bench.call.create_answer(leg, None, bench.now, &mut bench.outbox);
    let mut answers = bench.events().into_iter().filter_map(|event| match event {
        CallEvent::AnswerReady { description, .. } => Some(description),
        _ => None,
    });
    let answer = answers.next_back().expect("an answer").to_string();
    assert!(answer.contains("a=rtcp-xr:voip-metrics\r\n"), "{answer}");
    talk_with_loss(&mut bench, 500);
    let told = metrics_for(&bench, 0);
    let last = told.last().expect("a report in ten seconds");
    assert_eq!((last.ssrc, last.gap_min), (Ssrc(7), 16));
    assert!((24..=26).contains(&last.loss_rate), "a tenth: {last:?}");
    assert!(last.mos_lq_10 < 36 && last.signal_level_dbm0 == -10, "{last:?}");
    let before = told.len();
    bench.call.remove_leg(leg, bench.now, &mut bench.outbox);
    bench.collect();
    assert_eq!(metrics_for(&bench, 0).len(), before + 1, "the final figures go with the goodbye");
    assert_eq!(metrics_for(&bench, 1), []);
}

#[test]
fn what_a_peer_measures_of_our_stream_is_read() {
    let mut bench = Bench::talking(CodecId::Pcmu, CodecId::Pcmu);
    for payload in tone(CodecId::Pcmu, 10) {
        bench.send(0, &payload);
        bench.pass(FRAME);
    }
    let cname = Cname::new("phone").expect("short");
    let report = |source| {
        let metrics = VoipMetrics { ssrc: source, r_factor: 71, ..VoipMetrics::example() };
        let extended = ExtendedReportWriter { ssrc: Ssrc(9), voip_metrics: &metrics };
        let report = CompoundReport {
            ssrc: Ssrc(9),
            sender_info: None,
            blocks: &[],
            cname: &cname,
            extended: Some(extended),
            is_goodbye: false,
        };
        let mut bytes = vec![0; report.byte_len()];
        report.write_to(&mut bytes);
        bytes
    };
    bench.deliver(1, &mut report(Ssrc(1)));
    assert_eq!(stats(&bench, 1).peer_metrics, None, "of another's stream");
    let ours = Ssrc(bench.phones[1].heard[0].ssrc);
    bench.deliver(1, &mut report(ours));
    assert_eq!(stats(&bench, 1).peer_metrics.map(|metrics| metrics.r_factor), Some(71));
}

#[test]
fn one_way_audio_is_told_once_it_is_certain() {
    let mut bench = Bench::talking(CodecId::Pcmu, CodecId::Pcmu);
    bench.events();
    for payload in tone(CodecId::Pcmu, 750) {
        bench.send(0, &payload);
        bench.pass(FRAME);
    }
    let (talks, silent) = (bench.phones[0].leg, bench.phones[1].leg);
    let (mut heard, mut unheard) = (Vec::new(), Vec::new());
    for event in bench.events() {
        match event {
            CallEvent::AudioChanged { leg, before, now } => heard.push((leg, before, now)),
            CallEvent::OneWayAudio { unheard: leg } => unheard.push(leg),
            other => panic!("{other:?}"),
        }
    }
    let expected =
        [(talks, AudioState::Waiting, AudioState::Speech), (silent, AudioState::Waiting, AudioState::NoRtp)];
    assert_eq!((&heard[..], &unheard[..]), (&expected[..], &[silent][..]));
}

/// Nor is what was suspected before due for ever, which would keep the thread busy: the bench looks that nothing is.
#[test]
fn nobody_is_suspected_while_one_of_the_two_holds_the_other() {
    let holds: [fn(&mut Bench); 2] = [
        |bench| {
            let (leg, offer) = (bench.phones[1].leg, bench.phones[1].offer("sendonly"));
            bench.call.receive_offer(leg, &offer, None);
            bench.call.create_answer(leg, None, bench.now, &mut bench.outbox);
        },
        |bench| bench.call.hear(bench.phones[0].leg, HearSource::Silence, bench.now),
    ];
    for hold in holds {
        let mut bench = Bench::talking(CodecId::Pcmu, CodecId::Pcmu);
        for (number, payload) in tone(CodecId::Pcmu, 1000).iter().enumerate() {
            if number == 250 {
                hold(&mut bench);
            }
            bench.send(0, payload);
            bench.pass(FRAME);
        }
        let told = bench.events();
        assert!(!told.iter().any(|event| matches!(event, CallEvent::OneWayAudio { .. })), "{told:?}");
    }
}
