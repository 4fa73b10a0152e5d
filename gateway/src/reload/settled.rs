//! What is in force when a configuration is taken up: what can change is as it is written, the rest is as it was.
//!
//! Nothing can be forgotten here: a section whose every key is not said to be the one or the other does not compile.

use webtrunk_signalling::sip::trunk::TrunkConfig;

use crate::config::{Config, JsonSettings, LogConfig, MediaConfig, SipSettings, TlsFiles, Trunk};
use crate::wiring::calls_over_tls;

/// A configuration that was taken up as far as that goes, and the keys in which it differs from the one before.
pub(super) struct Settled {
    pub(super) config: Config,
    /// What is as it is written now.
    pub(super) taken_up: Vec<&'static str>,
    /// What is as it was: a restart alone takes it up.
    pub(super) left: Vec<&'static str>,
}

/// Makes a section: the keys on the left as they are written, those on the right as they were, and notes what differs.
macro_rules! settle {
    (
        $section:ident, ($current:expr, $written:expr), ($taken_up:expr, $left:expr),
        taken_up: { $($live:ident: $live_key:literal),* $(,)? },
        left: { $($fixed:ident: $fixed_key:literal),* $(,)? } $(,)?
    ) => {{
        let (current, written): (&$section, &$section) = ($current, $written);
        $(note(current.$live != written.$live, $live_key, $taken_up);)*
        $(note(current.$fixed != written.$fixed, $fixed_key, $left);)*
        $section { $($live: written.$live.clone(),)* $($fixed: current.$fixed.clone(),)* }
    }};
}

impl Settled {
    /// Takes up `written` where `current` is in force.
    pub(super) fn new(current: &Config, written: &Config) -> Self {
        let (mut taken_up, mut left) = (Vec::new(), Vec::new());
        let notes = (&mut taken_up, &mut left);
        let sip = settle! {
            SipSettings, (&current.sip, &written.sip), (notes.0, notes.1),
            taken_up: {
                phone_srtp: "sip.phone_srtp",
                redirects: "sip.redirects",
                passing: "sip.headers_allow, sip.diversion",
            },
            left: {
                realm: "sip.realm",
                expires_min: "sip.expires_min_s",
                expires_max: "sip.expires_max_s",
                contacts_max: "sip.contacts_max",
                session_timer: "sip.session_expires_s, sip.session_expires_min_s",
                host_silence: "sip.host_silence_ms",
                strangers_per_address: "sip.strangers_per_address",
                nameservers: "sip.nameservers",
                listeners: "sip.listeners, sip.enabled",
            },
        };
        let media = settle! {
            MediaConfig, (&current.media, &written.media), (notes.0, notes.1),
            taken_up: { calls_max: "media.calls_max", music_on_hold: "media.music_on_hold" },
            left: {
                addresses: "media.addresses",
                external_addresses: "media.external_addresses",
                candidates: "media.candidates_allow, media.candidates_deny",
                checks: "media.checks_allow, media.checks_deny",
                tcp: "media.tcp",
                webrtc_port: "media.webrtc_port",
                shards: "media.shards",
                rtp_address: "media.rtp_address",
                rtp_ports: "media.rtp_ports",
                media_timeout: "media.media_timeout_s",
                connect_timeout: "media.connect_timeout_s",
                conference_parties_max: "media.conference_parties_max",
                narrow_band_bitrate_bps: "media.narrow_band_bitrate",
                opus_complexity: "media.opus_complexity",
                comfort_noise: "media.comfort_noise",
            },
        };
        let log = settle! {
            LogConfig, (&current.log, &written.log), (notes.0, notes.1),
            taken_up: { filter: "log.filter" },
            left: { format: "log.format" },
        };
        note(current.http != written.http, "http", notes.1);
        note(current.admin != written.admin, "admin", notes.1);
        note(current.sip_ws != written.sip_ws, "sip_ws", notes.1);
        let json = json(current, written, notes.0, notes.1);
        note(current.recording != written.recording, "recording", notes.1);
        note(current.store != written.store, "store", notes.1);
        note(current.cdr != written.cdr, "cdr", notes.1);
        note(current.defence != written.defence, "defence", notes.0);
        note(current.trace != written.trace, "trace", notes.1);
        note(current.hep != written.hep, "hep", notes.1);
        note(current.telemetry != written.telemetry, "telemetry", notes.1);
        note(current.drain != written.drain, "drain.timeout_s", notes.0);
        note(current.messages != written.messages, "messages", notes.0);
        note(current.subscriptions != written.subscriptions, "subscriptions", notes.0);
        note(current.user_limits != written.user_limits, "sip.calls_per_user, users[].calls_max", notes.0);
        note(
            current.spending != written.spending,
            "limits, groups, users[].limits, trunks[].limits",
            notes.0,
        );
        let config = Config {
            http: current.http.clone(),
            admin: current.admin.clone(),
            tls: tls(current, written, notes.0, notes.1),
            sip,
            sip_ws: current.sip_ws.clone(),
            json,
            defence: written.defence.clone(),
            messages: written.messages.clone(),
            subscriptions: written.subscriptions.clone(),
            media,
            recording: current.recording.clone(),
            store: current.store.clone(),
            cdr: current.cdr.clone(),
            drain: written.drain,
            telemetry: current.telemetry.clone(),
            // What was added, removed and changed of these is told by name.
            users: written.users.clone(),
            user_limits: written.user_limits.clone(),
            spending: written.spending.clone(),
            trunks: trunks(current, written, notes.1),
            rules: written.rules.clone(),
            rule_lines: written.rule_lines.clone(),
            prompts: written.prompts.clone(),
            trace: current.trace,
            hep: current.hep.clone(),
            log,
        };
        // By what trunks' certificates are checked is read at the start, where there is one to check.
        if !calls_over_tls(current) && calls_over_tls(&config) {
            note(true, "trunks[].transport = \"tls\", of the first trunk that has it", &mut left);
        }
        Self { config, taken_up, left }
    }
}

