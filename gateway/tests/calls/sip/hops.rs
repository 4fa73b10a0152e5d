//! Trunks that are names: which hosts a call tries, in which order, for how long (RFC 3263).

use std::fs;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::raw_phone::RawPhone;
use super::sipp::Sipp;
use super::tones::Tones;
use crate::support::dns::{Dns, Fault, NXDOMAIN, SERVFAIL, Zone};
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE};
use crate::support::host::Host;
use crate::support::process::wait_until;
use crate::support::tools;

/// How long a silent host holds up a call (docs/SIP.md), and what a busy machine takes besides.
const SILENCE: Duration = Duration::from_secs(2);
const MACHINE: Duration = Duration::from_secs(3);

/// A host that answers every INVITE with 503 and wants to be left alone for so many seconds.
pub(super) struct Busy {
    pub(super) invites: Arc<AtomicUsize>,
    _stop: mpsc::Sender<()>,
}

impl Busy {
    pub(super) fn at(host: &Host, rest_s: u32) -> Self {
        let socket = UdpSocket::bind(host.at(5060)).expect("the host is ours");
        socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a time-out");
        let invites = Arc::new(AtomicUsize::new(0));
        let (stop, stopped) = mpsc::channel();
        let count = Arc::clone(&invites);
        std::thread::spawn(move || {
            let mut buffer = [0; 4000];
            while stopped.try_recv() != Err(mpsc::TryRecvError::Disconnected) {
                let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
                let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                if !text.starts_with("INVITE ") {
                    continue;
                }
                count.fetch_add(1, Ordering::Relaxed);
                let kept = ["Via:", "From:", "Call-ID:", "CSeq:"];
                let lines = text.lines().filter(|line| kept.iter().any(|name| line.starts_with(name)));
                let to = text.lines().find(|line| line.starts_with("To:")).expect("an INVITE has one");
                let mut refusal = format!("SIP/2.0 503 Service Unavailable\r\nRetry-After: {rest_s}\r\n");
                lines.for_each(|line| refusal += &format!("{line}\r\n"));
                refusal += &format!("{to};tag=busy\r\nContent-Length: 0\r\n\r\n");
                socket.send_to(refusal.as_bytes(), from).expect("loopback takes it");
            }
        });
        Self { invites, _stop: stop }
    }
}

/// Has the office call `number` and `at` answer; both hear each other. Returns how long the answer took.
pub(super) fn call(gateway: &Gateway, office: &Host, number: &str, at: (&Host, &Gateway)) -> Duration {
    let mut tones = Tones::at([office, at.0]);
    let callee = Sipp::callee(at.0, "callee_talks", &[]);
    let started = Instant::now();
    let caller = Sipp::caller(office, "caller_talks", gateway.sip(), number, &[]);
    caller.wait_for("200");
    let took = started.elapsed();
    tones.exchange((&caller, gateway.sip()), (&callee, at.1.sip()));
    caller.go_on();
    caller.finish();
    callee.finish();
    took
}

/// A gateway that calls `carrier.test`, of which the name server knows, for the office.
pub(super) fn between(office: &Host, dns: &Dns) -> Gateway {
    between_with(GatewayConfig::default(), office, dns)
}

/// The same with what a configuration has already.
fn between_with(config: GatewayConfig, office: &Host, dns: &Dns) -> Gateway {
    let config = config
        .sip(&dns.line())
        .trunk("office", office, &["PCMU"])
        .trunk_lines("name = 'carrier'\nhost = 'carrier.test'\ntransport = 'udp'\ncodecs = ['PCMU']")
        .rule(
            "destination = '9\\d+'\nfrom_trunk = 'office'\n\
             actions = [{ bridge = { trunk = 'carrier', number = '$0' } }]",
        );
    Gateway::start(&config)
}

