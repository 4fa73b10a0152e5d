//! Who is heard and where media are sent.

use super::*;

#[test]
fn a_stranger_is_neither_heard_nor_sent_to() {
    let mut bench = Bench::talking(CodecId::Pcmu, CodecId::Pcmu);
    bench.send(0, &[0x55; 160]);
    let stranger = SocketAddr::from(([203, 0, 113, 9], 9));
    let mut packet = bench.phones[0].packet(&[0x66; 160]);
    let leg = bench.phones[0].leg;
    let before = bench.phones[1].heard.len();
    bench.call.handle_datagram(leg, &mut packet, stranger, stranger, bench.now, &mut bench.outbox);
    bench.collect();
    assert_eq!(bench.phones[1].heard.len(), before);
    let drops = bench.call.stats()[0].drops;
    assert_eq!(drops.of(crate::rtp::DropReason::WrongSource), 1);
}

#[test]
fn a_phone_behind_nat_that_was_called_is_latched_by_where_its_answer_came_from() {
    let mut bench = Bench::talking(CodecId::Pcmu, CodecId::Pcmu);
    let phone = Phone::new(3, CodecId::Pcmu);
    let leg = phone.leg;
    bench.call.add_leg(new_leg(leg, 3, CodecId::Pcmu, &bench.supplies));
    bench.call.create_offer(leg, Direction::SendRecv);
    let private = phone.offer("sendrecv").to_string().replace("192.0.2.3", "10.0.0.7");
    let answer = SessionDescription::parse(private.as_str()).expect("a good answer");
    let from = Some(phone.address.ip());
    bench.call.receive_answer(leg, &answer, from, bench.now, &mut bench.outbox);
    bench.phones[0] = phone;
    bench.call.hear(leg, HearSource::Leg(bench.phones[1].leg), bench.now);
    bench.call.hear(bench.phones[1].leg, HearSource::Leg(leg), bench.now);
    for _ in 0..10 {
        bench.send(0, &[0x55; 160]);
        bench.send(1, &[0x66; 160]);
        bench.pass(FRAME);
    }
    assert_eq!(bench.phones[1].heard.len(), 10);
    assert_eq!(bench.phones[0].heard.len(), 6, "from its fifth packet on it is known where it is");
}

#[test]
fn a_browser_that_becomes_another_is_refused_and_nothing_of_its_leg_changes() {
    let mut bench = Bench::talking(CodecId::Pcmu, CodecId::Pcmu);
    let leg = LegId::next();
    bench.call.add_leg(new_browser_leg(leg, &bench.supplies, bench.now));
    let offer = SessionDescription::parse(CHROMIUM).expect("a good offer");
    bench.call.receive_offer(leg, &offer, None);
    bench.call.create_answer(leg, None, bench.now, &mut bench.outbox);
    bench.events();
    let agreed = |bench: &Bench| {
        let leg = bench.call.leg(leg).expect("it is there");
        (leg.agreed_codec(), leg.remote_codecs())
    };
    let before = agreed(&bench);
    assert_eq!(before.0, Some(CodecId::Opus));

    let other = CHROMIUM.replace("a=ice-ufrag:", "a=ice-ufrag:new").replace("111 63 9 0", "63 9 0");
    let other = other.replace("a=fingerprint:sha-256 5A", "a=fingerprint:sha-256 00");
    let other = SessionDescription::parse(other.as_str()).expect("a good offer");
    bench.call.receive_offer(leg, &other, None);
    bench.call.create_answer(leg, None, bench.now, &mut bench.outbox);
    assert!(matches!(bench.events()[..], [CallEvent::DescriptionRefused { .. }]));
    assert_eq!(agreed(&bench), before);

    bench.call.create_offer(leg, Direction::SendRecv);
    let other = CHROMIUM.replace("a=ice-ufrag:", "a=ice-ufrag:new").replace("actpass", "passive");
    let answer = SessionDescription::parse(other.as_str()).expect("a good answer");
    bench.events();
    bench.call.receive_answer(leg, &answer, None, bench.now, &mut bench.outbox);
    assert!(matches!(bench.events()[..], [CallEvent::DescriptionRefused { .. }]));
    assert_eq!(agreed(&bench), before);
}

/// Or a page could have the gateway knock at every port of the network behind it.
#[test]
fn a_browsers_candidates_are_sent_nothing() {
    let mut bench = Bench::talking(CodecId::Pcmu, CodecId::Pcmu);
    let leg = LegId::next();
    bench.call.add_leg(new_browser_leg(leg, &bench.supplies, bench.now));
    let candidates = (1..100).map(|n| format!("a=candidate:{n} 1 udp 2122260223 10.0.0.{n} 22 typ host\r\n"));
    let offer = format!("{CHROMIUM}{}", candidates.collect::<String>());
    bench.call.receive_offer(leg, &SessionDescription::parse(offer).expect("a good offer"), None);
    bench.call.create_answer(leg, None, bench.now, &mut bench.outbox);
    let phones = bench.phones.each_ref().map(|phone| phone.address.ip());
    let mut timers = 0;
    while let Some(at) = bench.call.poll_timeout().filter(|at| *at < bench.now + Duration::from_secs(30)) {
        bench.call.handle_timeout(at, &mut bench.outbox);
        let is_theirs = |to: SocketAddr| phones.contains(&to.ip());
        bench
            .outbox
            .drain(|_, run| assert!(run.iter().all(|(to, _)| is_theirs(to)), "somebody is knocked at"));
        timers += 1;
        assert!(timers < 1000, "timers move on");
    }
    assert!(timers > 0);
    let failed = |event: &CallEvent| matches!(event, CallEvent::LegFailed { .. });
    assert!(bench.events().iter().any(failed), "nobody ever came");
}