/// The JSON API: its keys are taken up, and the rest stays.
fn json(
    current: &Config,
    written: &Config,
    taken_up: &mut Vec<&'static str>,
    left: &mut Vec<&'static str>,
) -> Option<JsonSettings> {
    let (Some(current), Some(written)) = (&current.json, &written.json) else {
        note(current.json != written.json, "json", left);
        return current.json.clone();
    };
    Some(settle! {
        JsonSettings, (current, written), (taken_up, left),
        taken_up: { keys: "json.token_keys, json.ephemeral_keys" },
        left: {
            path: "json.path",
            origins: "json.origins",
            ping_interval: "json.ping_s",
            resume: "json.resume_s",
            sessions_per_user: "json.sessions_per_user",
            passwords: "json.passwords",
        },
    })
}

fn note(differs: bool, key: &'static str, keys: &mut Vec<&'static str>) {
    if differs && !keys.contains(&key) {
        keys.push(key);
    }
}

/// Our certificate is read anew, but what trunks' are checked by is not, nor is there TLS where there was none.
fn tls(
    current: &Config,
    written: &Config,
    taken_up: &mut Vec<&'static str>,
    left: &mut Vec<&'static str>,
) -> Option<TlsFiles> {
    let (Some(current), Some(written)) = (&current.tls, &written.tls) else {
        note(current.tls != written.tls, "tls", left);
        return current.tls.clone();
    };
    Some(settle! {
        TlsFiles, (current, written), (taken_up, left),
        taken_up: { certificate: "tls.certificate", private_key: "tls.private_key" },
        left: { trusted_certificates: "tls.trusted_certificates" },
    })
}

/// Trunks are as they are written, but for the certificates that they are shown.
fn trunks(current: &Config, written: &Config, left: &mut Vec<&'static str>) -> Vec<Trunk> {
    let settled = written.trunks.iter().map(|trunk| {
        let before = current.trunks.iter().find(|before| before.sip.name == trunk.sip.name);
        let shown = before.and_then(|before| before.client_certificate.clone());
        note(shown != trunk.client_certificate, "trunks[].client_certificate", left);
        let sip = TrunkConfig { shows_certificate: shown.is_some(), ..trunk.sip.clone() };
        Trunk { sip, client_certificate: shown, ..trunk.clone() }
    });
    settled.collect()
}

#[cfg(test)]
mod tests {
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
        ("codecs", &["G722"]),
        ("days", &["sun"]),
        ("direction", &["in"]),
        ("diversion", &["both"]),
        ("dtmf", &["info"]),
        ("external_address", &["203.0.113.9"]),
        ("external_addresses", &["203.0.113.9"]),
        ("failover", &["busy"]),
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

    /// What cannot be another by itself, since others name it or need it. (Rules are taken up as a whole, and what their
    /// actions are is no key.)
    const NEEDED: &[&str] = &[
        "groups.0.name",
        "sip.enabled",
        "sip.listeners.0.transport",
        "sip_ws.listeners.0.name",
        "trace.enabled",
        "trunks.0.name",
        "trunks.1.name",
        "users.0.groups",
        "users.0.name",
        "users.1.name",
    ];

    /// Each value of the whole example is changed by itself. What is not taken up is told, and nothing is both.
    #[test]
    fn every_key_that_there_is_is_taken_up_or_told_to_need_a_restart() {
        let example = Example::in_full();
        let old = example.parse(example.text()).expect("it is sound");
        let table: Table = example.text().parse().expect("TOML");
        let mut paths = Vec::new();
        leaves(&Value::Table(table.clone()), &mut Vec::new(), &mut paths);
        assert!(paths.len() > 150, "{}", paths.len());
        let (mut taken, mut restarts) = (0, 0);
        let mut unchanged = Vec::new();
        for path in paths {
            let shown = path.join(".");
            let Some(new) = another(&example, &old, &table, &path) else {
                if path[0] != "rules" && !NEEDED.contains(&shown.as_str()) {
                    unchanged.push(shown);
                }
                continue;
            };
            let Settled { config, taken_up, left } = Settled::new(&old, &new);
            let section = path[0].as_str();
            if left.is_empty() {
                taken += 1;
                assert!(is_same(&config, &new), "{shown} is neither taken up nor told");
                let is_told = !taken_up.is_empty() || !named(&old, &config).is_empty();
                assert!(is_told, "{shown} changes nothing");
            } else {
                restarts += 1;
                assert!(left.iter().all(|key| key.starts_with(section)), "{shown} is told as {left:?}");
                assert!(is_same(&config, &old), "{shown} is taken up, and told to be not: {left:?}");
            }
        }
        assert!(unchanged.is_empty(), "say in OTHERS what else these may be: {unchanged:#?}");
        assert!(taken > 80 && restarts > 30, "{taken} taken up, {restarts} by a restart");
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
        let lists = *users == other.users
            && *user_limits == other.user_limits
            && *spending == other.spending
            && shown(one) == shown(other)
            && rules.specs().eq(other.rules.specs())
            // Trunks and prompts are compared by all that they say.
            && named(one, other).is_empty();
        sections && lists
    }
}
