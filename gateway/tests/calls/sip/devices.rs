//! A phone behind a proxy is called along its path (RFC 3327), and one device of a user by an address of its own
//! (RFC 5627).

use std::time::Duration;

use tempfile::TempDir;
use webtrunk_signalling::auth::digest::Algorithm;

use super::raw_phone::RawPhone;
use super::sipp::{Sipp, Values};
use super::tones::{CALLEE_HZ, CALLER_HZ, Tones};
use crate::support::browser::Browser;
use crate::support::gateway::{Gateway, GatewayConfig, password};
use crate::support::host::Host;
use crate::support::page::{LineConfig, Microphone};
use crate::support::sound::PEAK_AT_10_DBM0;
use crate::support::tools;

const SIP_PORT: u16 = 5060;

const RULE: &str =
    "destination = 'alice'\nfrom_trunk = 'office'\nactions = [{ bridge = { user = 'alice' } }]";

/// A gateway that an office may call alice at, and the office.
pub(super) fn stage() -> Option<(Gateway, Host)> {
    stage_with(GatewayConfig::default())
}

/// The same with what a configuration has already.
fn stage_with(config: GatewayConfig) -> Option<(Gateway, Host)> {
    tools::command("sipp")?;
    let office = Host::new();
    let config = config.user("alice").trunk("office", &office, &["PCMU"]).rule(RULE);
    Some((Gateway::start(&config), office))
}

/// Registers alice at a host with these header lines; what answers there from now on is her phone. Gives the
/// answer.
pub(super) fn register(gateway: &Gateway, host: &Host, headers: &str) -> String {
    let mut alice = RawPhone::at_port(host, SIP_PORT, gateway, "alice");
    let answer = alice.register(Algorithm::Sha256, &password("alice"), &format!("Expires: 600\r\n{headers}"));
    assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    answer
}

/// Has the office call and alice's phone at `host` answer; both hear each other. Gives the INVITE.
pub(super) fn assert_call(
    stage: &(Gateway, Host),
    host: &Host,
    number: &str,
    values: Values<'_>,
) -> super::trace::Seen {
    assert_call_with(stage, (host, &[]), number, values)
}

