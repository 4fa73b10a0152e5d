//! A registrar that grants, refuses and goes silent, stepped by hand.

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

struct Bench {
    registration: Registration,
    now: Instant,
}

impl Bench {
    fn new(seed: u8) -> Self {
        let config =
            RegistrationConfig { user: "100".into(), expires: 10 * MINUTE, credentials: None, of_user: None };
        let domain = Host::Domain("provider.example".into());
        let now = Instant::now();
        Self { registration: Registration::new(&config, ("lab", domain), [seed; 32], now), now }
    }

    fn ask(&mut self) -> Request {
        assert!(self.registration.is_due(self.now), "{:?}", self.registration.state);
        self.registration.request(&ours())
    }

    /// Asks when it is time to, and is answered. Returns how long it waited.
    fn answered(&mut self, status: u16, headers: &[(HeaderName, &str)]) -> Duration {
        let at = self.registration.poll_timeout().expect("it goes on");
        let waited = at.saturating_duration_since(self.now);
        self.now = self.now.max(at);
        let request = self.ask();
        let cseq = request.headers.cseq().expect("is whole").number;
        let response = response(&request, status, headers);
        self.registration.handle_response(&response, cseq, &ours(), self.now);
        waited
    }
}

fn ours() -> SipUri {
    let mut uri = SipUri::new("", Host::V4([192, 0, 2, 1].into()), Some(5060));
    uri.params.set("transport", Some("tcp"));
    uri
}

fn response(request: &Request, status: u16, headers: &[(HeaderName, &str)]) -> Response {
    let status = StatusCode::new(status).expect("a status");
    let mut response = request.response(status, Some("theirs"));
    for (name, value) in headers {
        response.headers.push(name.clone(), *value);
    }
    response
}

#[test]
fn a_register_names_the_address_and_where_calls_are_taken() {
    let mut bench = Bench::new(1);
    let [first, second] = [bench.ask(), bench.registration.request(&ours())];
    let of = |request: &Request, name| request.headers.get(&name).map(str::to_owned).unwrap_or_default();
    assert_eq!(first.uri.to_string(), "sip:provider.example");
    assert_eq!(of(&first, HeaderName::To), "<sip:100@provider.example>");
    assert!(of(&first, HeaderName::From).starts_with("<sip:100@provider.example>;tag="));
    let contact = of(&first, HeaderName::Contact);
    assert!(contact.starts_with("<sip:100@192.0.2.1:5060;transport=tcp>;+sip.instance="), "{contact}");
    assert_eq!(of(&first, HeaderName::Expires), "600");
    assert_eq!(
        (of(&first, HeaderName::CSeq), of(&second, HeaderName::CSeq)),
        ("1 REGISTER".into(), "2 REGISTER".into())
    );
    assert_eq!(of(&first, HeaderName::CallId), of(&second, HeaderName::CallId), "RFC 3261 10.2");
}

/// RFC 5626 4.2: the registrar has to know the client again by whatever stream it comes, and after a restart.
#[test]
fn every_register_names_the_same_instance_and_flow() {
    let outbound = |request: &Request| {
        let contact = request.headers.contact().expect("one");
        let of = |name| contact.params.get(name).map(str::to_owned);
        assert!(request.headers.supported().eq(["path", "outbound"]), "{request:?}");
        (of("+sip.instance").expect("an instance"), of("reg-id").expect("a number"))
    };
    let mut bench = Bench::new(1);
    let first = outbound(&bench.ask());
    assert!(first.0.starts_with("\"<urn:uuid:") && first.1 == "1", "{first:?}");
    assert_eq!(outbound(&bench.registration.request(&ours())), first);
    let mut restarted = Bench::new(2);
    restarted.answered(200, &[]);
    restarted.registration.leave();
    assert_eq!(outbound(&restarted.registration.request(&ours())), first, "it is removed as it was made");
}

#[test]
fn a_first_hop_that_lacks_outbound_is_asked_at_once_without_it_and_once_only() {
    let mut bench = Bench::new(3);
    bench.answered(439, &[]);
    assert_eq!(bench.registration.poll_timeout(), Some(bench.now));
    let request = bench.ask();
    assert_eq!(request.headers.get(&HeaderName::Contact), Some("<sip:100@192.0.2.1:5060;transport=tcp>"));
    assert!(!request.headers.has(&HeaderName::Supported));
    let cseq = request.headers.cseq().expect("is whole").number;
    bench.registration.handle_response(&response(&request, 439, &[]), cseq, &ours(), bench.now);
    assert_eq!(bench.registration.state(), RegistrationState::Failing, "no circle");
}

#[test]
fn it_is_refreshed_before_its_end_and_never_in_step() {
    let mut waits = Vec::new();
    for seed in 0..50 {
        let mut bench = Bench::new(seed);
        assert_eq!(bench.answered(200, &[(HeaderName::Expires, "100")]), Duration::ZERO);
        let until = bench.now + Duration::from_secs(100);
        assert_eq!(bench.registration.state(), RegistrationState::Registered { until });
        waits.push(bench.answered(200, &[]));
    }
    assert!(waits.iter().all(|wait| (75..90).contains(&wait.as_secs())), "{waits:?}");
    waits.sort();
    waits.dedup();
    assert!(waits.len() > 40, "{waits:?}");
}

