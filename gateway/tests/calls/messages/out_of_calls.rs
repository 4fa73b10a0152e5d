//! Messages out of calls: pages by either library, a phone, and a trunk.

use webtrunk_signalling::auth::digest::Algorithm;

use crate::sip::raw_phone::RawPhone;
use crate::support::browser::Browser;
use crate::support::gateway::{Gateway, GatewayConfig, password};
use crate::support::host::Host;
use crate::support::page::{Library, LineConfig, Page};

const USERS: [&str; 3] = ["alice", "bob", "carol"];

pub(super) fn config() -> GatewayConfig {
    let config = USERS.iter().fold(GatewayConfig::default(), |config, user| config.user(user));
    config.rule("destination = 'alice|bob|carol'\nactions = [{ bridge = { user = '$0' } }]")
}

fn open(browser: &Browser, gateway: &Gateway, user: &str, library: Library) -> Page {
    let page = browser.open();
    page.register(gateway, user, &LineConfig { library, ..LineConfig::default() });
    page
}

fn status(page: &Page) -> u64 {
    page.next("message answered")["status"].as_u64().expect("a status")
}

/// The parts of a message that came: its first line, and what it says.
pub(super) fn read(message: &str) -> (&str, &str) {
    let (head, body) = message.split_once("\r\n\r\n").expect("a head and a body");
    (head.lines().next().unwrap_or_default(), body)
}

#[test]
fn pages_and_a_phone_write_to_each_other() {
    let Some(browser) = Browser::shared() else { return };
    let gateway = Gateway::start(&config().origin(browser.origin()));
    let alice = open(&browser, &gateway, "alice", Library::Jssip);
    let bob = open(&browser, &gateway, "bob", Library::Sipjs);
    for (writer, name, reader, to) in [(&alice, "alice", &bob, "bob"), (&bob, "bob", &alice, "alice")] {
        writer.write(to, "Grüße 👋");
        let message = reader.next("message");
        assert_eq!((message["from"].as_str(), message["text"].as_str()), (Some(name), Some("Grüße 👋")));
        assert_eq!(status(writer), 200);
    }

    alice.write("carol", "are you there?");
    assert_eq!(status(&alice), 480, "nobody is registered");
    alice.write("nobody", "hello?");
    assert_eq!(status(&alice), 404);
    let host = Host::new();
    let mut carol = RawPhone::new(&host, &gateway, "carol");
    carol.register(Algorithm::Md5, &password("carol"), "");
    alice.write("carol", "there you are");
    let came = carol.receive();
    let (line, body) = read(&came);
    assert!(line.starts_with("MESSAGE sip:carol@") && came.contains("<sip:alice@"), "{came}");
    assert_eq!(body, "there you are");
    assert!(came.contains("Content-Type: text/plain") && came.contains("Max-Forwards: 68"), "{came}");
    carol.respond(&came, "486 Busy Here");
    assert_eq!(status(&alice), 486);

    let message =
        carol.request_with("MESSAGE", "sip:alice@webtrunk.test", "Content-Type: text/plain\r\n", "hi");
    let challenged = carol.ask_this(&message);
    assert!(challenged.starts_with("SIP/2.0 401 "), "a stranger writes to nobody: {challenged}");
    let request = ("MESSAGE", "sip:alice@webtrunk.test");
    let answer = carol.authorization(&challenged, Algorithm::Md5, &password("carol"), request);
    let headers = format!("Content-Type: text/plain\r\n{answer}");
    let message = carol.request_with("MESSAGE", request.1, &headers, "hi");
    let answered = carol.ask_this(&message);
    assert!(answered.starts_with("SIP/2.0 200 "), "{answered}");
    let message = alice.next("message");
    assert_eq!((message["from"].as_str(), message["text"].as_str()), (Some("carol"), Some("hi")));
    gateway.assert_all_is_over(0);
}

#[test]
fn a_message_reaches_every_device_of_whom_it_is_for() {
    let Some(browser) = Browser::shared() else { return };
    let gateway = Gateway::start(&config().origin(browser.origin()));
    let alice = open(&browser, &gateway, "alice", Library::Jssip);
    let devices = [Library::Jssip, Library::Sipjs].map(|library| open(&browser, &gateway, "bob", library));
    alice.write("bob", "to both");
    for device in &devices {
        assert_eq!(device.next("message")["text"], "to both");
    }
    assert_eq!(status(&alice), 200);
    assert!(alice.taken("message answered").is_empty(), "one answer for all");
    gateway.assert_all_is_over(0);
}

/// The trunk's phone, and alice's, at a gateway whose trunk has these lines.
fn at_trunk(lines: &str) -> (Gateway, RawPhone, RawPhone, [Host; 2]) {
    let hosts = [Host::new(), Host::new()];
    let config = config()
        .trunk("provider", &hosts[0], &["PCMU"])
        .last_trunk(lines)
        .rule("destination = '0.*'\nactions = [{ bridge = { trunk = 'provider', number = '$0' } }]")
        .rule("destination = 'alice'\nfrom_trunk = 'provider'\nactions = [{ bridge = { user = 'alice' } }]");
    let gateway = Gateway::start(&config);
    let provider = RawPhone::at_port(&hosts[0], 5060, &gateway, "0301234567");
    let mut alice = RawPhone::new(&hosts[1], &gateway, "alice");
    alice.register(Algorithm::Md5, &password("alice"), "");
    (gateway, provider, alice, hosts)
}

/// A MESSAGE of a user's with credentials.
pub(super) fn written_by(user: &str, phone: &mut RawPhone, uri: &str, body: &str) -> String {
    let text = "Content-Type: text/plain\r\n";
    let request = phone.request_with("MESSAGE", uri, text, body);
    let challenged = phone.ask_this(&request);
    let answer = phone.authorization(&challenged, Algorithm::Md5, &password(user), ("MESSAGE", uri));
    phone.request_with("MESSAGE", uri, &format!("{text}{answer}"), body)
}