/// The same, with what alice's phone is like.
fn assert_call_with(
    (gateway, office): &(Gateway, Host),
    (host, of_phone): (&Host, Values<'_>),
    number: &str,
    values: Values<'_>,
) -> super::trace::Seen {
    let mut tones = Tones::at([office, host]);
    let callee = Sipp::callee(host, "callee_talks", of_phone);
    let caller = Sipp::caller(office, "caller_talks", gateway.sip(), number, values);
    let invite = callee.wait_for("INVITE");
    tones.exchange((&caller, gateway.sip()), (&callee, gateway.sip()));
    caller.go_on();
    caller.finish();
    callee.finish();
    invite
}

/// Registers alice's phone, whose own address is one that nobody here can reach, through a proxy; gives the Path.
fn register_through(gateway: &Gateway, edge: &Host) -> String {
    let mut phone = RawPhone::at_port(edge, SIP_PORT, gateway, "alice");
    phone.show("10.255.255.254:5060");
    let path = format!("<sip:token@{};lr;ob>", edge.at(SIP_PORT));
    let headers = format!(
        "Via: SIP/2.0/UDP 10.255.255.254;branch=z9hG4bKphone\r\nSupported: path, outbound\r\nPath: {path}\r\n\
         Expires: 600\r\n"
    );
    let answer = phone.register(Algorithm::Md5, &password("alice"), &headers);
    assert!(
        answer.starts_with("SIP/2.0 200 ") && answer.contains(&format!("\r\nPath: {path}\r\n")),
        "{answer}"
    );
    path
}

/// The office calls, along the Path, and both hear each other.
fn assert_called_along(path: String, stage: &(Gateway, Host), edge: &Host) {
    let invite = assert_call(stage, edge, "alice", &[]);
    assert_eq!(invite.headers("Route"), [path]);
    assert!(invite.is_to("sip:alice@10.255.255.254:5060"), "{invite:?}");
    stage.0.assert_all_is_over(1);
}

#[test]
fn a_phone_behind_a_proxy_is_called_along_its_path_and_both_hear_each_other() {
    let Some(stage) = stage() else { return };
    let edge = Host::new();
    let path = register_through(&stage.0, &edge);
    assert_called_along(path, &stage, &edge);
}

/// By a kill, and by an orderly stop.
#[test]
fn a_phone_behind_a_proxy_is_called_along_its_path_after_a_restart_too() {
    let folder = TempDir::new().expect("a folder");
    let Some(mut stage) = stage_with(GatewayConfig::default().store(&folder.path().join("webtrunk.db")))
    else {
        return;
    };
    let edge = Host::new();
    let path = register_through(&stage.0, &edge);
    // Longer than the store collects what it writes at once.
    std::thread::sleep(Duration::from_millis(500));
    stage.0.kill_and_start_again();
    assert_called_along(path.clone(), &stage, &edge);
    stage.0.stop_and_start_again();
    assert_eq!(stage.0.log().count(&["\"registration\""]), 0, "nobody has registered since");
    assert_called_along(path, &stage, &edge);
}

/// Its Via, its contacts and its description name an address that nobody here can reach.
#[test]
fn a_phone_that_registered_from_behind_nat_is_called_and_both_hear_each_other() {
    let Some(stage) = stage() else { return };
    let door = Host::new();
    let mut phone = RawPhone::at_port(&door, SIP_PORT, &stage.0, "alice");
    phone.show("10.255.255.254:5060");
    let answer = phone.register(Algorithm::Md5, &password("alice"), "Expires: 600\r\n");
    assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    drop(phone);
    let inside = [("SHOWN", "10.255.255.254:5060"), ("RTP_HOST", "10.255.255.254")];
    let invite = assert_call_with(&stage, (&door, &inside), "alice", &[]);
    assert!(invite.is_to("sip:alice@10.255.255.254:5060"), "{invite:?}");
    stage.0.assert_all_is_over(1);
}

#[test]
fn a_first_hop_that_lacks_outbound_is_told_and_so_is_who_knows_no_path() {
    let (gateway, host) = (Gateway::start(&GatewayConfig::default().user("alice")), Host::new());
    let mut phone = RawPhone::new(&host, &gateway, "alice");
    let mut register = |headers: &str| {
        let via = "Via: SIP/2.0/UDP 10.255.255.254;branch=z9hG4bKphone\r\n";
        phone.register(Algorithm::Md5, &password("alice"), &format!("{via}{headers}"))
    };
    let unknown = register("Path: <sip:edge.example;lr>\r\n");
    assert!(
        unknown.starts_with("SIP/2.0 420 ") && unknown.contains("\r\nUnsupported: path\r\n"),
        "{unknown}"
    );
    // What a client may insist on.
    let required = register("Supported: path\r\nRequire: path, gruu\r\nPath: <sip:edge.example;lr>\r\n");
    assert!(required.starts_with("SIP/2.0 200 "), "{required}");
    let contact = "m: <sip:alice@10.0.0.1>;reg-id=1;+sip.instance=\"<urn:uuid:1>\"\r\n";
    let lacks = register(&format!("{contact}Supported: path, outbound\r\nPath: <sip:edge.example;lr>\r\n"));
    assert!(lacks.starts_with("SIP/2.0 439 First Hop Lacks Outbound Support\r\n"), "{lacks}");
}

/// The value of a parameter of the contact that names this instance.
pub(crate) fn gruu(answer: &str, instance: u8, name: &str) -> String {
    let contact = answer
        .lines()
        .find(|line| line.starts_with("Contact:") && line.contains(&format!("urn:uuid:{instance}")));
    let rest = contact.and_then(|line| line.split_once(&format!(";{name}=\""))).expect("it has one").1;
    rest.split('"').next().expect("its end").to_owned()
}

/// Alice has two phones; by its own address, public or temporary, the one is called and the other left alone.
#[test]
fn one_phone_of_a_user_is_called_by_its_own_address_and_the_other_is_left_alone() {
    let Some(stage) = stage() else { return };
    let [desk, mobile] = [Host::new(), Host::new()];
    let device = |instance: u8, host: &Host| {
        let contact =
            format!("m: <sip:alice@{}>;+sip.instance=\"<urn:uuid:{instance}>\"\r\n", host.at(SIP_PORT));
        format!("{contact}Supported: gruu\r\n")
    };
    register(&stage.0, &desk, &device(1, &desk));
    let answer = register(&stage.0, &mobile, &device(2, &mobile));
    let other = RawPhone::at_port(&desk, SIP_PORT, &stage.0, "alice");
    let public = gruu(&answer, 2, "pub-gruu");
    let (address, uri) = public.split_once(";gr=").expect("it names the device");
    assert_eq!((address, uri), ("sip:alice@webtrunk.test", "urn:uuid:2"));
    assert_call(&stage, &mobile, "alice", &[("URI", ";gr=urn:uuid:2")]);
    let temporary = gruu(&answer, 2, "temp-gruu");
    let hidden = temporary.strip_prefix("sip:").and_then(|rest| rest.split('@').next()).expect("a user part");
    assert!(!hidden.contains("alice"), "{temporary}");
    assert_call(&stage, &mobile, hidden, &[("URI", ";gr")]);
    assert!(other.is_left_alone());
    // A device that is not registered is out of reach, whatever else its user has.
    let values = [("URI", ";gr=urn:uuid:3"), ("STATUS", "480")];
    Sipp::caller(&stage.1, "caller_refused", stage.0.sip(), "alice", &values).finish();
    assert!(other.is_left_alone());
}

/// Alice has two pages open; bob calls the second one by its own address.
#[test]
fn one_page_of_a_user_is_called_by_its_own_address() {
    let Some(browser) = Browser::shared() else { return };
    let config = GatewayConfig::default()
        .origin(browser.origin())
        .user("alice")
        .user("bob")
        .rule("destination = 'alice'\nfrom_user = 'bob'\nactions = [{ bridge = { user = 'alice' } }]");
    let gateway = Gateway::start(&config);
    let line = |hz| LineConfig {
        microphone: Microphone::Tone { hz, peak: PEAK_AT_10_DBM0 },
        ..LineConfig::default()
    };
    let [first, second, bob] = std::array::from_fn(|_| browser.open());
    first.register(&gateway, "alice", &line(700.0));
    second.register(&gateway, "alice", &line(CALLEE_HZ));
    bob.register(&gateway, "bob", &line(CALLER_HZ));
    let address = second.device_address();
    assert!(address.starts_with("sip:alice@webtrunk.example;gr=urn:uuid:"), "{address}");
    assert_ne!(address, first.device_address());
    bob.call(&address);
    assert_eq!(second.next("incoming")["from"], "bob");
    second.answer();
    bob.next("confirmed");
    bob.await_tone(CALLEE_HZ);
    second.await_tone(CALLER_HZ);
    assert!(first.taken("incoming").is_empty());
    // Who was called knows itself by this address, and is hung up by it.
    bob.hangup();
    assert_eq!(second.next("ended")["by"], "remote");
    gateway.assert_all_is_over(1);
    gateway.stop();
}
