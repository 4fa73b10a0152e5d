//! Bridges and menus: what rules may say of whom they call, and how they ask.

use webtrunk_engine::EndCause;
use webtrunk_signalling::adapter::{Origin, Party};
use webtrunk_signalling::routing::{Bridge, BridgeTarget, Decision, Query, Step};

use super::*;

/// A configuration with users alice, bob (both sales) and carol, trunks a and b, and a rule of these actions.
fn with(actions: &str) -> String {
    format!(
        "[[sip.listeners]]\ntransport = \"udp\"\nbind = \"127.0.0.1:0\"\n\
         [[users]]\nname = \"bob\"\nha1_md5 = \"{MD5}\"\ngroups = [\"sales\"]\n\
         [[users]]\nname = \"alice\"\nha1_md5 = \"{MD5}\"\ngroups = [\"sales\"]\n\
         [[users]]\nname = \"carol\"\nha1_md5 = \"{MD5}\"\n\
         [[trunks]]\nname = \"a\"\nhost = \"192.0.2.1\"\n[[trunks]]\nname = \"b\"\nhost = \"192.0.2.2\"\n\
         [[rules]]\nname = \"x\"\ndestination = \"9(.*)\"\nactions = [{actions}]\n"
    )
}

fn bridges(action: &str) -> Vec<Bridge> {
    let config = parse("w.toml", &with(action), &environment).expect("sound");
    let (origin, caller) = (Origin::User("carol".to_owned()), Party::default());
    let Decision::Run(plan) = config.rules.route(&Query::new(&origin, &caller, "9100")) else {
        panic!("it matches")
    };
    let bridge = |step| match step {
        Step::Bridge(bridge) => Some(bridge),
        _ => None,
    };
    plan.steps.into_iter().filter_map(bridge).collect()
}

#[test]
fn whom_a_bridge_calls_is_said_in_one_of_several_ways() {
    let rings = |action: &str| -> Vec<Vec<(String, u64)>> {
        let callees = |bridge: Bridge| {
            let callee = bridge.callees.into_iter().map(|callee| match callee.target {
                BridgeTarget::User(name) => (name, callee.ring_timeout.as_secs()),
                BridgeTarget::Trunk { trunk, .. } => (trunk.to_string(), callee.ring_timeout.as_secs()),
            });
            callee.collect()
        };
        bridges(action).into_iter().map(callees).collect()
    };
    let [alice, bob] = ["alice", "bob"].map(|name| (name.to_owned(), 30));
    assert_eq!(rings("{ bridge = { user = \"alice\" } }"), [[alice.clone()]]);
    assert_eq!(rings("{ bridge = { users = [\"alice\", \"bob\"] } }"), [[alice.clone(), bob.clone()]]);
    let in_turn = rings("{ bridge = { users = [\"alice\", \"bob\"], order = \"in_turn\" } }");
    assert_eq!(in_turn, [[alice.clone()], [bob.clone()]]);
    assert_eq!(rings("{ bridge = { group = \"sales\" } }"), [[bob, alice]], "in the order of the file");
    let ring = "ring = [{ user = \"alice\", ring_timeout_s = 5 }, { user = \"bob\" }], ring_timeout_s = 9";
    let each = [("alice".to_owned(), 5), ("bob".to_owned(), 9)];
    assert_eq!(rings(&format!("{{ bridge = {{ {ring} }} }}")), [each]);
    let trunks = rings("{ bridge = { trunks = [\"a\", \"b\"], number = \"$1\" } }");
    assert_eq!(trunks, [[("a".to_owned(), 30)], [("b".to_owned(), 30)]]);
}

#[test]
fn the_next_trunk_is_called_after_failures_of_the_trunk_unless_others_are_named() {
    let failures = |keys: &str| {
        let rounds =
            bridges(&format!("{{ bridge = {{ trunks = [\"a\", \"b\"], number = \"$1\" {keys} }} }}"));
        (rounds[1].only_after.clone(), rounds[0].progress_timeout.map(|time| time.as_secs()))
    };
    let (usual, progress) = failures("");
    let usual = usual.expect("some");
    assert!(usual.contains(&EndCause::GatewayFailure) && usual.contains(&EndCause::Overloaded));
    for decided in [EndCause::Busy, EndCause::Declined, EndCause::NotFound, EndCause::NoAnswer] {
        assert!(!usual.contains(&decided), "{decided:?} is the callee's word");
    }
    assert_eq!(progress, Some(12));
    let (named, progress) = failures(", failover = [\"busy\", \"not_found\"], progress_timeout_s = 3");
    assert_eq!(named.as_deref(), Some(&[EndCause::Busy, EndCause::NotFound][..]));
    assert_eq!(progress, Some(3));
}

