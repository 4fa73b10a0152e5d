use clap::Parser;
use tempfile::TempDir;

use super::*;
use crate::cli::{Cli, Command};

/// Users, two trunks that carry the same numbers, and rules that look at everything.
const TEXT: &str = r#"[http]
[sip_ws]
[[sip.listeners]]
transport = "udp"
bind = "127.0.0.1:0"
[media]
addresses = ["192.0.2.1"]
[[users]]
name = "alice"
ha1_md5 = "0123456789abcdef0123456789abcdef"
groups = ["sales"]
[[users]]
name = "bob"
ha1_md5 = "0123456789abcdef0123456789abcdef"
[[trunks]]
name = "first"
host = "198.51.100.7"
networks = ["198.51.100.7"]
codecs = ["PCMA", "PCMU"]
caller_id = "p-asserted-identity"
srtp = "require"
rewrite = [
  { number = "called", direction = "out", pattern = "\\+(.*)", to = "00$1" },
  { number = "caller", direction = "out", pattern = "alice", to = "4930" },
  { number = "called", direction = "in", pattern = "49(.*)", to = "0$1" },
]
[[trunks]]
name = "second"
host = "198.51.100.8"
port = 5070
codecs = ["opus"]
dtmf = "inband"
[[trunks]]
name = "third"
host = "198.51.100.9"
networks = ["198.51.100.9"]
[[rules]]
name = "at night"
destination = "0.*"
when = { days = ["mon-fri"], hours = ["22:00-06:00"], zone = "Europe/Berlin" }
actions = [{ reject = "busy" }]
[[rules]]
name = "inside"
destination = "0.*"
from_networks = ["10.0.0.0/8"]
actions = [{ reject = "busy" }]
[[rules]]
name = "by phone"
destination = "0.*"
from_listeners = ["udp"]
actions = [{ reject = "busy" }]
[[rules]]
name = "tenant"
destination = "0.*"
headers = [{ name = "X-Tenant", pattern = "acme-.*" }]
actions = [{ reject = "declined" }]
[[rules]]
name = "of bob"
destination = "0.*"
from_user = "bob"
actions = [{ reject = "busy" }]
[[rules]]
name = "out"
destination = "0(\\d+)"
from_groups = ["sales"]
actions = [{ bridge = { trunks = ["first", "second"], number = "+49$1", failover = ["busy"], headers = { set = { X-Number = "$1" } } } }]
[[rules]]
name = "in"
destination = "0(\\d+)"
from_trunk = "first|third"
actions = [{ bridge = { user = "bob", ring_timeout_s = 20 } }]
[[rules]]
name = "echo"
destination = "9196"
actions = ["answer", { wait_ms = 500 }, "echo"]
[[rules]]
name = "menu"
destination = "9200"
actions = ["answer", { menu = { prompts = ["announcement"], keys = { 1 = [{ bridge = { trunks = ["first", "second"], number = "1" } }] } } }, "hangup"]
[[rules]]
name = "drawn"
destination = "7(.*)"
actions = [{ bridge = { trunks = ["first", "second"], weights = [3, 1], number = "$1" } }]
[[rules]]
name = "tone"
destination = "9197"
actions = ["answer", { tone = { frequency_hz = 440, level_dbm0 = -10, duration_ms = 30000 } }, "hangup"]
"#;

fn arguments(words: &[&str]) -> ExplainArguments {
    let all = ["webtrunk", "explain"].into_iter().chain(words.iter().copied());
    match Cli::try_parse_from(all).unwrap_or_else(|error| panic!("{error}")).command {
        Command::Explain(arguments) => *arguments,
        other => panic!("{other:?}"),
    }
}

fn try_tell(words: &[&str]) -> Result<Report, String> {
    try_tell_of(TEXT, words)
}

fn try_tell_of(text: &str, words: &[&str]) -> Result<Report, String> {
    let arguments = arguments(words);
    let config = Config::parse("w.toml", text).unwrap_or_else(|error| panic!("{error}"));
    // A Thursday's noon in Berlin, unless something else is said.
    let noon = "2026-01-15T11:00:00Z".parse::<Timestamp>().expect("a moment");
    let at = SystemTime::try_from(arguments.at.unwrap_or(noon)).expect("it is in range");
    Report::new(&arguments, &config, "w.toml", at, Instant::now()).map_err(|error| error.to_string())
}

