//! SIP messages: an INVITE as a browser sends it (about 1 KB with its offer) and a REGISTER with
//! Digest credentials.
#![allow(missing_docs)] // criterion's macros make undocumented functions

mod measured;

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use webtrunk_signalling::auth::digest::{
    Algorithm, Attempts, Credentials, Denied, DigestClient, DigestConfig, DigestServer, Ha1,
};
use webtrunk_signalling::sip::flow::{Flow, ListenerId, TransportKind};
use webtrunk_signalling::sip::message::{Capabilities, Framing, Message, Method, Request, StatusCode};
use webtrunk_signalling::sip::trace::{Direction, Passing, Ring, Seen, TraceBounds, tap};

const CAPABILITIES: Capabilities = Capabilities {
    methods: &[
        Method::Invite,
        Method::Ack,
        Method::Bye,
        Method::Cancel,
        Method::Options,
        Method::Register,
        Method::Info,
    ],
    option_tags: &[],
};

const OFFER: &str = "v=0\r\n\
    o=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
    m=audio 50100 UDP/TLS/RTP/SAVPF 111 0 8 110\r\nc=IN IP4 192.0.2.31\r\na=rtcp-mux\r\n\
    a=ice-ufrag:aB3d\r\na=ice-pwd:0123456789abcdefghijklmn\r\na=setup:actpass\r\na=mid:0\r\na=sendrecv\r\n\
    a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:110 telephone-event/48000\r\n\
    a=candidate:1 1 udp 2122260223 192.0.2.31 50100 typ host\r\n";

fn invite() -> Bytes {
    format!(
        "INVITE sip:07010002000@gateway.example SIP/2.0\r\n\
         Via: SIP/2.0/WSS 5g3dq8l2v7t1.invalid;branch=z9hG4bK8412345\r\n\
         Max-Forwards: 69\r\n\
         To: <sip:07010002000@gateway.example>\r\n\
         From: \"Alice\" <sip:alice@gateway.example>;tag=7gk2m4pq0s\r\n\
         Call-ID: f81d4fae7dec11d0a765\r\n\
         CSeq: 3047 INVITE\r\n\
         Contact: <sip:alice@gateway.example;gr=urn:uuid:0b2c6b1e-7c11-4d0a-93c4-1f2e3d4c5b6a;ob>\r\n\
         Content-Type: application/sdp\r\n\
         Session-Expires: 90\r\n\
         Allow: INVITE,ACK,CANCEL,BYE,UPDATE,MESSAGE,OPTIONS,REFER,INFO,NOTIFY\r\n\
         Supported: timer,gruu,ice,replaces,outbound\r\n\
         User-Agent: bench\r\n\
         Content-Length: {}\r\n\r\n{OFFER}",
        OFFER.len()
    )
    .into()
}

fn register(authorization: &str) -> Bytes {
    format!(
        "REGISTER sip:gateway.example SIP/2.0\r\n\
         Via: SIP/2.0/WSS 5g3dq8l2v7t1.invalid;branch=z9hG4bK5512345\r\n\
         Max-Forwards: 69\r\n\
         To: <sip:alice@gateway.example>\r\n\
         From: \"Alice\" <sip:alice@gateway.example>;tag=9fj3n5rt1u\r\n\
         Call-ID: 0a1b2c3d4e5f60718293\r\n\
         CSeq: 2 REGISTER\r\n\
         Authorization: {authorization}\r\n\
         Contact: <sip:8ghk3l2m@5g3dq8l2v7t1.invalid;transport=ws>;+sip.ice;reg-id=1;+sip.instance=\"<urn:uuid:0b2c6b1e-7c11-4d0a-93c4-1f2e3d4c5b6a>\";expires=600\r\n\
         Expires: 600\r\n\
         Supported: path,gruu,outbound\r\n\
         User-Agent: bench\r\n\
         Content-Length: 0\r\n\r\n"
    )
    .into()
}

fn parse(octets: &Bytes) -> Request {
    match Message::parse(octets.clone()) {
        Ok(Message::Request(request)) => request,
        other => panic!("a request, not {other:?}"),
    }
}

struct Alice;

impl Credentials for Alice {
    fn ha1(&self, user: &str, realm: &str, algorithm: Algorithm) -> Option<Ha1> {
        (user == "alice").then(|| Ha1::new(algorithm, user, realm, "wonderland"))
    }
}

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 31));

