//! Each key of the whole example, changed by itself.

use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::thread;

use toml::{Table, Value};

use super::*;
use crate::config::example::Example;
use crate::reload::changes::named;

/// What else a key may be, where another number or one letter more will not do; of several, the first that makes
/// another sound configuration.
const OTHERS: &[(&str, &[&str])] = &[
    ("address", &["203.0.113.9"]),
    ("addresses", &["198.51.100.9"]),
    ("announcement", &["other.wav"]),
    ("begin", &["now"]),
    ("bind", &["127.0.0.9:5099"]),
    ("by", &["all"]),
    ("caller_id", &["privacy"]),
    ("candidates_allow", &["198.51.100.0/25"]),
    ("candidates_deny", &["192.0.2.0/25"]),
    ("certificate", &["fullchain2.pem"]),
    ("collector", &["homer.example:9061"]),
    ("checks_allow", &["192.0.2.0/25"]),
    ("checks_deny", &["192.0.2.0/25"]),
    ("client_authorities", &["fullchain2.pem"]),
    ("codecs", &["G722"]),
    ("days", &["sun"]),
    ("direction", &["in"]),
    ("diversion", &["both"]),
    ("dtmf", &["info"]),
    ("external_address", &["203.0.113.9"]),
    ("external_addresses", &["203.0.113.9"]),
    ("failover", &["busy"]),
    ("events", &["call.ended"]),
    ("filter", &["debug"]),
    ("folder", &["other"]),
    ("format", &["wav", "ogg", "json"]),
    ("from_groups", &["support"]),
    ("from_listeners", &["udp"]),
    ("from_networks", &["10.0.0.0/9"]),
    ("from_trunk", &["second"]),
    ("from_user", &["bob", "alice"]),
    ("group", &["support"]),
    ("headers_allow", &["X-Other"]),
    ("hash", &["sha1"]),
    ("hours", &["08:00-12:30"]),
    ("info_types", &["text/x-note"]),
    ("listen", &["#1"]),
    ("whisper", &["#2"]),
    ("barge", &["#3"]),
    ("local_networks", &["10.0.0.0/9"]),
    ("music_on_hold", &["other.wav"]),
    ("nameservers", &["192.0.2.53:53"]),
    ("networks", &["198.51.100.0/29"]),
    ("not_before", &["2026-02-01T00:00:00Z"]),
    ("not_after", &["2027-02-01T00:00:00Z"]),
    ("number", &["caller", "$0"]),
    ("order", &["together"]),
    ("numbers_allow", &["+43"]),
    ("numbers_deny", &["+43"]),
    ("otlp", &["http://127.0.0.1:4319"]),
    ("origins", &["https://crm.example"]),
    ("path", &["other.db", "/other"]),
    ("phone_srtp", &["forbid"]),
    ("private_key", &["privkey2.pem"]),
    ("prompt", &["other.wav"]),
    ("prompts", &["other.wav"]),
    ("record", &["#1"]),
    ("recording", &["always"]),
    ("mark", &["#3"]),
    ("mute", &["#6"]),
    ("softer", &["#4"]),
    ("louder", &["#7"]),
    ("pause", &["#2"]),
    ("pattern", &["x.*", "0(.+)"]),
    ("reject", &["busy"]),
    ("remove", &["Subject"]),
    ("role", &["party", "whisper", "listen"]),
    ("rtp_address", &["127.0.0.1"]),
    ("scopes", &["registrations:read"]),
    ("secret_sha256", &["fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"]),
    ("scanners", &["other-scanner"]),
    ("srtp", &["offer"]),
    ("target", &["bob"]),
    ("transport", &["tcp", "tls", "ws"]),
    ("trunk", &["second"]),
    ("trusted", &["192.0.2.0/25"]),
    ("trusted_certificates", &["fullchain2.pem"]),
    ("types", &["text/x-note"]),
    ("user", &["bob", "alice", "4930123457"]),
    ("users", &["bob"]),
    ("watchers", &["everybody"]),
    ("wrong", &["other.wav"]),
    ("zone", &["UTC"]),
];

/// What cannot be another by itself, since others name it, need it or leave no place for it. (Rules are taken up as a whole, and what their
/// actions are is no key.)
const NEEDED: &[&str] = &[
    "api_keys.0.customer",
    "customers.0.name",
    "groups.0.name",
    "sip.enabled",
    "sip.listeners.0.transport",
    "sip_ws.listeners.0.name",
    "trace.enabled",
    "trunks.0.name",
    "trunks.0.page_accounts",
    "trunks.1.name",
    "users.0.groups",
    "users.0.name",
    "users.1.name",
    "webhooks.0.customer",
    "webhooks.1.allow_insecure",
];

