//! What is wrong with a scenario is told by line, and with its cure.

use std::path::Path;
use std::time::Duration;

use crate::agent::own_address;
use crate::scenario::{Doing, EXAMPLE, Kind, Scenario, ScenarioError, Silence, Talk};

fn sound() -> String {
    EXAMPLE.replace("password_file = \"alice.txt\"", "password = \"secret\"")
}

/// The faults of the example with one text in place of another, each as it is shown.
fn faults(from: &str, to: &str) -> Vec<String> {
    let text = sound();
    assert!(text.contains(from), "{from} is not in the example");
    match Scenario::parse(Path::new("it.toml"), &text.replacen(from, to, 1)) {
        Err(ScenarioError::Faulty { faults, .. }) => faults.iter().map(ToString::to_string).collect(),
        Err(error) => panic!("{error}"),
        Ok(_) => Vec::new(),
    }
}

fn line_of(text: &str) -> usize {
    sound().lines().position(|line| line.contains(text)).expect("in the example") + 1
}

#[test]
fn a_sound_scenario_is_what_it_says() {
    let scenario = Scenario::parse(Path::new("it.toml"), &sound()).expect("sound");
    assert_eq!((scenario.calls, scenario.at_once, scenario.populations.len()), (20, 10, 2));
    assert_eq!(scenario.populations[0].kind, Kind::Webrtc);
    assert!(scenario.populations[0].registers && !scenario.populations[1].registers);
    let traffic = &scenario.traffic[0];
    assert_eq!((traffic.name.as_str(), traffic.steps.len()), ("browsers to phone", 2));
    assert_eq!(traffic.destination_of(0, 42, "nobody"), "700042");
}

#[test]
fn every_mistake_is_told_by_its_line_with_a_cure() {
    for (from, to, key, problem, cure) in [
        ("calls = 20", "calls = 0", "limits.calls", "0 is out of bounds", "give 1 to 1000000"),
        (
            "seconds = 20",
            "seconds = 1e9",
            "limits.seconds",
            "1000000000 is out of bounds",
            "give 0.1 to 86400",
        ),
        (
            "to = \"phone\"",
            "to = \"phones\"",
            "traffic[0].to",
            "there are no agents \"phones\"",
            "name one of browsers, phone",
        ),
        (
            "from = \"browsers\"",
            "from = \"phone\"",
            "traffic[0].from",
            "\"phone\" never calls",
            "role = \"both\"",
        ),
        (
            "\"7{call}\"",
            "\"7000\"",
            "traffic[0].destination",
            "does not tell which call",
            "put {call} into it",
        ),
        ("poisson = 2.0", "poisson = 0", "traffic[0].arrival", "0 is out of bounds", "give 0.001 to 1000"),
        (
            "min = 5.0, max = 8.0",
            "min = 9.0, max = 8.0",
            "traffic[0].length",
            "min is greater",
            "exchange them",
        ),
        (
            "digits = \"12#\"",
            "digits = \"12x\"",
            "traffic[0].steps[0]",
            "\"12x\" are no digits",
            "0-9 * # A-D",
        ),
        (
            "after = 3.0, hold = 1.0",
            "after = 0.5, hold = 1.0",
            "traffic[0].steps[1]",
            "is earlier",
            "in their order",
        ),
        (
            "after = 3.0, hold = 1.0",
            "after = 3.0",
            "traffic[0].steps[1]",
            "says nothing to do",
            "write one of digits",
        ),
        ("after = 3.0", "after = 30.0", "traffic[0].steps[1]", "never comes", "no call is longer than 8 s"),
        ("\"127.0.0.1:5060\"", "\"localhost\"", "", "", ""),
        (
            "sip_ws = \"ws://127.0.0.1:8080/sip\"",
            "sip_ws = \"http://x\"",
            "target.sip_ws",
            "is no address of a server",
            "write it as",
        ),
        (
            "register = true",
            "network = { jitter_ms = 9000 }",
            "agents[0].network.jitter_ms",
            "9000 is out of bounds",
            "give 0 to 2000",
        ),
        (
            "register = true",
            "network = { rebinds_seconds = 0.2 }",
            "agents[0].network.rebinds_seconds",
            "0.2 is out of bounds",
            "give 1 to 3600",
        ),
        ("name = \"phone\"", "name = \"browsers\"", "agents[1].name", "stands there twice", "take another"),
        (
            "register = true",
            "register = true\ntransport = \"tcp\"",
            "agents[0].transport",
            "is for phones",
            "take it out",
        ),
        ("transport = \"udp\"", "transport = \"tls\"", "agents[1]", "has nowhere to go", "add sip_tls"),
    ] {
        let found = faults(from, to);
        if key.is_empty() {
            // A phone that only answers needs no server, but one that is given must be one.
            assert!(found.iter().any(|it| it.contains("target.sip: is no address of a server")), "{found:?}");
            continue;
        }
        let expected = format!(": {key}: ");
        let of_key = found.iter().find(|it| it.contains(&expected));
        let of_key = of_key.unwrap_or_else(|| panic!("{key} is not in {found:?}"));
        assert!(of_key.contains(problem) && of_key.contains(cure), "{of_key}");
    }
}

