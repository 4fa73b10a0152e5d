//! What differs between two configurations: what can be taken up, by name, and what cannot, by key.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use webtrunk_signalling::sip::flow::TransportKind;

use crate::config::{Config, LogConfig, MediaConfig, SipSettings, TlsFiles, Trunk};

/// What became of the things of one kind, by their names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) added: Vec<String>,
    pub(super) removed: Vec<String>,
    pub(super) changed: Vec<String>,
}

impl Changes {
    /// Of things that are compared by a text which says all of them.
    fn between(old: &[(String, String)], new: &[(String, String)]) -> Self {
        let is_in = |list: &[(String, String)], name: &str| list.iter().any(|(known, _)| known == name);
        let missing = |here: &[(String, String)], there: &[(String, String)]| {
            here.iter().map(|(name, _)| name).filter(|name| !is_in(there, name)).cloned().collect()
        };
        let is_changed = |own: &&(String, String)| is_in(old, &own.0) && !old.contains(own);
        Self {
            added: missing(new, old),
            removed: missing(old, new),
            changed: new.iter().filter(is_changed).map(|(name, _)| name.clone()).collect(),
        }
    }

    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// What was added, removed and changed of each kind of which something was.
pub(super) fn named(old: &Config, new: &Config) -> Vec<(&'static str, Changes)> {
    let kinds = [
        ("rules", Changes::between(&rules(old), &rules(new))),
        ("users", Changes::between(&users(old), &users(new))),
        ("trunks", Changes::between(&trunks(old), &trunks(new))),
        ("prompts", Changes::between(&prompts(old), &prompts(new))),
        ("settings", Changes::between(&settings(old), &settings(new))),
    ];
    let mut told: Vec<_> = kinds.into_iter().filter(|(_, changes)| !changes.is_none()).collect();
    let order = |config: &Config| config.rules.names().map(str::to_owned).collect::<Vec<_>>();
    let same_names = order(old).into_iter().collect::<BTreeSet<_>>() == order(new).into_iter().collect();
    if same_names && order(old) != order(new) {
        told.push(("order of rules", Changes { changed: order(new), ..Changes::default() }));
    }
    told
}

fn rules(config: &Config) -> Vec<(String, String)> {
    config.rules.specs().map(|spec| (spec.name.clone(), format!("{spec:?}"))).collect()
}

fn users(config: &Config) -> Vec<(String, String)> {
    let mut users: Vec<_> = config.users.iter().map(|(name, hashes)| (name.to_owned(), hashes)).collect();
    users.sort();
    users
}

fn trunks(config: &Config) -> Vec<(String, String)> {
    // What a trunk's debug form hides is said by its credentials.
    let words = |trunk: &Trunk| {
        let mut accounts: Vec<_> = trunk.sip.credentials.iter().collect();
        accounts.extend(trunk.sip.registrations.iter().filter_map(|one| one.credentials.as_ref()));
        let secrets: Vec<_> = accounts.iter().map(|account| fingerprint(&account.password)).collect();
        format!("{trunk:?} {secrets:?}")
    };
    config.trunks.iter().map(|trunk| (trunk.sip.name.clone(), words(trunk))).collect()
}

fn prompts(config: &Config) -> Vec<(String, String)> {
    let words = |(name, clip): (&std::sync::Arc<str>, &webtrunk_codecs::wav::Clip)| {
        (name.to_string(), format!("{:?} {}", clip.rate, fingerprint(&clip.samples)))
    };
    config.prompts.iter().map(words).collect()
}

/// Keys that can be taken up, with what they say.
fn settings(config: &Config) -> Vec<(String, String)> {
    let all = [
        ("log.filter", config.log.filter.clone()),
        ("media.calls_max", config.media.calls_max.to_string()),
        ("media.music_on_hold", format!("{:?}", config.media.music_on_hold)),
        ("sip.phone_srtp", format!("{:?}", config.sip.phone_srtp)),
        ("sip.calls_per_user, users[].calls_max", format!("{:?}", config.user_limits)),
    ];
    all.map(|(key, said)| (key.to_owned(), said)).into()
}

fn fingerprint(secret: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    secret.hash(&mut hasher);
    hasher.finish()
}

/// The new configuration, with what cannot change as it is.
pub(super) fn without_fixed(current: &Config, written: &Config) -> Config {
    Config {
        http: current.http.clone(),
        tls: tls_of(current, written),
        sip_ws: current.sip_ws.clone(),
        sip: SipSettings { phone_srtp: written.sip.phone_srtp, ..current.sip.clone() },
        media: MediaConfig {
            calls_max: written.media.calls_max,
            music_on_hold: written.media.music_on_hold.clone(),
            ..current.media.clone()
        },
        recording: current.recording.clone(),
        store: current.store.clone(),
        log: LogConfig { filter: written.log.filter.clone(), ..current.log.clone() },
        ..written.clone()
    }
}

/// Our certificate is read anew, but what trunks' are checked by is not, nor is there TLS where there was none.
fn tls_of(current: &Config, written: &Config) -> Option<TlsFiles> {
    match (&current.tls, &written.tls) {
        (Some(current), Some(written)) => {
            Some(TlsFiles { trusted_certificates: current.trusted_certificates.clone(), ..written.clone() })
        }
        _ => current.tls.clone(),
    }
}

/// The keys of a section whose values differ.
macro_rules! differing {
    ($old:expr, $new:expr, $($key:literal: $field:ident),* $(,)?) => {
        [$(($key, $old.$field != $new.$field)),*].into_iter().filter(|(_, is_changed)| *is_changed).map(|(key, _)| key)
    };
}

/// The keys of what differs and cannot change while the gateway runs.
pub(super) fn fixed(old: &Config, new: &Config) -> Vec<&'static str> {
    let mut keys: Vec<&'static str> =
        differing!(old, new, "http": http, "sip_ws": sip_ws, "recording": recording, "store": store)
            .collect();
    if tls_of(old, new) != new.tls {
        keys.push("tls.trusted_certificates, or [tls] as a whole");
    }
    keys.extend(differing!(
        old.sip, new.sip,
        "sip.realm": realm,
        "sip.expires_min_s": expires_min,
        "sip.session_expires_s, sip.session_expires_min_s": session_timer,
        "sip.strangers_per_address": strangers_per_address,
        "sip.nameservers": nameservers,
        "sip.listeners": listeners,
    ));
    keys.extend(differing!(
        old.media, new.media,
        "media.addresses": addresses,
        "media.external_addresses": external_addresses,
        "media.candidates_allow, media.candidates_deny": candidates,
        "media.checks_allow, media.checks_deny": checks,
        "media.tcp": tcp,
        "media.webrtc_port": webrtc_port,
        "media.shards": shards,
        "media.rtp_address": rtp_address,
        "media.rtp_ports": rtp_ports,
        "media.media_timeout_s": media_timeout,
        "media.connect_timeout_s": connect_timeout,
        "media.conference_parties_max": conference_parties_max,
        "media.narrow_band_bitrate": narrow_band_bitrate_bps,
        "media.opus_complexity": opus_complexity,
        "media.comfort_noise": comfort_noise,
    ));
    keys.extend(differing!(old.log, new.log, "log.format": format));
    let shown = |config: &Config| -> Vec<_> {
        let own = config
            .trunks
            .iter()
            .filter_map(|trunk| Some((&trunk.sip.host, trunk.client_certificate.as_ref()?)));
        own.map(|(host, certificate)| (host.clone(), certificate.clone())).collect()
    };
    if shown(old) != shown(new) {
        keys.push("trunks[].client_certificate");
    }
    if !calls_over_tls(old) && calls_over_tls(new) {
        keys.push("trunks[].transport = \"tls\", of the first trunk that has it");
    }
    keys
}