/// The trunk's records lead to a dead host, one that refuses, one that has no time, and one that answers.
#[test]
fn a_call_finds_the_one_host_that_answers_and_the_next_call_finds_it_at_once() {
    if tools::command("sipp").is_none() {
        return;
    }
    let [names, office, dead, closed, busy, good] = std::array::from_fn(|_| Host::new());
    let mut zone = Zone::default();
    for (priority, (name, host)) in
        (10..).zip([("dead", &dead), ("closed", &closed), ("busy", &busy), ("good", &good)])
    {
        let name = format!("{name}.carrier.test");
        zone = zone.srv("_sip._udp.carrier.test", [priority, 0, 5060], &name).address(&name, host.ip());
    }
    let dns = Dns::serve(&names, zone);
    let silent = UdpSocket::bind(dead.at(5060)).expect("the host is ours");
    let refusing = Busy::at(&busy, 60);
    let gateway = between(&office, &dns);
    let took = call(&gateway, &office, "9100", (&good, &gateway));
    assert!(took >= SILENCE && took < SILENCE + MACHINE, "{took:?}");
    let mut invite = [0; 4000];
    silent.set_nonblocking(true).expect("a socket");
    assert!(silent.recv(&mut invite).is_ok_and(|length| invite[..length].starts_with(b"INVITE ")));
    let told = |what: &str| gateway.log().count(&["the call goes on at the next hop", what]);
    assert_eq!([told("Silent"), told("Unreachable"), told("Overloaded")], [1, 1, 1]);
    // Who was silent is tried last, and who wants a rest gets it.
    let took = call(&gateway, &office, "9100", (&good, &gateway));
    assert!(took < MACHINE, "{took:?}");
    assert_eq!(refusing.invites.load(Ordering::Relaxed), 1);
    gateway.assert_all_is_over(2);
}

/// Fails when a host that was given up hears of it that the caller gives up, or the one where it rings does not; and when
/// each host that was tried has a record.
#[test]
fn who_gives_up_behind_a_silent_host_is_heard_of_where_it_rings_and_has_one_record() {
    if tools::command("sipp").is_none() {
        return;
    }
    let [names, office, dead, good] = std::array::from_fn(|_| Host::new());
    let zone = Zone::default()
        .srv("_sip._udp.carrier.test", [10, 0, 5060], "dead.carrier.test")
        .srv("_sip._udp.carrier.test", [20, 0, 5060], "good.carrier.test")
        .address("dead.carrier.test", dead.ip())
        .address("good.carrier.test", good.ip());
    let (dns, folder) = (Dns::serve(&names, zone), TempDir::new().expect("a folder"));
    let lines = folder.path().join("calls.jsonl");
    let config = GatewayConfig::default().store(&folder.path().join("webtrunk.db")).records(&lines);
    let silent = UdpSocket::bind(dead.at(5060)).expect("the host is ours");
    let gateway = between_with(config, &office, &dns);
    let callee = Sipp::callee(&good, "callee_rings", &[]);
    Sipp::caller(&office, "caller_cancels", gateway.sip(), "9100", &[]).finish();
    callee.finish();
    gateway.assert_all_is_over(1);

    silent.set_nonblocking(true).expect("a socket");
    let (mut invites, mut message) = (0, [0; 4000]);
    while let Ok(length) = silent.recv(&mut message) {
        let text = String::from_utf8_lossy(&message[..length]);
        assert!(text.starts_with("INVITE "), "{text}");
        invites += 1;
    }
    assert!(invites > 0, "it was tried first");
    let records = || fs::read_to_string(&lines).unwrap_or_default();
    assert!(wait_until(PATIENCE, || records().ends_with('\n')), "no record");
    let records = records();
    let [record] = &records.lines().collect::<Vec<_>>()[..] else { panic!("one: {records}") };
    let record: Value = serde_json::from_str(record).expect("a record");
    assert_eq!((&record["end"]["cause"], &record["end"]["by"]), (&"cancelled".into(), &"caller".into()));
    assert_eq!((&record["talked_ms"], record["legs"].as_array().map(Vec::len)), (&0.into(), Some(2)));
}

/// A weight of 0 has its chance once in 65536 calls.
#[test]
fn of_two_hosts_of_one_priority_the_one_that_has_all_the_weight_is_called() {
    if tools::command("sipp").is_none() {
        return;
    }
    let [names, office, light, heavy] = std::array::from_fn(|_| Host::new());
    let zone = Zone::default()
        .srv("_sip._udp.carrier.test", [10, 0, 5060], "light.carrier.test")
        .srv("_sip._udp.carrier.test", [10, u16::MAX, 5060], "heavy.carrier.test")
        .address("light.carrier.test", light.ip())
        .address("heavy.carrier.test", heavy.ip());
    let dns = Dns::serve(&names, zone);
    let silent = UdpSocket::bind(light.at(5060)).expect("the host is ours");
    let gateway = between(&office, &dns);
    for _ in 0..3 {
        call(&gateway, &office, "9100", (&heavy, &gateway));
    }
    silent.set_nonblocking(true).expect("a socket");
    assert!(silent.recv(&mut [0; 1]).is_err(), "the light one was called");
    gateway.assert_all_is_over(3);
}

