//! Long requests, which go by a stream first and as datagrams where that leads to nobody.

use super::*;

#[test]
fn what_a_stream_takes_to_nobody_goes_on_as_datagrams_in_the_same_transaction() {
    for method in [Method::Invite, Method::Info] {
        for is_refused in [true, false] {
            let mut bench = Bench::new();
            let key = bench.send_long(&method);
            let by_stream = bench.sent_request();
            assert!(by_stream.headers.via().is_ok_and(|via| via.to_string().contains("SIP/2.0/TCP")));
            assert!(
                bench.layer.is_on_detour(key) && bench.layer.may_take_streams(bench.flow.remote, bench.now)
            );
            if is_refused {
                bench.layer.flow_failed(Lane::Stream(STREAM), |_| None, bench.now);
            } else {
                bench.now += DETOUR_MAX;
            }
            bench.layer.handle_timeout(bench.now);
            let datagram = bench.layer.poll_transmit().expect("it goes on");
            assert_eq!((datagram.flow, bench.layer.poll_event()), (bench.flow, None));
            let Ok(Message::Request(again)) = Message::parse(datagram.bytes) else { panic!("a request") };
            let via = |request: &Request| request.headers.via().expect("ours").to_string();
            assert_eq!(via(&again), via(&by_stream).replace("/TCP", "/UDP"), "branch and sent-by stay");
            assert_eq!(again.body, by_stream.body);
            assert!(again.headers.via().is_ok_and(|via| via.to_string().contains("SIP/2.0/UDP")));
            assert!(!bench.layer.may_take_streams(bench.flow.remote, bench.now), "not soon again");
            bench.now += Duration::from_millis(500);
            bench.layer.handle_timeout(bench.now);
            assert_eq!(bench.sent().len(), 1, "from now on it is sent again as a datagram is");
            let answered = bench.receive_response(&again, 200);
            assert!(matches!(answered, Some(Received::Response { key: of, .. }) if of == key));
        }
    }
}

#[test]
fn what_a_stream_took_and_what_was_given_up_meanwhile_goes_by_no_datagram() {
    let mut bench = Bench::new();
    let heard = bench.send_long(&Method::Invite);
    let invite = bench.sent_request();
    bench.receive_response(&invite, 100);
    assert!(!bench.layer.is_on_detour(heard));
    let given_up = bench.send_long(&Method::Invite);
    bench.sent();
    bench.layer.cancel(given_up, bench.now);
    bench.now += DETOUR_MAX;
    bench.layer.handle_timeout(bench.now);
    bench.layer.flow_failed(Lane::Stream(STREAM), |_| None, bench.now);
    bench.layer.handle_timeout(bench.now);
    assert_eq!(bench.sent(), [""; 0]);
    let failed = std::iter::from_fn(|| bench.layer.poll_event()).count();
    assert_eq!((failed, bench.layer.len()), (1, 1), "what was given up; the other rings on");
    assert!(bench.layer.poll_timeout().is_none());
}

#[test]
fn an_invite_that_rings_outlives_its_stream_and_goes_on_by_datagrams_without_a_word() {
    for provisional in [100, 180] {
        let mut bench = Bench::new();
        let key = bench.send_long(&Method::Invite);
        let invite = bench.sent_request();
        bench.receive_response(&invite, provisional);
        bench.layer.flow_failed(Lane::Stream(STREAM), |_| None, bench.now);
        bench.now += DETOUR_MAX * 2;
        bench.layer.handle_timeout(bench.now);
        assert_eq!((bench.sent(), bench.layer.poll_event()), (Vec::new(), None), "it is not sent again");
        let answered = bench.receive_response(&invite, 200);
        assert!(matches!(answered, Some(Received::Response { key: of, .. }) if of == key));
        assert_eq!(bench.layer.flow(key), Some(bench.flow));
    }
}

#[test]
fn what_lost_its_stream_while_it_rang_is_cancelled_and_acknowledged_by_datagrams() {
    let mut bench = Bench::new();
    let key = bench.send_long(&Method::Invite);
    let invite = bench.sent_request();
    bench.receive_response(&invite, 180);
    bench.layer.flow_failed(Lane::Stream(STREAM), |_| None, bench.now);
    bench.layer.cancel(key, bench.now);
    let cancel = bench.layer.poll_transmit().expect("it is cancelled");
    assert_eq!(cancel.flow, bench.flow);
    let Ok(Message::Request(cancel)) = Message::parse(cancel.bytes) else { panic!("a request") };
    let via = |request: &Request| request.headers.via().expect("ours").to_string();
    assert_eq!((&cancel.method, via(&cancel)), (&Method::Cancel, via(&invite).replace("/TCP", "/UDP")));
    for _ in 0..2 {
        bench.receive_response(&invite, 487);
        let ack = bench.layer.poll_transmit().expect("each is acknowledged, as datagrams are");
        assert!(ack.flow == bench.flow && ack.bytes.starts_with(b"ACK "));
    }
}

#[test]
fn who_rings_by_the_stream_and_refuses_the_datagram_as_its_copy_rings_on() {
    let mut bench = Bench::new();
    let key = bench.send_long(&Method::Invite);
    let invite = bench.sent_request();
    bench.now += DETOUR_MAX;
    bench.layer.handle_timeout(bench.now);
    assert_eq!(bench.sent().len(), 1, "the datagram");
    bench.receive_response(&invite, 180);
    assert!(bench.receive_response(&invite, 482).is_none());
    assert!(bench.sent_request().method == Method::Ack, "it is not said again");
    let answered = bench.receive_response(&invite, 200);
    assert!(matches!(answered, Some(Received::Response { key: of, .. }) if of == key));
}

/// The copy by datagrams is refused sooner than the stream has brought the first word of the other.
#[test]
fn who_refuses_the_copy_before_it_rings_by_the_stream_rings_all_the_same() {
    let mut bench = Bench::new();
    let key = bench.send_long(&Method::Invite);
    let invite = bench.sent_request();
    bench.now += DETOUR_MAX;
    bench.layer.handle_timeout(bench.now);
    bench.sent();
    assert!(bench.receive_response(&invite, 482).is_none());
    assert!(bench.sent_request().method == Method::Ack, "it is not said again");
    for status in [180, 200] {
        let told = bench.receive_response(&invite, status);
        assert!(matches!(told, Some(Received::Response { key: of, .. }) if of == key), "{status}");
    }
}

#[test]
fn a_request_that_goes_one_way_is_told_of_a_loop() {
    let mut bench = Bench::new();
    bench.send_long(&Method::Invite);
    let invite = bench.sent_request();
    bench.receive_response(&invite, 180);
    assert!(bench.receive_response(&invite, 482).is_some());

    let mut bench = Bench::new();
    bench.send_long(&Method::Invite);
    let invite = bench.sent_request();
    bench.layer.flow_failed(Lane::Stream(STREAM), |_| None, bench.now);
    bench.layer.handle_timeout(bench.now);
    assert_eq!(bench.sent().len(), 1, "the datagram");
    assert!(bench.receive_response(&invite, 482).is_some(), "nobody has it by the stream");
}