/// Whether trunks are called over TLS: what their certificates are checked by is read at the start.
fn calls_over_tls(config: &Config) -> bool {
    config.trunks.iter().any(|trunk| trunk.sip.transport == TransportKind::Tls)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        let listener = "[[sip.listeners]]\ntransport = \"udp\"\nbind = \"127.0.0.1:0\"\n";
        Config::parse("w.toml", &format!("{listener}{text}")).expect("sound")
    }

    fn rule(name: &str, destination: &str) -> String {
        format!(
            "[[rules]]\nname = {name:?}\ndestination = {destination:?}\nactions = [\"answer\", \"echo\"]\n"
        )
    }

    fn user(name: &str, digit: char) -> String {
        format!("[[users]]\nname = {name:?}\nha1_md5 = \"{}\"\n", digit.to_string().repeat(32))
    }

    fn trunk(password: &str) -> String {
        format!(
            "[[trunks]]\nname = \"t\"\nhost = \"192.0.2.1\"\ncredentials = {{ user = \"u\", password = {password:?} }}\n"
        )
    }

    fn told(old: &str, new: &str) -> Vec<String> {
        let words = |(what, changes): (&str, Changes)| {
            format!("{what} +{:?} -{:?} ~{:?}", changes.added, changes.removed, changes.changed)
        };
        named(&config(old), &config(new)).into_iter().map(words).collect()
    }

    #[test]
    fn what_changed_is_told_by_its_name_and_secrets_by_theirs() {
        let old = user("alice", 'a') + &user("bob", 'b') + &trunk("one") + &rule("x", "1") + &rule("y", "2");
        assert_eq!(told(&old, &old), [""; 0]);
        let new =
            user("alice", 'c') + &user("carol", 'b') + &trunk("two") + &rule("y", "3") + &rule("z", "4");
        let expected = [
            "rules +[\"z\"] -[\"x\"] ~[\"y\"]",
            "users +[\"carol\"] -[\"bob\"] ~[\"alice\"]",
            "trunks +[] -[] ~[\"t\"]",
        ];
        assert_eq!(told(&old, &new), expected);
        let swapped = rule("y", "2") + &rule("x", "1");
        let order = told(&(rule("x", "1") + &rule("y", "2")), &swapped);
        assert_eq!(order, ["order of rules +[] -[] ~[\"y\", \"x\"]"]);
        let settings =
            told("", "[log]\nfilter = \"warn\"\n[media]\ncalls_max = 7\n[sip]\ncalls_per_user = 2\n");
        let keys = "\"log.filter\", \"media.calls_max\", \"sip.calls_per_user, users[].calls_max\"";
        assert_eq!(settings, [format!("settings +[] -[] ~[{keys}]")]);
    }

    #[test]
    fn what_a_restart_alone_takes_up_is_named_and_stays_as_it_is() {
        let old = config("");
        let new = config(
            "[media]\nshards = 7\ncalls_max = 7\nopus_complexity = 9\n[sip]\nexpires_min_s = 90\nphone_srtp = \"forbid\"\n\
             [log]\nformat = \"json\"\n[http]\n[[trunks]]\nname = \"t\"\nhost = \"192.0.2.1\"\n",
        );
        let keys = ["http", "sip.expires_min_s", "media.shards", "media.opus_complexity", "log.format"];
        assert_eq!(fixed(&old, &new), keys);
        let taken = without_fixed(&old, &new);
        assert_eq!(fixed(&old, &taken), [""; 0]);
        assert_eq!((taken.media.calls_max, taken.sip.phone_srtp), (7, new.sip.phone_srtp));
        assert_eq!(taken.trunks.len(), 1);
        assert_eq!(fixed(&taken, &new), keys, "it is told again as long as it is so");
    }
}