/// A gateway with a provider, another gateway, whose customer it is by its address.
fn with_provider(lines: &str, dns: &Dns, host: Host) -> (Gateway, Gateway, Host, Host) {
    let [office, network, own] = std::array::from_fn(|_| Host::new());
    let provider = GatewayConfig::default()
        .trunk("customer", &own, &["PCMU"])
        .trunk("network", &network, &["PCMU"])
        .rule(
            "destination = '9\\d+'\nfrom_trunk = 'customer'\n\
             actions = [{ bridge = { trunk = 'network', number = '100' } }]",
        );
    let provider = Gateway::start_at(host, &provider);
    let config = GatewayConfig::default()
        .sip(&dns.line())
        .trunk("office", &office, &["PCMU"])
        .trunk_lines(&format!("name = 'provider'\ncodecs = ['PCMU']\n{lines}"))
        .rule(
            "destination = '9\\d+'\nfrom_trunk = 'office'\n\
             actions = [{ bridge = { trunk = 'provider', number = '$0' } }]",
        );
    (Gateway::start_at(own, &config), provider, office, network)
}

/// The domain wants TCP, which only its NAPTR record says.
#[test]
fn a_trunk_without_a_transport_is_called_as_its_domain_says() {
    if tools::command("sipp").is_none() {
        return;
    }
    let [names, host] = [Host::new(), Host::new()];
    let zone = Zone::default()
        .naptr("provider.test", [10, 10], "SIP+D2T", "_sip._tcp.provider.test")
        .srv("_sip._tcp.provider.test", [10, 0, 5060], "edge.provider.test")
        .address("edge.provider.test", host.ip());
    let dns = Dns::serve(&names, zone);
    let (gateway, provider, office, network) = with_provider("host = 'provider.test'", &dns, host);
    call(&gateway, &office, "9100", (&network, &provider));
    assert_eq!(gateway.log().count(&["trunk found", "TCP:"]), 1);
    gateway.assert_all_is_over(1);
    provider.assert_all_is_over(1);
}

#[test]
fn a_call_over_tcp_goes_past_a_host_that_takes_no_stream() {
    if tools::command("sipp").is_none() {
        return;
    }
    let [names, closed, host] = std::array::from_fn(|_| Host::new());
    let zone = Zone::default()
        .srv("_sip._tcp.provider.test", [10, 0, 5060], "closed.provider.test")
        .srv("_sip._tcp.provider.test", [20, 0, 5060], "edge.provider.test")
        .address("closed.provider.test", closed.ip())
        .address("edge.provider.test", host.ip());
    let dns = Dns::serve(&names, zone);
    let lines = "host = 'provider.test'\ntransport = 'tcp'";
    let (gateway, provider, office, network) = with_provider(lines, &dns, host);
    let took = call(&gateway, &office, "9100", (&network, &provider));
    assert!(took < MACHINE, "a refusal takes no time: {took:?}");
    assert_eq!(gateway.log().count(&["the call goes on at the next hop", "Unreachable"]), 1);
    gateway.assert_all_is_over(1);
    provider.assert_all_is_over(1);
}

/// Answers have expired, and the name server is dead: the next call does not wait for it.
#[test]
fn a_trunk_is_found_where_it_was_while_no_name_server_answers() {
    if tools::command("sipp").is_none() {
        return;
    }
    let [names, host] = [Host::new(), Host::new()];
    let zone = Zone::default()
        .srv("_sip._udp.provider.test", [10, 0, 5060], "edge.provider.test")
        .address("edge.provider.test", host.ip())
        .kept_for(1);
    let dns = Dns::serve(&names, zone);
    let (gateway, provider, office, network) = with_provider("host = 'provider.test'", &dns, host);
    call(&gateway, &office, "9100", (&network, &provider));
    let _silent = dns.fall_silent();
    std::thread::sleep(Duration::from_millis(1500));
    let took = call(&gateway, &office, "9100", (&network, &provider));
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(gateway.log().count(&["the trunk is where it was found last"]), 1);
    gateway.assert_all_is_over(2);
}

/// A name server that does not get through to others says so at once, and knows all the while that the domain has no address
/// of its own: that is no reason to believe that there is no trunk.
#[test]
fn a_trunk_that_is_known_by_its_services_alone_is_found_where_it_was_while_name_servers_fail() {
    if tools::command("sipp").is_none() {
        return;
    }
    let [names, host] = [Host::new(), Host::new()];
    let zone = Zone::default()
        .srv("_sip._udp.provider.test", [10, 0, 5060], "edge.provider.test")
        .address("edge.provider.test", host.ip())
        .kept_for(1)
        .denials_kept_for(300);
    let dns = Dns::serve(&names, zone);
    assert_is_called_where_it_was(&dns, host, Zone::default().faulty("", Fault::Code(SERVFAIL)));
}

