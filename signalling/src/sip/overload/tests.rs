use std::net::Ipv4Addr;

use super::*;
use crate::sip::flow::TransportKind;

const NEIGHBOUR: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 77));

/// A neighbour by one algorithm, and the time.
struct Bench {
    control: OverloadControl,
    algorithms: &'static str,
    now: Instant,
}

impl Bench {
    fn new(algorithms: &'static str) -> Self {
        let mut bench = Self { control: OverloadControl::default(), algorithms, now: Instant::now() };
        bench.told();
        bench
    }

    fn via(&self) -> Via {
        let host = "192.0.2.77".parse().expect("an address");
        let mut via = Via::new(TransportKind::Udp, host, None, "z9hG4bK1");
        via.params.set("oc", None);
        if !self.algorithms.is_empty() {
            via.params.set("oc-algo", Some(self.algorithms));
        }
        via
    }

    fn tell(&mut self) -> Via {
        let mut via = self.via();
        assert!(is_offered(&via) && !is_told(&via));
        assert!(self.control.tell(&mut via, NEIGHBOUR, self.now));
        assert!(!is_offered(&via) && is_told(&via));
        via
    }

    /// What it is told now: the value, and for how many milliseconds.
    fn told(&mut self) -> (u64, u64) {
        let via = self.tell();
        let number = |name: &str| via.params.get(name).and_then(|text| text.parse().ok()).expect("a number");
        (number("oc"), number("oc-validity"))
    }

    /// What it is told after a second with these calls.
    fn second(&mut self, offered: u64, refused: u64) -> (u64, u64) {
        (0..offered).for_each(|_| self.control.offered(NEIGHBOUR));
        (0..refused).for_each(|_| assert!(self.control.refused(NEIGHBOUR)));
        self.now += SECOND;
        self.told()
    }
}

#[test]
fn it_keeps_back_what_was_refused_and_each_quiet_second_a_tenth_less() {
    let mut bench = Bench::new("\"loss\"");
    assert_eq!(bench.told(), (0, 0), "there is no overload");
    assert_eq!(bench.second(100, 0), (0, 0));
    assert_eq!(bench.second(100, 50), (50, 3000));
    assert_eq!(bench.second(50, 0), (45, 3000), "it keeps to that");
    assert_eq!(bench.second(50, 10), (56, 3000), "a fifth of what it sent, and what it kept back");
    let quiet: Vec<_> = (0..10).map(|_| bench.second(50, 0).0).collect();
    assert_eq!(quiet, [51, 46, 41, 37, 33, 30, 27, 24, 22, 0]);
    assert_eq!(bench.told(), (0, 0));
}

#[test]
fn it_is_told_a_rate_where_it_knows_what_that_is() {
    for algorithms in ["\"loss,rate\"", "\"rate\"", "\"rate , loss\"", "rate"] {
        let mut bench = Bench::new(algorithms);
        assert_eq!(bench.second(100, 80), (20, 3000), "{algorithms}");
        assert_eq!(bench.second(20, 0), (22, 3000));
        assert_eq!(bench.second(22, 22), (1, 3000), "never none");
        assert_eq!(bench.tell().params.get("oc-algo"), Some("\"rate\""));
    }
    for algorithms in ["", "\"loss\"", "\"loss,window\""] {
        assert_eq!(Bench::new(algorithms).tell().params.get("oc-algo"), Some("\"loss\""));
    }
}

#[test]
fn who_heeds_nothing_is_never_told_to_send_nothing() {
    let mut bench = Bench::new("");
    let told: Vec<_> = (0..10).map(|_| bench.second(100, 80).0).collect();
    assert_eq!((told[0], told[1], told[9]), (80, 95, 95), "{told:?}");
}

#[test]
fn after_a_silence_it_sends_all_that_it_has_and_so_it_is_taken() {
    let mut bench = Bench::new("");
    assert_eq!(bench.second(100, 50), (50, 3000));
    bench.control.offered(NEIGHBOUR);
    assert!(bench.control.refused(NEIGHBOUR));
    bench.now += VALIDITY + Duration::from_millis(1);
    assert_eq!(bench.told(), (0, 0), "nor is told of what was long ago");
}

/// Ten times the calls that may begin, of a neighbour that heeds what it is told: nearly all that may do begin.
#[test]
fn who_heeds_it_wastes_little_and_fills_what_there_is() {
    for algorithms in ["\"loss\"", "\"rate\""] {
        let mut bench = Bench::new(algorithms);
        let (mut sent, mut begun, mut may) = (0, 0, 1000);
        for _ in 0..60 {
            let (offered, taken) = (may, may.min(100));
            let (value, validity) = bench.second(offered, offered - taken);
            (sent, begun) = (sent + offered, begun + taken);
            may = match (validity, algorithms) {
                (0, _) => 1000,
                (_, "\"rate\"") => value.min(1000),
                _ => 1000 * (100 - value) / 100,
            };
        }
        assert!(begun >= 5900 && sent <= 2 * begun, "{algorithms}: {begun} of {sent}");
    }
}

#[test]
fn numbers_grow_with_each_response_and_over_a_restart() {
    let mut bench = Bench::new("");
    let wall = UNIX_EPOCH + Duration::from_micros(1_282_321_615_782_000);
    bench.control.begin(Moment { now: bench.now, wall });
    let number = |bench: &mut Bench| bench.tell().params.get("oc-seq").expect("a number").to_owned();
    let mut numbers = vec![number(&mut bench), number(&mut bench)];
    bench.now += Duration::from_micros(1_500_000);
    numbers.push(number(&mut bench));
    assert_eq!(numbers, ["1282321615.78200", "1282321615.78201", "1282321617.28200"]);
}

#[test]
fn of_those_who_offer_nothing_nothing_is_kept_and_of_others_no_more_than_so_many() {
    let mut bench = Bench::new("");
    bench.control.offered([192, 0, 2, 78].into());
    assert!(!bench.control.refused([192, 0, 2, 78].into()));
    assert_eq!(bench.control.neighbours.len(), 1);
    let tell = |bench: &mut Bench, number: u32| {
        let mut via = bench.via();
        bench.control.tell(&mut via, Ipv4Addr::from_bits(number).into(), bench.now)
    };
    assert!((1..1000).all(|number| tell(&mut bench, number)));
    assert!(!tell(&mut bench, 1000) && tell(&mut bench, 1));
    bench.now += VALIDITY + Duration::from_millis(1);
    assert!(tell(&mut bench, 1000));
    assert_eq!(bench.control.neighbours.len(), 1);
}

#[test]
fn what_is_told_is_counted_by_who_compares_answers_with_their_requests() {
    let mut bench = Bench::new("\"loss\"");
    let before = bench.via();
    let told = bench.tell();
    assert_eq!(octets_told(&before), 0);
    let longer = told.to_string().len() - before.to_string().len();
    assert_eq!(octets_told(&told), longer + ";oc-algo=\"loss\"".len());
}