#[test]
fn a_trunk_and_a_user_write_to_each_other_where_that_is_configured() {
    let (gateway, mut provider, mut alice, _hosts) = at_trunk("messages = true");
    let message = written_by("alice", &mut alice, "sip:0307654321@webtrunk.test", "short message");
    alice.send(&message);
    let came = provider.receive();
    let (line, body) = read(&came);
    assert!(line.starts_with("MESSAGE sip:0307654321@"), "{line}");
    assert_eq!(body, "short message");
    provider.respond(&came, "202 Accepted");
    let answered = alice.receive();
    assert!(answered.starts_with("SIP/2.0 202 "), "{answered}");

    let text = "Content-Type: text/plain\r\n";
    let message = provider.request_with("MESSAGE", "sip:alice@webtrunk.test", text, "from outside");
    provider.send(&message);
    let came = alice.receive();
    assert_eq!(read(&came).1, "from outside");
    assert!(came.contains("<sip:0301234567@"), "{came}");
    alice.respond(&came, "200 OK");
    let answered = provider.receive();
    assert!(answered.starts_with("SIP/2.0 200 "), "{answered}");
    gateway.assert_all_is_over(0);
}

#[test]
fn a_trunk_has_no_messages_unless_that_is_configured() {
    let (gateway, mut provider, mut alice, _hosts) = at_trunk("");
    let message = written_by("alice", &mut alice, "sip:0307654321@webtrunk.test", "short message");
    let answered = alice.ask_this(&message);
    assert!(answered.starts_with("SIP/2.0 403 "), "{answered}");
    let text = "Content-Type: text/plain\r\n";
    let message = provider.request_with("MESSAGE", "sip:alice@webtrunk.test", text, "from outside");
    let answered = provider.ask_this(&message);
    assert!(answered.starts_with("SIP/2.0 403 "), "{answered}");
    gateway.assert_all_is_over(0);
}

#[test]
fn what_is_too_long_of_no_known_type_or_too_much_is_refused() {
    let host = Host::new();
    let gateway = Gateway::start(&config().messages("octets_max = 2000\nper_second = 1"));
    let mut carol = RawPhone::new(&host, &gateway, "carol");
    carol.register(Algorithm::Md5, &password("carol"), "");
    let uri = "sip:carol@webtrunk.test";
    let ask = |carol: &mut RawPhone, media_type: &str, body: &str| {
        let challenged = carol.ask("MESSAGE", uri, "");
        let answer = carol.authorization(&challenged, Algorithm::Md5, &password("carol"), ("MESSAGE", uri));
        let headers = format!("Content-Type: {media_type}\r\n{answer}");
        let request = carol.request_with("MESSAGE", uri, &headers, body);
        carol.send(&request);
        carol.receive()
    };
    let long = "x".repeat(2001);
    let refused = ask(&mut carol, "text/plain", &long);
    assert!(refused.starts_with("SIP/2.0 513 "), "{refused}");
    let refused = ask(&mut carol, "image/png", "png");
    assert!(refused.starts_with("SIP/2.0 415 ") && refused.contains("Accept: text/plain"), "{refused}");
    // Longer than a datagram takes, and there is no other way to the phone (RFC 3428 8).
    let refused = ask(&mut carol, "text/plain", &"x".repeat(1500));
    assert!(refused.starts_with("SIP/2.0 513 "), "{refused}");
    let came = ask(&mut carol, "text/plain", "to myself");
    assert!(came.starts_with("MESSAGE "), "{came}");
    carol.respond(&came, "200 OK");
    let answered = carol.receive();
    assert!(answered.starts_with("SIP/2.0 200 "), "{answered}");
    let refused = (0..50).find_map(|_| {
        let came = ask(&mut carol, "text/plain", "one more");
        if came.starts_with("SIP/2.0 ") {
            return Some(came);
        }
        carol.respond(&came, "200 OK");
        assert!(carol.receive().starts_with("SIP/2.0 200 "));
        None
    });
    let refused = refused.expect("it is faster than it may be");
    assert!(refused.starts_with("SIP/2.0 503 ") && refused.contains("Retry-After: "), "{refused}");
    gateway.assert_all_is_over(0);
}

#[test]
fn what_may_be_written_is_what_the_configuration_says_that_was_taken_up_last() {
    let gateway = Gateway::start(&config().messages("types = ['text/x-note']"));
    let host = Host::new();
    let mut carol = RawPhone::new(&host, &gateway, "carol");
    let mut write = |content_type: &str| {
        let (method, to) = ("MESSAGE", "sip:alice@webtrunk.test");
        let content_type = format!("Content-Type: {content_type}\r\n");
        let message = carol.request_with(method, to, &content_type, "hi");
        let challenged = carol.ask_this(&message);
        let answer = carol.authorization(&challenged, Algorithm::Md5, &password("carol"), (method, to));
        let message = carol.request_with(method, to, &format!("{content_type}{answer}"), "hi");
        carol.ask_this(&message).split(' ').nth(1).map(str::to_owned).expect("a status")
    };
    // Whom nobody has registered gets it not, which is said after the type was looked at.
    let both = |write: &mut dyn FnMut(&str) -> String| [write("text/plain"), write("text/x-note")];
    assert_eq!(both(&mut write), ["415", "480"]);
    gateway.reload(|text| text.replace("types = ['text/x-note']", "types = ['text/plain']"));
    assert_eq!(both(&mut write), ["480", "415"]);
    let told = ["configuration changed", "settings", "messages"];
    assert_eq!(gateway.log().count(&told), 1, "{:?}", gateway.log().lines());
}