/// The domain's address, of its website say, is told all the while, and nobody is at it.
#[test]
fn a_trunk_is_found_where_it_was_served_while_its_domains_own_address_is_all_that_is_told() {
    if tools::command("sipp").is_none() {
        return;
    }
    let [names, website, host] = [Host::new(), Host::new(), Host::new()];
    let domain = || Zone::default().address("provider.test", website.ip()).kept_for(1);
    let zone = domain()
        .srv("_sip._udp.provider.test", [10, 0, 5060], "edge.provider.test")
        .address("edge.provider.test", host.ip());
    let dns = Dns::serve(&names, zone);
    let untold = |zone: Zone, of: &str| zone.faulty(&format!("{of}.provider.test"), Fault::Code(SERVFAIL));
    assert_is_called_where_it_was(&dns, host, ["_udp", "_tcp"].into_iter().fold(domain(), untold));
}

/// Fails unless a trunk at this host is called at once, too, when its names have changed to these and what was known is over.
fn assert_is_called_where_it_was(dns: &Dns, host: Host, later: Zone) {
    let (gateway, provider, office, network) = with_provider("host = 'provider.test'", dns, host);
    call(&gateway, &office, "9100", (&network, &provider));
    dns.change(later);
    std::thread::sleep(Duration::from_millis(1500));
    let took = call(&gateway, &office, "9100", (&network, &provider));
    assert!(took < SILENCE, "{took:?}");
    assert_eq!(gateway.log().count(&["the trunk is where it was found last"]), 1);
    gateway.assert_all_is_over(2);
}

/// What becomes of names: in each way a call to one fails in time, while two people talk, and others call without waiting.
#[test]
fn names_that_fail_in_whatever_way_cost_no_other_call_anything() {
    const FAULTS: [Fault; 4] = [Fault::Nothing, Fault::Garbage, Fault::Code(SERVFAIL), Fault::Code(NXDOMAIN)];
    if tools::command("sipp").is_none() {
        return;
    }
    let [names, office, network, others, far, branch] = std::array::from_fn(|_| Host::new());
    let zone = FAULTS.into_iter().enumerate();
    let zone = zone.fold(Zone::default(), |zone, (way, fault)| zone.faulty(&format!("way{way}.test"), fault));
    let dns = Dns::serve(&names, zone);
    let rule = |destination: &str, from: &str, trunk: &str| {
        format!(
            "destination = '{destination}'\nfrom_trunk = '{from}'\n\
             actions = [{{ bridge = {{ trunk = '{trunk}', number = '$0' }} }}]"
        )
    };
    let mut config = GatewayConfig::default().sip(&dns.line());
    for (name, host) in
        [("office", &office), ("network", &network), ("others", &others), ("far", &far), ("branch", &branch)]
    {
        config = config.trunk(name, host, &["PCMU"]);
    }
    config = config.rule(&rule("9\\d+", "office", "network")).rule(&rule("8\\d+", "others", "far"));
    for way in 0..FAULTS.len() {
        let trunk = format!("name = 'way{way}'\nhost = 'way{way}.test'\ncodecs = ['PCMU']");
        config = config.trunk_lines(&trunk).rule(&rule(&format!("70{way}"), "branch", &format!("way{way}")));
    }
    let gateway = Gateway::start(&config);

    let mut tones = Tones::at([&office, &network]);
    let callee = Sipp::callee(&network, "callee_talks", &[]);
    let caller = Sipp::caller(&office, "caller_talks", gateway.sip(), "9100", &[]);
    tones.exchange((&caller, gateway.sip()), (&callee, gateway.sip()));

    let refused = std::thread::scope(|scope| {
        let asking: [_; FAULTS.len()] = std::array::from_fn(|way| {
            let mut phone = RawPhone::new(&branch, &gateway, &format!("200{way}"));
            scope.spawn(move || {
                let begun = Instant::now();
                let refused = phone.ask("INVITE", &format!("sip:70{way}@webtrunk.test"), "");
                let took = begun.elapsed();
                phone.acknowledge(&refused);
                (refused, took)
            })
        });
        let took = call(&gateway, &others, "8100", (&far, &gateway));
        assert!(took < SILENCE, "others wait with them: {took:?}");
        asking.map(|asked| asked.join().expect("no panic"))
    });
    for ((refused, took), fault) in refused.iter().zip(FAULTS) {
        assert!(refused.starts_with("SIP/2.0 502 "), "{fault:?}: {refused}");
        assert!(*took < SILENCE + MACHINE, "{fault:?}: {took:?}");
    }
    tones.assert_exchanged();
    caller.go_on();
    caller.finish();
    callee.finish();
    gateway.assert_all_is_over(2 + FAULTS.len());
}

