//! Streams that break, and peers that go on by another one.

use super::*;

#[test]
fn a_broken_stream_fails_its_own_transactions_only() {
    let mut bench = Bench::new();
    bench.flow.kind = TransportKind::Tcp;
    bench.flow.connection = Some(ConnectionId(1));
    let lost = bench.send(Method::Options);
    bench.flow.connection = Some(ConnectionId(2));
    bench.send(Method::Options);
    bench.layer.flow_failed(Lane::Stream(ConnectionId(1)), |_| None, bench.now);
    assert_eq!(bench.layer.poll_event(), Some(TransactionEvent::FlowFailed { key: lost, owner: Some('u') }));
    assert_eq!((bench.layer.poll_event(), bench.layer.len()), (None, 1));
}

#[test]
fn what_a_peer_has_not_answered_is_sent_again_where_it_went() {
    let mut bench = Bench::new();
    bench.flow.kind = TransportKind::Wss;
    bench.flow.connection = Some(ConnectionId(1));
    let left = bench.flow;
    let unheard = bench.send(Method::Invite);
    let first = bench.layer.poll_transmit().expect("it is sent").bytes;
    bench.send(Method::Invite);
    let ringing = bench.sent_request();
    bench.receive_response(&ringing, 180);
    bench.send(Method::Info);
    let answered = bench.sent_request();
    bench.receive_response(&answered, 200);
    bench.flow.connection = Some(ConnectionId(2));
    let (elsewhere, other_kind) = (bench.flow, Flow { kind: TransportKind::Tcp, ..bench.flow });

    bench.layer.move_requests('x', &[left], elsewhere, bench.now);
    bench.layer.move_requests('u', &[elsewhere], left, bench.now);
    bench.layer.move_requests('u', &[left], other_kind, bench.now);
    assert!(bench.sent().is_empty(), "not theirs, not there, not of the same kind");
    bench.layer.move_requests('u', &[left], elsewhere, bench.now);
    let again = bench.layer.poll_transmit().expect("what nobody has said a word of");
    assert_eq!((again.flow, &again.bytes), (elsewhere, &first), "the same transaction");
    assert!(bench.layer.poll_transmit().is_none());
    bench.layer.flow_failed(Lane::Stream(ConnectionId(1)), |_| None, bench.now);
    assert_eq!((bench.layer.poll_event(), bench.layer.len()), (None, 2), "all of them have left it");
    bench.layer.flow_failed(Lane::Stream(ConnectionId(2)), |_| None, bench.now);
    assert_eq!(
        bench.layer.poll_event(),
        Some(TransactionEvent::FlowFailed { key: unheard, owner: Some('u') })
    );
}

#[test]
fn a_peer_that_moves_on_and_on_has_no_more_time_for_its_answer() {
    for method in [Method::Invite, Method::Bye] {
        let mut bench = Bench::new();
        bench.flow.kind = TransportKind::Wss;
        bench.flow.connection = Some(ConnectionId(1));
        bench.send(method.clone());
        for second in 1..=31 {
            bench.now += Duration::from_secs(1);
            let left = bench.flow;
            bench.flow.connection = Some(ConnectionId(1 + second));
            bench.layer.move_requests('u', &[left], bench.flow, bench.now);
            bench.layer.handle_timeout(bench.now);
            assert_eq!(bench.layer.poll_event(), None, "{method} after {second} s");
        }
        bench.now += Duration::from_secs(1);
        bench.layer.handle_timeout(bench.now);
        assert!(matches!(bench.layer.poll_event(), Some(TransactionEvent::TimedOut { .. })), "{method}");
    }
}