fn tell(words: &[&str]) -> Report {
    try_tell(words).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_rules_before_the_one_that_decides_say_with_their_lines_why_they_do_not() {
    let report = tell(&["--from", "alice", "--to", "0301"]);
    let told: Vec<_> = report
        .looked_at
        .iter()
        .map(|tried| format!("{} {}: {}", tried.line, tried.rule, tried.reason))
        .collect();
    assert_eq!(
        told,
        [
            "38 at night: when: it is thu 12:00 in Europe/Berlin, and it is for mon, tue, wed, thu, fri 22:00-06:00",
            "43 inside: from_networks: it is for calls from 10.0.0.0/8, and no --source is said",
            "48 by phone: from_listeners: the call comes to \"ws\", and it is for \"udp\"",
            "53 tenant: headers: the call has no X-Tenant",
            "58 of bob: from_user: \"alice\" does not match \"bob\"",
            "63 out: matches",
        ]
    );
    assert_eq!((report.decision.rule.as_deref(), report.decision.line), (Some("out"), Some(63)));
    for (words, rule) in [
        (&["--at", "2026-01-15T22:30:00+01:00"][..], "at night"),
        (&["--source", "10.1.2.3"], "inside"),
        (&["--listener", "udp"], "by phone"),
        (&["--header", "x-tenant: acme-7"], "tenant"),
    ] {
        let report = tell(&[&["--from", "alice", "--to", "0301"], words].concat());
        assert_eq!(report.decision.rule.as_deref(), Some(rule));
    }
    let busy = tell(&["--from", "alice", "--to", "0301", "--source", "10.1.2.3"]).decision;
    assert_eq!((busy.status, busy.reason.as_deref()), (Some(486), Some("busy")));
    let nobody = tell(&["--from", "bob", "--to", "5", "--header", "X-Tenant: other"]);
    assert_eq!((nobody.decision.rule, nobody.decision.status), (None, Some(404)));
    let out = &nobody.looked_at[5].reason;
    assert_eq!(out, "from_groups: user \"bob\" is in none of its groups");
}

#[test]
fn trunks_are_told_in_their_order_with_the_numbers_and_callers_that_they_are_shown() {
    let report = tell(&["--from", "alice", "--to", "0301"]);
    let [first, second] = &report.destinations[..] else { panic!("{:?}", report.destinations) };
    assert_eq!(first.request_uri.as_deref(), Some("sip:0049301@198.51.100.7"));
    assert_eq!((first.trunk.as_deref(), first.number.as_deref()), (Some("first"), Some("0049301")));
    assert!(first.from.starts_with("<sip:4930@"), "{}", first.from);
    let asserted = &first.identity[0];
    assert!(asserted.starts_with("P-Asserted-Identity: <sip:4930@"), "{asserted}");
    assert_eq!(first.headers, ["X-Number: 301"]);
    assert_eq!(first.codecs, ["PCMA", "PCMU"]);
    assert_eq!(second.request_uri.as_deref(), Some("sip:+49301@198.51.100.8:5070"));
    assert!(second.from.starts_with("<sip:alice@") && second.identity.is_empty(), "{second:?}");
    // Who fails is passed over.
    let next = tell(&["--from", "alice", "--to", "0301", "--failing", "first"]);
    let parties: Vec<_> = next.legs.iter().map(|leg| (leg.role, leg.party.as_str())).collect();
    assert_eq!(parties, [("caller", "user \"alice\""), ("callee", "trunk \"second\"")]);
    let drawn = tell(&["--from", "alice", "--to", "71"]);
    let note =
        "the order of the trunks is drawn for each call: \"first\" with weight 3, \"second\" with weight 1";
    assert!(drawn.decision.steps.iter().any(|step| step.starts_with(note)), "{:?}", drawn.decision.steps);
}

#[test]
fn the_trunks_of_a_customer_carry_its_users_calls_and_that_is_told() {
    let text = format!(
        "{TEXT}[[users]]\nname = \"acme+carol\"\nha1_md5 = \"0123456789abcdef0123456789abcdef\"\ngroups = [\"sales\"]\n\
         [[customers]]\nname = \"acme\"\ntrunks = [\"third\"]\n"
    );
    let told = |from: &str| {
        try_tell_of(&text, &["--from", from, "--to", "0301"]).unwrap_or_else(|error| panic!("{error}"))
    };
    let (hers, alices) = (told("acme+carol"), told("alice"));
    let trunks =
        |report: &Report| report.destinations.iter().filter_map(|one| one.trunk.clone()).collect::<Vec<_>>();
    assert_eq!(trunks(&hers), ["third"]);
    assert_eq!(trunks(&alices), ["first", "second"]);
    let is_told = |report: &Report| {
        let note = "the trunks are those of customers[].trunks of \"acme\"";
        report.decision.steps.iter().any(|step| step.starts_with(note))
    };
    assert!(is_told(&hers) && !is_told(&alices), "{:?}", hers.decision.steps);
}

#[test]
fn whether_calls_of_a_customers_users_are_recorded_is_told_where_no_rule_says_it() {
    let text = format!(
        "{TEXT}[[users]]\nname = \"acme+carol\"\nha1_md5 = \"0123456789abcdef0123456789abcdef\"\ngroups = [\"sales\"]\n\
         [[customers]]\nname = \"acme\"\nrecording = \"never\"\n"
    );
    for (from, is_told) in [("acme+carol", true), ("alice", false)] {
        let report =
            try_tell_of(&text, &["--from", from, "--to", "0301"]).unwrap_or_else(|error| panic!("{error}"));
        let note = "calls of users of customer \"acme\" are never recorded, by customers[].recording";
        assert_eq!(report.decision.steps.iter().any(|step| step == note), is_told, "{from}");
    }
}

#[test]
fn each_end_says_what_is_spoken_and_why() {
    let report = tell(&["--from", "alice", "--to", "0301"]);
    let [caller, callee] = &report.legs[..] else { panic!("{:?}", report.legs) };
    assert_eq!((caller.codec.as_deref(), callee.codec.as_deref()), (Some("opus"), Some("PCMA")));
    assert!(report.is_transcoded);
    let has = |sentences: &[String], words: &str| {
        assert!(sentences.iter().any(|sentence| sentence.contains(words)), "{words}: {sentences:#?}");
    };
    has(&caller.sentences, "It offers opus, G722, PCMU, PCMA.");
    has(&caller.sentences, "answered with opus, though the callee has PCMA: a browser is not lowered");
    has(&caller.sentences, "asked for narrow-band Opus");
    has(&caller.sentences, "DTLS-SRTP");
    has(
        &callee.sentences,
        "We offer PCMA, PCMU: codecs of trunk \"first\", in front what the caller offers too",
    );
    has(&callee.sentences, "transcoded to PCMA");
    has(&callee.sentences, "telephone-events (RFC 4733)");
    has(&callee.sentences, "with keys in the description: srtp of trunk \"first\" is \"require\"");
    assert!(callee.offer.contains("RTP/SAVP") && callee.offer.contains("a=crypto:"), "{}", callee.offer);
    assert!(caller.answer.as_ref().is_some_and(|answer| answer.contains("UDP/TLS/RTP/SAVPF")));

    // Opus to Opus passes; its keys are tones there.
    let report = tell(&["--from", "alice", "--to", "0301", "--failing", "first"]);
    let [caller, callee] = &report.legs[..] else { panic!("{:?}", report.legs) };
    assert!(!report.is_transcoded);
    has(&caller.sentences, "answered with opus, which the callee has");
    has(&callee.sentences, "passed on as it is, in opus");
    has(&callee.sentences, "tones in the voice: dtmf of trunk \"second\"");

    // A trunk's call to a browser, whose offer stays in our order.
    let report = tell(&["--trunk", "third", "--from", "4940", "--to", "030"]);
    let [caller, callee] = &report.legs[..] else { panic!("{:?}", report.legs) };
    assert_eq!((caller.codec.as_deref(), callee.codec.as_deref()), (Some("PCMU"), Some("opus")));
    has(&callee.sentences, "in our own order, since a browser keeps Opus where a phone calls it");
    has(&caller.sentences, "srtp of trunk \"third\" is \"forbid\"");
    let phone = tell(&["--trunk", "third", "--from", "4940", "--to", "030", "--contact", "phone"]);
    assert!(!phone.is_transcoded);

    // Nothing is called, and yet something is agreed on.
    let echo = tell(&["--from", "alice", "--to", "9196"]);
    assert_eq!(echo.legs.len(), 1);
    has(&echo.legs[0].sentences, "answered with opus, the best of ours that it offers");
    assert_eq!(
        echo.decision.steps,
        ["answers the call", "waits 500 ms", "sends the caller's audio back until it hangs up"]
    );
    // It is over by itself, and has been heard all the same.
    let tone = tell(&["--from", "alice", "--to", "9197"]);
    assert_eq!(tone.legs[0].sentences, echo.legs[0].sentences);
    assert_eq!((tone.legs[0].transport, tone.legs[0].codec.as_deref()), (Some("webrtc"), Some("opus")));
    let menu = tell(&["--from", "alice", "--to", "9200"]).decision.steps;
    assert!(menu[2].trim() == "key 1:" && menu[3].contains("\"1\" at trunk \"first\""), "{menu:#?}");
}

#[test]
fn who_proves_nothing_or_speaks_for_another_is_refused_at_the_door_as_in_calls() {
    let status = |words: &[&str]| tell(&[words, &["--to", "9196"]].concat()).decision.status;
    assert_eq!(status(&["--from", "alice", "--unauthenticated"]), Some(401));
    assert_eq!(status(&["--from", "alice", "--user", "bob"]), Some(403));
    assert_eq!(status(&["--from", "4930"]), Some(401));
    assert_eq!(status(&["--from", "alice", "--user", "alice"]), None);
    // A trunk is known by where it is, whoever calls.
    let report = tell(&["--from", "4930", "--source", "198.51.100.7", "--to", "4940"]);
    let call = report.call;
    assert_eq!((call.origin.as_deref(), call.destination.as_str()), (Some("trunk \"first\""), "040"));
    assert_eq!(report.decision.rule.as_deref(), Some("in"));
    for (words, fault) in [
        (
            &["--trunk", "nobody"][..],
            "--trunk nobody: no trunk has this name; there are first, second, third",
        ),
        (
            &["--trunk", "second"],
            "--trunk second: its calls do not come from 198.51.100.8; name one of its networks",
        ),
        (
            &["--trunk", "first", "--source", "198.51.100.9"],
            "a call from 198.51.100.9 is of trunk \"third\"; say another",
        ),
        (&["--user", "nobody"], "--user nobody: no user has this name; add it to [[users]]"),
        (&["--listener", "tls"], "--listener tls: no listener has this name; there are ws, udp"),
    ] {
        let told = try_tell(&[words, &["--from", "1", "--to", "2"]].concat()).expect_err("it is wrong");
        assert!(told.contains(fault), "{told}");
    }
    for header in ["X-Tenant", "X Tenant: 1", "From: <sip:a@b>"] {
        let words = ["webtrunk", "explain", "--from", "a", "--to", "b", "--header", header];
        assert!(Cli::try_parse_from(words).is_err(), "{header}");
    }
}

#[test]
fn a_call_that_the_door_refuses_is_told_with_who_called_what_and_why() {
    let text = |words: &[&str]| print::text(&tell(&[words, &["--to", "9196"]].concat()));
    assert_eq!(
        text(&["--from", "nobody"]),
        "caller \"nobody\" dials \"9196\"\n  to listener \"udp\" (taken, since none is said), from an address that is not said, \
         at 2026-01-15T11:00:00Z\n\nDecided at the door, before any rule:\n  the caller is refused with 401: Unauthorized: \
         it proves nothing, since no user of the configuration is named \"nobody\"; correct --from, or say whose call it is by \
         --user or --trunk\n"
    );
    let unproven =
        text(&["--from", "alice", "--unauthenticated", "--listener", "ws", "--source", "192.0.2.7"]);
    assert!(unproven.contains("\n  to listener \"ws\", from 192.0.2.7, at "), "{unproven}");
    assert!(unproven.ends_with(" 401: Unauthorized: it proves nothing\n"), "{unproven}");
    let json = serde_json::to_value(tell(&["--from", "nobody", "--to", "9196"])).expect("it can be told");
    assert_eq!((json["call"]["origin"].is_null(), &json["call"]["caller"]), (true, &"nobody".into()));
}

/// The callee's list is another for each trunk.
#[test]
fn a_header_is_told_to_go_along_where_both_lists_name_it() {
    let second = "name = \"second\"\n";
    let text = TEXT.replacen(second, &format!("{second}headers_allow = ['X-Tenant']\n"), 1).replacen(
        "[sip_ws]",
        "[sip]\nheaders_allow = ['X-*']\n[sip_ws]",
        1,
    );
    let said = ["--header", "X-Tenant: other", "--header", "X-Other: 1", "--header", "Subject: lunch"];
    let report = try_tell_of(&text, &[&["--from", "alice", "--to", "0301"][..], &said].concat());
    let report = report.expect("it is told");
    let told: Vec<_> = report.destinations.iter().map(|destination| destination.headers.join(", ")).collect();
    assert_eq!(told, ["X-Number: 301", "X-Number: 301, X-Tenant: other (goes along)"]);
}

/// Who is called is a page too there.
#[test]
fn where_browsers_come_by_the_json_api_alone_its_list_says_what_goes_along() {
    let user =
        |name: &str| format!("[[users]]\nname = '{name}'\nha1_md5 = '0123456789abcdef0123456789abcdef'\n");
    let text = format!(
        "[http]\n[json]\npasswords = true\nheaders_allow = ['X-*']\n[sip_ws]\nenabled = false\n\
         [media]\naddresses = ['192.0.2.1']\n{}{}\
         [[rules]]\nname = 'inside'\ndestination = 'bob'\nactions = [{{ bridge = {{ user = 'bob' }} }}]\n",
        user("alice"),
        user("bob"),
    );
    let words = ["--from", "alice", "--to", "bob", "--header", "X-Case: 4711"];
    let report = try_tell_of(&text, &words).expect("it is told");
    assert_eq!(report.destinations[0].headers, ["X-Case: 4711 (goes along)"]);
    assert_eq!(report.legs[1].transport, Some("webrtc"));
    let phone = try_tell_of(&text, &[&words[..], &["--contact", "phone"]].concat()).expect("it is told");
    assert!(phone.destinations[0].headers.is_empty(), "{:?}", phone.destinations[0].headers);
}

#[test]
fn a_call_by_the_json_api_is_told_by_the_same_rules_and_where_nothing_else_listens_it_is_meant() {
    let rule = "[[rules]]\nname = 'of a tenant'\ndestination = '0.*'\nfrom_listeners = ['json']\n\
                headers = [{ name = 'X-Tenant', pattern = 'acme-.*' }]\n\
                actions = [{ bridge = { trunk = 'second', number = '1' } }]\n\
                [[rules]]\nname = 'of pages'\ndestination = '0.*'\nfrom_listeners = ['json']\n\
                actions = [{ bridge = { user = 'bob' } }]\n";
    let json = "[json]\npasswords = true\nheaders_allow = ['X-T*']\n";
    let second = "name = \"second\"\n";
    let text = TEXT
        .replacen("[[rules]]", &format!("{rule}[[rules]]"), 1)
        .replacen(second, &format!("{second}headers_allow = ['X-Tenant']\n"), 1)
        .replacen("[sip_ws]", &format!("{json}[sip_ws]"), 1);
    let tell = |words: &[&str]| try_tell_of(&text, &[words, &["--to", "0301"]].concat());
    let page = ["--from", "alice", "--listener", "json"];
    let report = tell(&page).expect("it is told");
    let call = report.call;
    assert_eq!((call.origin.as_deref(), call.listener.as_str()), (Some("user \"alice\""), "json"));
    assert_eq!(report.decision.rule.as_deref(), Some("of pages"));
    assert_eq!(report.legs[0].codec.as_deref(), Some("opus"), "as a browser");
    let report = tell(&[&page[..], &["--header", "X-Tenant: acme-7"]].concat()).expect("it is told");
    assert_eq!(report.decision.rule.as_deref(), Some("of a tenant"));
    assert_eq!(report.destinations[0].headers, ["X-Tenant: acme-7 (goes along)"]);
    let of = |words: &[&str]| tell(words).map(|report| report.decision);
    assert_eq!(
        of(&["--from", "alice"]).expect("told").rule.as_deref(),
        Some("out"),
        "by SIP unless that is said"
    );
    let another =
        of(&["--from", "4930", "--listener", "json", "--user", "bob"]).expect("a token may name a number");
    assert_eq!((another.rule.as_deref(), another.status), (Some("of pages"), None));
    assert_eq!(of(&["--from", "4930", "--listener", "json"]).expect("told").status, Some(401));
    for (more, fault) in [
        (&["--trunk", "first"][..], "--trunk first: no trunk calls by the JSON API; say another --listener"),
        (
            &["--header", "X-Other: 1"],
            "--header X-Other: json.headers_allow does not name it; add it to that list, or say another --listener",
        ),
    ] {
        assert_eq!(of(&[&page[..], more].concat()).expect_err("it is wrong"), fault);
    }
    let told = of(&["--from", "alice", "--listener", "tls"]).expect_err("it is wrong");
    assert_eq!(told, "--listener tls: no listener has this name; there are ws, udp, json");
    let told = try_tell(&[&page[..], &["--to", "0301"]].concat()).expect_err("there is no JSON API");
    assert_eq!(told, "--listener json: no listener has this name; there are ws, udp");

    let alone = "[http]\n[json]\npasswords = true\n[sip_ws]\nenabled = false\n[media]\naddresses = ['192.0.2.1']\n\
                 [[users]]\nname = 'alice'\nha1_md5 = '0123456789abcdef0123456789abcdef'\n\
                 [[rules]]\nname = 'echo'\ndestination = '9196'\nactions = ['answer', 'echo']\n";
    let report = try_tell_of(alone, &["--from", "alice", "--to", "9196"]).expect("it is told");
    assert_eq!(report.call.listener, "json");
}

#[test]
fn a_description_of_ones_own_is_taken_and_one_that_cannot_be_read_is_named_with_line_and_cure() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("offer.sdp");
    let path = path.to_str().expect("a path of ASCII");
    let with = |text: &str| {
        std::fs::write(path, text).expect("the folder is ours");
        try_tell(&["--from", "alice", "--to", "0301", "--sdp", path, "--user", "alice"])
    };
    let sound = "v=0\no=- 1 1 IN IP4 192.0.2.9\ns=-\nc=IN IP4 192.0.2.9\nt=0 0\nm=audio 4000 RTP/AVP 8\n";
    // A description of a phone comes from a phone.
    let report = with(sound).expect("it is sound");
    let call = report.call;
    assert_eq!((call.listener.as_str(), report.decision.rule.as_deref()), ("udp", Some("by phone")));
    let foreign = with(&sound.replace("AVP 8", "AVP 18")).expect("it can be read");
    assert_eq!(foreign.decision.status, Some(486), "the rule is asked first");
    for (text, place, cure) in [
        ("INVITE sip:a@b SIP/2.0\n", ":1: \"INVITE sip:a@b SIP/2.0\": ", "; write each line as x=value"),
        (&sound.replace("v=0\n", ""), ":1: ", "; begin the file with v=0"),
        (&sound.replace("m=audio 4000", "m=audio x"), ":6: \"m=audio x RTP/AVP 8\": ", "; correct its value"),
    ] {
        let told = with(text).expect_err("it is faulty");
        assert!(told.starts_with(&format!("{path}{place}")) && told.contains(cure), "{told}");
    }
    let told = try_tell(&["--from", "alice", "--to", "1", "--sdp", "/nowhere.sdp"]).expect_err("no file");
    assert!(told.starts_with("--sdp /nowhere.sdp: cannot be read: "), "{told}");
}