/// The failure is not kept: the first call after it succeeds.
#[test]
fn a_trunk_that_no_name_server_knew_is_called_as_soon_as_one_answers() {
    if tools::command("sipp").is_none() {
        return;
    }
    let [names, host] = [Host::new(), Host::new()];
    let provider_ip = host.ip();
    let zone = || Zone::default().address("provider.test", provider_ip);
    let dns = Dns::serve(&names, zone());
    let (gateway, provider, office, network) =
        with_provider("host = 'provider.test'\ntransport = 'udp'", &dns, host);
    let silent = dns.fall_silent();
    Sipp::caller(&office, "caller_refused", gateway.sip(), "9100", &[("STATUS", "502")]).finish();
    drop(silent);
    let _dns = Dns::serve(&names, zone());
    let took = call(&gateway, &office, "9100", (&network, &provider));
    assert!(took < MACHINE, "{took:?}");
    gateway.assert_all_is_over(2);
    provider.assert_all_is_over(1);
}

/// Fails when neither a query nor all of them together have an end (`QUERY_TIMEOUT`, `DEADLINE` of `resolver.rs`), or
/// another call waits with it.
#[test]
fn a_name_server_that_answers_garbage_or_nothing_costs_a_call_its_time_and_others_nothing() {
    if tools::command("sipp").is_none() {
        return;
    }
    let [names, office, network] = std::array::from_fn(|_| Host::new());
    let dns = Dns::serve(&names, Zone::garbage());
    let config = GatewayConfig::default()
        .sip(&dns.line())
        .trunk("office", &office, &["PCMU"])
        .trunk("network", &network, &["PCMU"])
        .trunk_lines("name = 'provider'\nhost = 'provider.test'\ncodecs = ['PCMU']")
        .rule("destination = '9\\d+'\nfrom_trunk = 'office'\nactions = [{ bridge = { trunk = 'provider', number = '$0' } }]")
        .rule("destination = '8\\d+'\nfrom_trunk = 'office'\nactions = [{ bridge = { trunk = 'network', number = '$0' } }]");
    let gateway = Gateway::start(&config);
    let fails_in_time = || {
        let begun = Instant::now();
        let values = &[("STATUS", "502")];
        Sipp::caller(&office, "caller_refused", gateway.sip(), "9100", values).finish();
        assert!(begun.elapsed() < SILENCE + MACHINE, "{:?}", begun.elapsed());
    };
    fails_in_time();
    let _silent = dns.fall_silent();
    fails_in_time();
    call(&gateway, &office, "8100", (&network, &gateway));
    gateway.assert_all_is_over(3);
}

/// RFC 3261 18.1.1: what is too long for a datagram goes over TCP; where nobody listens there, over UDP
/// all the same.
#[test]
fn a_long_invite_goes_over_tcp_where_the_trunk_takes_it() {
    if tools::command("sipp").is_none() {
        return;
    }
    let [names, host] = [Host::new(), Host::new()];
    let dns = Dns::serve(&names, Zone::default().address("provider.test", host.ip()));
    let lines = "host = 'provider.test'\nport = 5060\ntransport = 'udp'";
    let (gateway, provider, office, network) = with_provider(lines, &dns, host);
    let number = format!("9{}", "0".repeat(400));
    call(&gateway, &office, &number, (&network, &provider));
    let came = |kind: &str| provider.log().count(&["\"flow\":", kind, "call came in"]);
    assert!(wait_until(PATIENCE, || came("TCP:") == 1), "{}", provider.log().lines().join("\n"));
    gateway.assert_all_is_over(1);
    provider.assert_all_is_over(1);
    // sipp listens by UDP alone.
    let [office, carrier] = [Host::new(), Host::new()];
    let config = GatewayConfig::default()
        .trunk("office", &office, &["PCMU"])
        .trunk("carrier", &carrier, &["PCMU"])
        .rule(
            "destination = '9\\d+'\nfrom_trunk = 'office'\n\
             actions = [{ bridge = { trunk = 'carrier', number = '$0' } }]",
        );
    let gateway = Gateway::start(&config);
    let took = call(&gateway, &office, &number, (&carrier, &gateway));
    assert!(took < MACHINE, "a refusal takes no time: {took:?}");
    assert_eq!(gateway.log().count(&["nothing came by the stream"]), 1);
    gateway.assert_all_is_over(1);
}