#[test]
fn what_is_wrong_with_a_bridge_is_told() {
    let cases = [
        ("user = \"alice\", group = \"sales\"", "it is not clear whom this bridge calls; give it user"),
        ("trunk = \"a\", trunks = [\"b\"], number = \"1\"", "it is not clear whom this bridge calls"),
        ("user = \"alice\", number = \"1\"", "it is not clear whom this bridge calls"),
        ("group = \"nobody\"", "bridge.group = \"nobody\": no user is in this group, so nobody is called"),
        (
            "ring = [{ user = \"alice\", ring_timeout_s = 0 }]",
            "bridge.ring[0].ring_timeout_s = 0: leaves no time to answer",
        ),
        ("ring = [{ user = \"dave\" }]", "bridge.ring[0].user = \"dave\": no user has this name"),
        ("ring = []", "a bridge needs somebody to call"),
        (
            "user = \"alice\", order = \"random\"",
            "bridge.order = \"random\": is none of those that there are",
        ),
        (
            "trunk = \"a\", number = \"1\", order = \"in_turn\"",
            "bridge.order = \"in_turn\": is for users; take it out",
        ),
        (
            "trunk = \"a\", number = \"1\", weights = [1]",
            "weights, failover and progress_timeout_s are for several trunks",
        ),
        ("trunks = [\"a\", \"c\"], number = \"1\"", "bridge.trunks[1] = \"c\": no trunk has this name"),
        ("trunks = [\"a\", \"a\"], number = \"1\"", "bridge.trunks[1] = \"a\": is named twice; take one out"),
        (
            "trunks = [\"a\", \"b\"], weights = [1], number = \"1\"",
            "bridge.weights = [1]: does not fit the trunks",
        ),
        (
            "trunks = [\"a\", \"b\"], weights = [0, 0], number = \"1\"",
            "does not fit the trunks; write one for each",
        ),
        (
            "trunks = [\"a\", \"b\"], failover = [\"always\"], number = \"1\"",
            "is none of those that there are",
        ),
        (
            "trunks = [\"a\"], progress_timeout_s = 0, number = \"1\"",
            "progress_timeout_s = 0: leaves no time to ring",
        ),
        (
            "user = \"alice\", headers = { set = { Via = \"x\" } }",
            "Via is written by the gateway itself; leave it",
        ),
        (
            "user = \"alice\", headers = { remove = [\"l\"] }",
            "headers.remove[0] = \"l\": l is written by the gateway",
        ),
        (
            "user = \"alice\", headers = { set = { \"X Y\" = \"x\" } }",
            "\"X Y\" is no name of a header; write a name",
        ),
        (
            "user = \"alice\", headers = { set = { X-A = \"a\\nb\" } }",
            "holds a control character; write it in one",
        ),
        (
            "user = \"alice\", headers = { set = { s = \"a\" }, remove = [\"Subject\"] }",
            "is set and removed; take one",
        ),
        ("user = \"alice\", headers = { set = { X-A = \"$7\" } }", "\"$7\" refers at \"$7\" to no group"),
    ];
    for (keys, expected) in cases {
        let told = faults(&with(&format!("{{ bridge = {{ {keys} }} }}")));
        assert!(told.contains(expected), "{keys}:\n{told}");
    }
}

#[test]
fn what_is_wrong_with_a_menu_is_told() {
    let cases = [
        (
            "prompts = [\"announcement\"], keys = { x = [\"hangup\"] }",
            "\"x\" is no key of a phone; write one of 0-9",
        ),
        ("prompts = [\"announcement\"], keys = { 12 = [\"hangup\"] }", "\"12\" is no key of a phone"),
        ("prompts = [\"announcement\"], keys = {}", "a menu needs a key to choose; add to its keys"),
        ("prompts = [], keys = { 1 = [\"hangup\"] }", "\"play\" needs a prompt; name a file"),
        ("prompts = [\"none.wav\"], keys = { 1 = [\"hangup\"] }", "menu.prompts[0] = \"none.wav\": "),
        ("prompts = [\"announcement\"], keys = { 1 = [] }", "it has no action"),
        (
            "prompts = [\"announcement\"], keys = { 1 = [{ bridge = { user = \"dave\" } }] }",
            "bridge.user = \"dave\": no user has this name",
        ),
        (
            "prompts = [\"announcement\"], timeout_s = 61, keys = { 1 = [\"hangup\"] }",
            "menu.timeout_s = 61: is out of range; write 1 to 60 seconds",
        ),
        (
            "prompts = [\"announcement\"], repeats = 11, keys = { 1 = [\"hangup\"] }",
            "menu.repeats = 11: is out of range; write 0 to 10",
        ),
    ];
    for (keys, expected) in cases {
        let told = faults(&with(&format!("\"answer\", {{ menu = {{ {keys} }} }}")));
        assert!(told.contains(expected), "{keys}:\n{told}");
    }
    assert_eq!(
        faults(&with(
            "\"answer\", { menu = { prompts = [\"announcement\"], keys = { \"#\" = [\"echo\"] } } }"
        )),
        ""
    );
}