#[test]
fn the_line_is_that_of_the_mistake_and_all_of_them_are_told_at_once() {
    let found = faults("calls = 20", "calls = 0");
    assert!(found[0].starts_with(&format!("{}: ", line_of("calls = 20"))), "{found:?}");
    let text = sound().replace("calls = 20", "calls = 0").replace("poisson = 2.0", "poisson = 0");
    let Err(ScenarioError::Faulty { faults, .. }) = Scenario::parse(Path::new("it.toml"), &text) else {
        panic!("two mistakes")
    };
    let lines: Vec<_> = faults.iter().map(|fault| fault.line).collect();
    assert_eq!(lines, [line_of("calls = 20"), line_of("poisson = 2.0")]);
}

#[test]
fn a_word_that_is_not_known_is_told_with_those_that_are() {
    let found = faults("role = \"caller\"", "role = \"callers\"");
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with(&format!("{}: ", line_of("role = \"caller\""))), "{found:?}");
    assert!(found[0].contains("`caller`"), "{found:?}");
    let found = faults("setup_seconds = 30", "setup_second = 30");
    assert!(found[0].contains("unknown field `setup_second`; write one of"), "{found:?}");
}

#[test]
fn secrets_are_of_one_kind_and_are_there() {
    let found = faults("password = \"secret\"", "password = \"secret\", password_env = \"X\"");
    assert!(found[0].contains("more than one password"), "{found:?}");
    let found = faults("password = \"secret\"", "password_file = \"nowhere.txt\"");
    assert!(found[0].contains("nowhere.txt cannot be read"), "{found:?}");
    let found = faults("user = \"alice\", password = \"secret\"", "user = \"alice\"");
    assert!(found[0].contains("nobody can without a password"), "{found:?}");
}

#[test]
fn who_is_called_over_tls_has_to_register() {
    let found = faults("transport = \"udp\"", "transport = \"tls\"");
    let deaf = "agents[1]: over TLS is called along the connection that it registered by; give accounts";
    assert!(found.iter().any(|it| it.contains(deaf)), "{found:?}");
}

/// Events of the JSON API say who calls, and not what was dialled.
#[test]
fn a_page_that_answers_is_called_by_its_users_name() {
    let found = faults("kind = \"phone\"", "kind = \"json\"");
    let told = "traffic[0].destination: pages are not told which number was dialled; let it be \"{user}\"";
    assert!(found.iter().any(|it| it.contains(told)), "{found:?}");
}

#[test]
fn destinations_are_taken_in_turn_and_each_is_looked_at() {
    let text = sound().replace("\"7{call}\"", "[\"7{call}\", \"8{call}\"]");
    let scenario = Scenario::parse(Path::new("it.toml"), &text).expect("sound");
    let traffic = &scenario.traffic[0];
    let dialled: Vec<_> = (0..3).map(|turn| traffic.destination_of(turn, turn, "")).collect();
    assert_eq!(dialled, ["700000", "800001", "700002"]);
    let found = faults("\"7{call}\"", "[\"7{call}\", \"8\"]");
    assert!(
        found.iter().any(|it| it.contains("traffic[0].destination: does not tell which call")),
        "{found:?}"
    );
    let found = faults("\"7{call}\"", "[]");
    assert!(
        found.iter().any(|it| it.contains("traffic[0].destination: is empty; say whom to call")),
        "{found:?}"
    );
    let found = faults("\"7{call}\"", "7");
    let line = line_of("\"7{call}\"");
    assert!(found[0].starts_with(&format!("{line}: a destination is a text or a list of them")), "{found:?}");
}