/// Each value of the whole example is changed by itself. What is not taken up is told, and nothing is both.
#[test]
fn every_key_that_there_is_is_taken_up_or_told_to_need_a_restart() {
    let example = Example::in_full();
    let table: Table = example.text().parse().expect("TOML");
    let mut paths = Vec::new();
    leaves(&Value::Table(table.clone()), &mut Vec::new(), &mut paths);
    assert!(paths.len() > 150, "{}", paths.len());
    // Each is a whole configuration to read, so every core has its share of them.
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let share = |first| change_each(&example, &table, paths.iter().skip(first).step_by(cores));
    let changed: Vec<Changed> = thread::scope(|scope| {
        let shares: Vec<_> = (0..cores).map(|first| scope.spawn(move || share(first))).collect();
        shares.into_iter().map(|share| share.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    let unchanged: Vec<_> = changed.iter().flat_map(|changed| &changed.unchanged).collect();
    assert!(unchanged.is_empty(), "say in OTHERS what else these may be: {unchanged:#?}");
    let taken: usize = changed.iter().map(|changed| changed.taken).sum();
    let restarts: usize = changed.iter().map(|changed| changed.restarts).sum();
    assert!(taken > 80 && restarts > 30, "{taken} taken up, {restarts} by a restart");
}

/// What came of keys: how many are taken up, how many need a restart, and which have nothing else to be.
#[derive(Default)]
struct Changed {
    taken: usize,
    restarts: usize,
    unchanged: Vec<String>,
}

/// Changes the value at each of these paths by itself.
fn change_each<'p>(
    example: &Example,
    table: &Table,
    paths: impl Iterator<Item = &'p Vec<String>>,
) -> Changed {
    let old = example.parse(example.text()).expect("it is sound");
    let mut changed = Changed::default();
    for path in paths {
        let shown = path.join(".");
        let Some(new) = another(example, &old, table, path) else {
            if path[0] != "rules" && !NEEDED.contains(&shown.as_str()) {
                changed.unchanged.push(shown);
            }
            continue;
        };
        let Settled { config, taken_up, left } = Settled::new(&old, &new);
        let section = path[0].as_str();
        if left.is_empty() {
            changed.taken += 1;
            assert!(is_same(&config, &new), "{shown} is neither taken up nor told");
            let is_told = !taken_up.is_empty() || !named(&old, &config).is_empty();
            assert!(is_told, "{shown} changes nothing");
        } else {
            changed.restarts += 1;
            assert!(left.iter().all(|key| key.starts_with(section)), "{shown} is told as {left:?}");
            assert!(is_same(&config, &old), "{shown} is taken up, and told to be not: {left:?}");
        }
    }
    changed
}

#[test]
fn what_needs_a_restart_stays_as_it_is_and_is_told_again_as_long_as_it_is_so() {
    let listener = "[[sip.listeners]]\ntransport = \"udp\"\nbind = \"127.0.0.1:0\"\n";
    let config = |text: &str| Config::parse("w.toml", &format!("{listener}{text}")).expect("sound");
    let (old, new) = (
        config(""),
        config(
            "[media]\nshards = 7\ncalls_max = 7\nopus_complexity = 9\n[sip]\nexpires_min_s = 90\nphone_srtp = \"forbid\"\n\
             [log]\nformat = \"json\"\n[http]\n[[trunks]]\nname = \"t\"\nhost = \"192.0.2.1\"\n",
        ),
    );
    let keys = ["sip.expires_min_s", "media.shards", "media.opus_complexity", "log.format", "http"];
    let settled = Settled::new(&old, &new);
    assert_eq!(settled.left, keys);
    assert_eq!(settled.taken_up, ["sip.phone_srtp", "media.calls_max"]);
    let again = Settled::new(&settled.config, &new);
    assert_eq!((again.left, again.taken_up), (keys.to_vec(), Vec::new()));
    assert_eq!(settled.config.trunks.len(), 1);
}

/// A trunk that is to show a certificate which nobody asks for before a restart would be nobody until then.
#[test]
fn a_trunk_stays_known_as_it_was_until_certificates_are_asked_for() {
    let example = Example::in_full();
    let full = example.text();
    let config = |text: &str| example.parse(text).expect("sound");
    let is_of_certificates =
        |line: &&str| line.starts_with("client_authorities = ") || line.starts_with("certificate_name = ");
    let without: Vec<_> = full.lines().filter(|line| !is_of_certificates(line)).collect();
    let old = config(&without.join("\n"));
    let wide = "name = \"second\"\nnetworks = [\"0.0.0.0/0\"]\n";
    let new = config(&full.replace("name = \"second\"\n", wide));
    let keys = ["tls.client_authorities", "trunks[].certificate_name", "trunks[].networks"];
    let settled = Settled::new(&old, &new);
    assert_eq!(settled.left, keys);
    let second = &settled.config.trunks[1].sip;
    assert_eq!((&second.certificate_name, second.source_networks.len()), (&None, 0));
    assert_eq!(Settled::new(&settled.config, &new).left, keys, "it is told again");

    // One that is added so may not call before the restart: its networks alone are not to show it.
    let mut old = old;
    old.trunks.pop();
    let settled = Settled::new(&old, &new);
    assert_eq!(settled.config.trunks[1].sip.certificate_name.as_deref(), Some("sbc.second.example"));
}

/// The paths of all values that are no tables; of a list of plain ones it is the list.
fn leaves(value: &Value, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    let below: Vec<(String, &Value)> = match value {
        Value::Table(table) => table.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(list) if list.iter().any(|one| one.is_table() || one.is_array()) => {
            list.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect()
        }
        _ => return found.push(path.clone()),
    };
    for (key, value) in below {
        path.push(key);
        leaves(value, path, found);
        path.pop();
    }
}

/// The example with another value there; `None` where none that is tried is sound and another.
fn another(example: &Example, old: &Config, table: &Table, path: &[String]) -> Option<Config> {
    let mut whole = Value::Table(table.clone());
    let before = at(&mut whole, path).clone();
    others(path, &before).into_iter().find_map(|other| {
        let mut whole = Value::Table(table.clone());
        *at(&mut whole, path) = other;
        let config = example.parse(&toml::to_string(&whole).expect("a table")).ok()?;
        (!is_same(old, &config)).then_some(config)
    })
}

fn at<'v>(whole: &'v mut Value, path: &[String]) -> &'v mut Value {
    path.iter().fold(whole, |value, step| match value {
        Value::Array(list) => &mut list[step.parse::<usize>().expect("an index")],
        value => &mut value[step.as_str()],
    })
}

