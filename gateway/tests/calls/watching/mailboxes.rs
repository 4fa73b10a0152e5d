//! Message waiting: a trunk tells of mailboxes, and their owners' phones light a lamp.

use super::watcher::{Watcher, body};
use crate::sip::raw_phone::RawPhone;
use crate::sip::raw_phone::header;
use crate::support::gateway::{Gateway, GatewayConfig};
use crate::support::host::Host;

fn config(host: &Host, lines: &str) -> GatewayConfig {
    GatewayConfig::default()
        .user("alice")
        .user_lines("alice", "mailbox = \"4930123\"")
        .user("bob")
        .trunk("pbx", host, &["PCMU"])
        .last_trunk(lines)
}

const TELLS: &str = "Event: message-summary\r\nSubscription-State: active\r\n\
    Content-Type: application/simple-message-summary\r\n";

#[test]
fn what_a_trunk_tells_of_a_mailbox_is_told_to_its_owner() {
    let host = Host::new();
    let gateway = Gateway::start(&config(&host, "mailboxes = true"));
    let mut alice = Watcher::new(&gateway, "alice");
    let mut bob = Watcher::new(&gateway, "bob");
    let accepted = alice.subscribe("alice", "Event: message-summary\r\n");
    assert!(accepted.starts_with("SIP/2.0 200 "), "{accepted}");
    assert_eq!(body(&alice.told("200 OK")), "Messages-Waiting: no\r\n");
    let refused = bob.subscribe("alice", "Event: message-summary\r\n");
    assert!(refused.starts_with("SIP/2.0 403 "), "it is alice's: {refused}");

    let mut pbx = RawPhone::at_port(&host, 5060, &gateway, "voicemail");
    let mut tell = |mailbox: &str, summary: &str| {
        let notify = pbx.request_with("NOTIFY", &format!("sip:{mailbox}@webtrunk.test"), TELLS, summary);
        pbx.ask_this(&notify)
    };
    let told = tell(
        "4930123",
        "Messages-Waiting: yes\r\nMessage-Account: sip:x@pbx\r\nVoice-Message: 2/1 (0/0)\r\n",
    );
    assert!(told.starts_with("SIP/2.0 200 "), "{told}");
    let notify = alice.told("200 OK");
    assert_eq!(body(&notify), "Messages-Waiting: yes\r\nVoice-Message: 2/1 (0/0)\r\n");
    assert_eq!(header(&notify, "Content-Type"), "application/simple-message-summary");
    let unknown = tell("nobody", "Messages-Waiting: yes\r\n");
    assert!(unknown.starts_with("SIP/2.0 404 "), "{unknown}");
    let nonsense = tell("bob", "hello");
    assert!(nonsense.starts_with("SIP/2.0 400 "), "{nonsense}");
    let accepted = alice.subscribe("alice", "Event: message-summary;id=2\r\n");
    assert!(accepted.starts_with("SIP/2.0 200 "), "{accepted}");
    assert!(body(&alice.told("200 OK")).starts_with("Messages-Waiting: yes"), "it is remembered");
}

#[test]
fn without_a_trunk_that_tells_of_mailboxes_nobody_waits_for_one() {
    let host = Host::new();
    let gateway = Gateway::start(&config(&host, ""));
    let mut alice = Watcher::new(&gateway, "alice");
    let refused = alice.subscribe("alice", "Event: message-summary\r\n");
    assert!(
        refused.starts_with("SIP/2.0 489 ") && header(&refused, "Allow-Events") == "dialog, presence",
        "{refused}"
    );
    let mut pbx = RawPhone::at_port(&host, 5060, &gateway, "voicemail");
    let notify = pbx.request_with("NOTIFY", "sip:alice@webtrunk.test", TELLS, "Messages-Waiting: yes\r\n");
    let refused = pbx.ask_this(&notify);
    assert!(refused.starts_with("SIP/2.0 481 "), "{refused}");
}