#[test]
fn a_list_of_accounts_has_passwords_for_all_or_for_nobody() {
    let list = |more: &str| format!("list = [{{ user = \"a\"{more} }}, {{ user = \"b\" }}]");
    let all = "user = \"alice\", password = \"secret\" }\nregister = true";
    let text = sound().replacen(all, &format!("{} }}", list("")), 1);
    let scenario = Scenario::parse(Path::new("it.toml"), &text).unwrap_or_else(|error| panic!("{error}"));
    let population = &scenario.populations[0];
    assert_eq!((population.accounts.user(1), population.has_password), ("b".to_owned(), false));
    let found = faults(all, &format!("{} }}", list(", password = \"x\"")));
    assert!(found[0].contains("b: has no password"), "{found:?}");
}

#[test]
fn who_talks_when_is_read_and_what_makes_no_sense_is_told() {
    let with = |lines: &str| format!("hangs_up = \"caller\"\n{lines}");
    let text = sound().replacen("hangs_up = \"caller\"", &with("talk = \"caller\"\nsilence = \"noise\""), 1);
    let scenario = Scenario::parse(Path::new("it.toml"), &text).unwrap_or_else(|error| panic!("{error}"));
    let traffic = &scenario.traffic[0];
    assert_eq!((traffic.talk, traffic.silence), (Talk::Caller, Silence::Noise));
    assert!(scenario.populations.iter().all(|it| it.takes_noise), "both ends are to");
    assert!(
        !Scenario::parse(Path::new("it.toml"), &sound()).expect("sound").populations[0].takes_noise,
        "nobody is silent"
    );
    for (lines, expected) in [
        ("talk = { turns = { fixed = 0.01 } }", "traffic[0].talk: 0.01 is out of bounds; give 0.1 to 3600"),
        (
            "talk = { turns = { uniform = { min = 3, max = 1 } } }",
            "traffic[0].talk: min is greater than max; exchange them",
        ),
        ("silence = \"unsent\"", "traffic[0].silence: nobody is silent; give talk as well"),
        ("talk = \"nobody\"", "unknown variant `nobody`; write one of `both`, `caller`"),
    ] {
        let found = faults("hangs_up = \"caller\"", &with(lines));
        assert!(found.iter().any(|it| it.contains(expected)), "{found:?}");
    }
    let found = faults("to = \"phone\"", "talk = \"answerer\"");
    assert!(
        found.iter().any(|it| it.contains("traffic[0].talk: nobody of ours answers; name who")),
        "{found:?}"
    );
}