/// The demo takes any free port for browsers, and has a user for each page.
#[test]
fn a_call_of_the_demo_is_told_as_one_between_two_browsers() {
    let (config, _) = Demo::new(DemoAddresses::default(), vec!["192.0.2.1".parse().expect("an address")]);
    let arguments = arguments(&["--from", "alice", "--to", "bob"]);
    let report = Report::new(&arguments, &config, "the demo", SystemTime::UNIX_EPOCH, Instant::now());
    let report = report.unwrap_or_else(|error| panic!("{error}"));
    let codecs: Vec<_> = report.legs.iter().map(|leg| leg.codec.as_deref()).collect();
    assert_eq!((codecs, report.is_transcoded), (vec![Some("opus"); 2], false));
    assert_eq!((report.decision.rule.as_deref(), report.decision.status), (Some("users"), None));
    assert_eq!(report.destinations[0].user.as_deref(), Some("bob"));
}

#[test]
fn text_and_json_say_the_same() {
    let report = tell(&["--from", "alice", "--to", "0301"]);
    let text = print::text(&report);
    for part in [
        "user \"alice\" (\"alice\") dials \"0301\"\n  to listener \"ws\" (taken, since none is said), from an address that is not said, at 2026-01-15T11:00:00Z",
        "\n  w.toml:53: \"tenant\": headers: the call has no X-Tenant\n",
        "\nDecided by \"out\" (w.toml:63):\n",
        "\n  1. sip:0049301@198.51.100.7 at trunk \"first\"\n",
        "\nThe callee, trunk \"first\", over srtp, PCMA:\n  - We offer ",
        "\n  our offer:\n    v=0\n",
        "\nVoice is transcoded between the two.\n",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let json = serde_json::to_value(&report).expect("it can be told");
    assert_eq!(json["decision"]["line"], 63);
    assert_eq!(json["destinations"][0]["number"], "0049301");
    assert_eq!(json["legs"][1]["codec"], "PCMA");
}
