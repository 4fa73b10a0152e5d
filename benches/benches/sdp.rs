//! Session descriptions: reading, writing and negotiating a browser's.

mod measured;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use webtrunk_codecs::CodecId;
use webtrunk_engine::sdp::{
    AnswerWish, Candidate, Direction, Fingerprint, LocalMedia, LocalTransport, Negotiator,
    SessionDescription, SrtpPolicy,
};

const CHROMIUM: &str = include_str!("../../engine/src/sdp/tests/fixtures/chromium_jssip_offer.sdp");
const PHONE: &str = include_str!("../../engine/src/sdp/tests/fixtures/sipp_offer.sdp");

fn text(criterion: &mut Criterion) {
    let offer = SessionDescription::parse(CHROMIUM).expect("the fixture is sound");
    let mut group = criterion.benchmark_group("sdp");
    group.bench_function("parse a Chromium offer", |bencher| {
        bencher.iter(|| SessionDescription::parse(black_box(CHROMIUM)));
    });
    group.bench_function("print it", |bencher| bencher.iter(|| black_box(&offer).to_string()));
    group.finish();
}

fn negotiation(criterion: &mut Criterion) {
    let (browser, phone) = (local(webrtc()), local(rtp()));
    let mut group = criterion.benchmark_group("sdp");
    group.bench_function("Chromium's offer text to our answer text", |bencher| {
        bencher.iter(|| {
            let offer = SessionDescription::parse(black_box(CHROMIUM)).expect("sound");
            let mut leg = Negotiator::new(browser.clone());
            leg.receive_offer(&offer).expect("met");
            leg.create_answer(AnswerWish::default()).expect("answered").0.to_string()
        });
    });
    group.bench_function("our offer text to the agreement with a phone", |bencher| {
        bencher.iter(|| {
            let mut leg = Negotiator::new(phone.clone());
            let offer = leg.create_offer(Direction::SendRecv).expect("stable").to_string();
            let answer = SessionDescription::parse(black_box(PHONE)).expect("sound");
            (offer, leg.receive_answer(&answer).expect("met"))
        });
    });
    group.finish();
}

fn local(transport: LocalTransport) -> LocalMedia {
    LocalMedia {
        session_id: 1,
        codecs: CodecId::USUAL.to_vec(),
        transport,
        opus_fmtp: LocalMedia::default_opus_fmtp(),
        telephone_event: true,
        comfort_noise: true,
    }
}

fn webrtc() -> LocalTransport {
    LocalTransport::Webrtc {
        ufrag: "gwUF".to_owned(),
        pwd: "gatewaypasswordof24chars".to_owned(),
        fingerprint: Fingerprint::sha256([0xab; 32]),
        candidates: vec![Candidate::host("203.0.113.5:40000".parse().expect("an address"), u16::MAX)],
        more_may_come: false,
        ice_lite: true,
    }
}

fn rtp() -> LocalTransport {
    LocalTransport::Rtp {
        address: "203.0.113.5".parse().expect("an address"),
        rtp_port: 30_000,
        srtp: SrtpPolicy::Forbid,
        is_dual_stack: true,
    }
}

criterion_group! {
    name = benches;
    config = measured::criterion();
    targets = text, negotiation
}
criterion_main!(benches);