#[test]
fn a_score_that_no_call_could_have_is_no_threshold() {
    let expected =
        "thresholds.opinion_p5_min: no call speaks and is scored; give [speech], and calls of 3.5 s";
    let asks = "[thresholds]\nopinion_p5_min = 3.0";
    let found = faults("[thresholds]", asks);
    assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
    // Something happens in its calls after a second.
    let speech = Path::new(env!("CARGO_MANIFEST_DIR")).join("../gateway/assets/announcement.wav");
    let asks = format!("[speech]\nfile = {speech:?}\n{asks}");
    let found = faults("[thresholds]", &asks);
    assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
    let later = sound().replacen("after = 1.0", "after = 4.0", 1).replacen("after = 3.0", "after = 4.5", 1);
    let text = later.replacen("[thresholds]", &asks, 1);
    let scenario = Scenario::parse(Path::new("it.toml"), &text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(scenario.thresholds.opinion_p5_min, Some(3.0));
}

#[test]
fn digits_that_never_come_or_come_back_are_no_threshold() {
    let asks = |key: &str| format!("[thresholds]\n{key} = 100.0");
    let (way, back) = ("digit_way_p95_ms_max", "digit_round_trip_p95_ms_max");
    assert!(faults("[thresholds]", &asks(way)).is_empty(), "the phone hears them");
    let found = faults("[thresholds]", &asks(back));
    let expected = "thresholds.digit_round_trip_p95_ms_max: no digit comes back; give steps in which";
    assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
    let returning = sound().replacen("rings_seconds = 0.2", "digits = \"return\"", 1);
    let text = returning.replacen("[thresholds]", &asks(back), 1);
    let scenario = Scenario::parse(Path::new("it.toml"), &text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(scenario.thresholds.digit_round_trip_p95_ms_max, Some(100.0));
    assert!(scenario.populations[1].returns_digits && !scenario.populations[0].returns_digits);
    let echoed = sound().replacen("to = \"phone\"", "", 1).replacen(", by = \"answerer\"", "", 1);
    for (key, is_sound) in [(back, true), (way, false)] {
        let parsed = Scenario::parse(Path::new("it.toml"), &echoed.replacen("[thresholds]", &asks(key), 1));
        assert_eq!(parsed.is_ok(), is_sound, "{key}: {parsed:?}");
    }
    let found = faults("register = true", "register = true\ndigits = \"return\"");
    assert!(found.iter().any(|it| it.contains("agents[0].digits: nobody of them answers")), "{found:?}");
    let found = faults("rings_seconds = 0.2", "digits = \"returned\"");
    assert!(found[0].contains("unknown variant `returned`; write one of `hear`"), "{found:?}");
}

/// Events of the JSON API say no times.
#[test]
fn pages_hear_no_digits_that_could_be_timed_or_returned() {
    let page = "kind = \"json\"\nrole = \"answerer\"\n";
    let found = faults("kind = \"phone\"\nrole = \"answerer\"\n", &format!("{page}digits = \"return\"\n"));
    let told = "agents[1].digits: pages are told of digits by events, and hear none; take it out";
    assert!(found.iter().any(|it| it.contains(told)), "{found:?}");
    let returning = sound().replacen("rings_seconds = 0.2", "digits = \"return\"", 1);
    let (callers, answerers) = ("kind = \"webrtc\"", "kind = \"phone\"\nrole = \"answerer\"\n");
    for (key, pages, is_judged) in [
        ("digit_round_trip_p95_ms_max", callers, false),
        ("digit_way_p95_ms_max", callers, true),
        ("digit_way_p95_ms_max", answerers, false),
    ] {
        let text = returning.replacen("[thresholds]", &format!("[thresholds]\n{key} = 100.0"), 1);
        let text = text.replacen(pages, &pages.replace("webrtc", "json").replace("phone", "json"), 1);
        let told = match Scenario::parse(Path::new("it.toml"), &text) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        };
        assert_eq!(!told.contains(&format!("thresholds.{key}: ")), is_judged, "{key} {pages}: {told}");
    }
}

#[test]
fn who_has_no_websocket_loses_none() {
    let found = faults("hold = 1.0, by = \"answerer\"", "ws_drop = 1.0, by = \"answerer\"");
    let expected = "traffic[0].steps[1].ws_drop: phones have no WebSocket; let agents of kind \"webrtc\"";
    assert!(found.iter().any(|it| it.contains(expected)), "{found:?}");
    let found = faults("hold = 1.0, by = \"answerer\"", "ws_drop = 1000");
    let expected = "traffic[0].steps[1]: 1000 is out of bounds; give 0 to 300";
    assert!(found.iter().any(|it| it.contains(expected)), "{found:?}");
    let text = sound().replacen("hold = 1.0, by = \"answerer\"", "ws_drop = 0.5", 1);
    let scenario = Scenario::parse(Path::new("it.toml"), &text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(scenario.traffic[0].steps[1].doing, Doing::DropWebSocket(Duration::from_millis(500)));
}

#[test]
fn a_phone_of_which_nothing_is_said_is_where_it_reaches_its_server() {
    let bind_of = |server: &str| {
        let text = format!(
            "[limits]\ncalls = 1\nseconds = 1\n[target]\nsip = \"{server}\"\n\
             [[agents]]\nname = \"callers\"\nkind = \"phone\"\nrole = \"caller\"\n\
             [[traffic]]\nfrom = \"callers\"\ndestination = \"1\"\narrival = {{ constant = 1 }}\nlength = {{ fixed = 4 }}\n"
        );
        let scenario = Scenario::parse(Path::new("it.toml"), &text).unwrap_or_else(|error| panic!("{error}"));
        scenario.populations[0].bind
    };
    assert_eq!(bind_of("127.0.0.1:5060").to_string(), "127.0.0.1:0");
    // Loopback has no way to this machine's other address, which is as that of another machine then.
    let own = own_address();
    assert_eq!(bind_of(&format!("{own}:5060")).ip(), own);
}