fn others(path: &[String], value: &Value) -> Vec<Value> {
    let key = path.iter().rev().find(|step| step.parse::<usize>().is_err()).expect("a key");
    let texts = OTHERS.iter().find(|(known, _)| known == key).map_or(&[][..], |(_, others)| *others);
    let texts = || texts.iter().map(|text| Value::from(*text));
    match value {
        Value::Boolean(is) => vec![Value::from(!is)],
        Value::Integer(number) => [1, -1, 2].map(|step| Value::from(number + step)).into(),
        Value::Float(number) => vec![Value::from(number - 1.0)],
        Value::String(text) if text == "announcement" => vec!["other.wav".into()],
        Value::String(text) => {
            let longer = [format!("{text}x"), format!("{text}1")].map(Value::from);
            texts().chain(longer).collect()
        }
        Value::Array(list) if list.iter().all(Value::is_integer) && !list.is_empty() => {
            let more = list.iter().map(|one| Value::from(one.as_integer().unwrap_or_default() + 2));
            vec![Value::Array(more.collect())]
        }
        Value::Array(list) => texts()
            .map(|text| Value::Array(vec![text]))
            .chain(list.split_last().map(|(_, others)| Value::Array(others.to_vec())))
            .collect(),
        Value::Datetime(_) | Value::Table(_) => Vec::new(),
    }
}

/// Whether two configurations say the same; lines are no part of that.
fn is_same(one: &Config, other: &Config) -> bool {
    let Config {
        http,
        admin,
        tls,
        sip,
        sip_ws,
        json,
        rest,
        api_keys,
        webhooks,
        entry,
        defence,
        messages,
        subscriptions,
        media,
        recording,
        store,
        cdr,
        drain,
        telemetry,
        users,
        user_limits,
        spending,
        trunks: _,
        rules,
        rule_lines: _,
        prompts: _,
        trace,
        hep,
        log,
    } = one;
    let shown = |config: &Config| -> Vec<_> {
        config.trunks.iter().map(|trunk| trunk.client_certificate.clone()).collect()
    };
    let sections = *http == other.http
        && *json == other.json
        && *rest == other.rest
        && *api_keys == other.api_keys
        && *webhooks == other.webhooks
        && *entry == other.entry
        && *admin == other.admin
        && *tls == other.tls
        && *sip == other.sip
        && *sip_ws == other.sip_ws
        && *defence == other.defence
        && *messages == other.messages
        && *subscriptions == other.subscriptions
        && *media == other.media
        && *recording == other.recording
        && *store == other.store
        && *cdr == other.cdr
        && *trace == other.trace
        && *hep == other.hep
        && *drain == other.drain
        && *telemetry == other.telemetry
        && *log == other.log;
    let lists = || {
        *users == other.users
            && *user_limits == other.user_limits
            && *spending == other.spending
            && shown(one) == shown(other)
            && rules.specs().eq(other.rules.specs())
            // Trunks and prompts are compared by all that they say.
            && named(one, other).is_empty()
    };
    sections && lists()
}