#[test]
fn a_registrar_that_grants_a_second_is_asked_again_no_sooner_than_after_five() {
    let mut bench = Bench::new(2);
    bench.answered(200, &[(HeaderName::Expires, "1")]);
    let begun = bench.now;
    for _ in 0..10 {
        // When it runs out is a moment of its own.
        let ran_out = bench.registration.poll_timeout().expect("it goes on");
        assert!(!bench.registration.is_due(ran_out));
        assert_eq!(bench.registration.state(), RegistrationState::Registering);
        bench.answered(200, &[(HeaderName::Expires, "1")]);
    }
    assert_eq!(bench.now - begun, 10 * REFRESH_MIN);
}

#[test]
fn what_is_said_of_our_contact_counts() {
    let mut bench = Bench::new(2);
    let others = "<sip:100@192.0.2.9:5060>;expires=3600, <sip:100@192.0.2.1:5060;transport=tcp>;expires=30";
    bench.answered(200, &[(HeaderName::Contact, others), (HeaderName::Expires, "3600")]);
    let until = bench.now + Duration::from_secs(30);
    assert_eq!(bench.registration.state(), RegistrationState::Registered { until });
}

#[test]
fn too_short_a_time_is_asked_for_again_at_once_as_long_as_it_must_be() {
    let mut bench = Bench::new(3);
    bench.answered(423, &[(HeaderName::MinExpires, "1800")]);
    assert_eq!(bench.registration.poll_timeout(), Some(bench.now));
    let request = bench.ask();
    assert_eq!(request.headers.expires(), Ok(Some(1800)));
    let refused = response(&request, 423, &[(HeaderName::MinExpires, "1800")]);
    bench.registration.handle_response(&refused, 2, &ours(), bench.now);
    assert_eq!(bench.registration.state(), RegistrationState::Failing, "no circle");
}

#[test]
fn a_time_that_is_too_short_again_and_again_is_a_failure() {
    let mut bench = Bench::new(3);
    bench.answered(423, &[(HeaderName::MinExpires, "1800")]);
    bench.answered(423, &[(HeaderName::MinExpires, "1801")]);
    let again = bench.registration.poll_timeout().expect("it goes on") - bench.now;
    assert!(again >= BACK_OFF, "{again:?}");
    bench.now += again;
    assert_eq!(bench.ask().headers.expires(), Ok(Some(1801)));
}

#[test]
fn a_423_behind_a_failure_is_obeyed_at_once_too() {
    let mut bench = Bench::new(3);
    bench.answered(500, &[]);
    bench.answered(423, &[(HeaderName::MinExpires, "1800")]);
    assert_eq!(bench.registration.poll_timeout(), Some(bench.now));
    assert_eq!(bench.ask().headers.expires(), Ok(Some(1800)));
}

#[test]
fn failures_are_followed_by_longer_and_longer_waits() {
    for seed in 0..20 {
        let mut bench = Bench::new(seed);
        let waits: Vec<_> = (0..12).map(|_| bench.answered(500, &[]).as_secs_f64()).collect();
        for (nth, wait) in waits.iter().skip(1).enumerate() {
            let full = (4.0 * 2f64.powi(i32::try_from(nth).expect("few"))).min(600.0);
            assert!((full / 2.0..=full).contains(wait), "{nth}: {waits:?}");
        }
        bench.answered(200, &[(HeaderName::Expires, "600")]);
        bench.answered(500, &[]);
        let again = bench.registration.poll_timeout().expect("it goes on") - bench.now;
        assert!(again <= BACK_OFF, "a success starts it over: {again:?}");
        assert!(matches!(bench.registration.state(), RegistrationState::Registered { .. }));
    }
}

#[test]
fn a_registrar_that_names_a_time_is_left_alone_until_then() {
    let mut bench = Bench::new(4);
    bench.answered(503, &[(HeaderName::RetryAfter, "120 (upgrade)")]);
    assert!(bench.answered(200, &[]) >= Duration::from_secs(120));
}

#[test]
fn a_403_ends_it_and_a_wrong_password_makes_it_slow() {
    let mut bench = Bench::new(5);
    bench.answered(403, &[]);
    assert_eq!(bench.registration.state(), RegistrationState::Refused);
    assert_eq!(bench.registration.poll_timeout(), None);
    let mut bench = Bench::new(6);
    bench.answered(401, &[]);
    assert!(bench.answered(401, &[]) >= BACK_OFF_MAX / 2, "not ten guesses a minute");
}

#[test]
fn it_runs_out_where_nobody_answers_and_comes_back_soon_where_a_stream_broke() {
    let mut bench = Bench::new(7);
    bench.answered(200, &[(HeaderName::Expires, "60")]);
    let until = bench.now + MINUTE;
    bench.registration.handle_lost(bench.now);
    let at = bench.registration.poll_timeout().expect("it goes on");
    assert!(at <= bench.now + AGAIN_WITHIN);
    bench.now = at;
    bench.ask();
    bench.registration.handle_failure("no answer", bench.now);
    assert!(matches!(bench.registration.state(), RegistrationState::Registered { .. }));
    bench.registration.is_due(until);
    assert_eq!(bench.registration.state(), RegistrationState::Failing);
}

#[test]
fn it_is_removed_at_the_end_and_only_where_it_was_made() {
    let mut bench = Bench::new(8);
    assert!(!bench.registration.leave() && bench.registration.is_left());
    let mut bench = Bench::new(9);
    bench.answered(200, &[]);
    assert!(bench.registration.leave() && !bench.registration.is_left());
    let request = bench.registration.request(&ours());
    assert_eq!(request.headers.expires(), Ok(Some(0)));
    let gone = response(&request, 200, &[]);
    bench.registration.handle_response(&gone, 2, &ours(), bench.now);
    assert!(bench.registration.is_left() && bench.registration.poll_timeout().is_none());
}