fn messages(c: &mut Criterion) {
    let octets = invite();
    let request = parse(&octets);
    let mut group = c.benchmark_group("sip");
    group.throughput(Throughput::Bytes(octets.len() as u64));
    group.bench_function("frame_invite", |b| b.iter(|| Framing::find(black_box(&octets))));
    group.bench_function("parse_invite", |b| b.iter(|| parse(black_box(&octets))));
    group.bench_function("read_invite", |b| {
        b.iter(|| {
            let headers = &black_box(&request).headers;
            (
                headers.via(),
                headers.from(),
                headers.to(),
                headers.cseq(),
                headers.call_id(),
                headers.contact(),
            )
        });
    });
    group.bench_function("validate_invite", |b| b.iter(|| black_box(&request).validate(&CAPABILITIES)));
    group.bench_function("parse_and_read_invite", |b| {
        b.iter(|| {
            let request = parse(black_box(&octets));
            let headers = &request.headers;
            (headers.via(), headers.from(), headers.to(), headers.cseq(), headers.contact())
        });
    });
    group.bench_function("print_invite", |b| b.iter(|| black_box(&request).to_bytes()));
    group.bench_function("answer_invite", |b| {
        b.iter(|| black_box(&request).response(StatusCode::RINGING, Some("8f3b2a")).to_bytes());
    });
    group.finish();
}

fn digest(c: &mut Criterion) {
    let now = Instant::now();
    let mut group = c.benchmark_group("digest");
    for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
        let config = DigestConfig { algorithms: vec![algorithm], ..DigestConfig::new("gateway.example") };
        let mut server = DigestServer::new(config, [7; 32], now);
        let mut client = DigestClient::new("alice", "wonderland", None, [1; 32]);
        let challenges = server.challenges(PEER, &Denied::Missing, now);
        client
            .handle_challenge(challenges.iter().map(|c| &**c), &mut Attempts::default())
            .expect("it is challenged in what it speaks");
        group.bench_function(format!("register_{}", algorithm.name()), |b| {
            b.iter_batched(
                || {
                    let authorization = client.authorize("REGISTER", "sip:gateway.example");
                    register(&authorization.expect("it was challenged"))
                },
                |octets| {
                    let request = parse(&octets);
                    let fields = request.headers.authorizations();
                    server.verify("REGISTER", fields, PEER, &Alice, now).expect("the password is right")
                },
                BatchSize::SmallInput,
            );
        });
        group.bench_function(format!("challenge_{}", algorithm.name()), |b| {
            b.iter(|| server.challenges(black_box(PEER), &Denied::Missing, now));
        });
    }
    group.finish();
}

/// What it costs that every message is seen: on its way, and afterwards on another thread.
fn trace(c: &mut Criterion) {
    let octets = invite();
    let address = SocketAddr::new(PEER, 5060);
    let (kind, listener) = (TransportKind::Wss, ListenerId(0));
    let flow = Flow { kind, listener, local: address, remote: address, connection: None };
    let moment = || (SystemTime::now(), Instant::now());
    let mut group = c.benchmark_group("trace");
    let (taken, reader) = tap();
    group.bench_function("tap_invite", |b| {
        b.iter(|| {
            taken.passed(&flow, Direction::In, black_box(&octets), moment());
            reader.next(Duration::ZERO)
        });
    });
    let (full, _reader) = tap();
    (0..10_000).for_each(|_| full.passed(&flow, Direction::In, &octets, moment()));
    group.bench_function("drop_invite", |b| {
        b.iter(|| full.passed(&flow, Direction::In, black_box(&octets), moment()));
    });
    let (at, now) = moment();
    let passing = Passing { at, now, flow, direction: Direction::In, octets: octets.clone() };
    group.bench_function("redact_invite", |b| b.iter(|| black_box(&passing).redacted(address)));
    let mut ring = Ring::new(TraceBounds { calls: 1000, messages: 200, octets: 32 << 20 });
    let seen = passing.redacted(address).expect("it has a Call-ID");
    let calls: Vec<Arc<str>> = (0..5000).map(|call| format!("{call}@gateway").into()).collect();
    let mut calls = calls.iter().cycle();
    group.bench_function("keep_invite", |b| {
        b.iter_batched(
            || Seen { call_id: Arc::clone(calls.next().expect("a cycle")), ..seen.clone() },
            |seen| ring.push(Arc::new(seen)),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = measured::criterion();
    targets = messages, digest, trace
}
criterion_main!(benches);
