//! What is in force when a configuration is taken up: what can change is as it is written, the rest is as it was.
//!
//! Nothing can be forgotten here: a section whose every key is not said to be the one or the other does not compile.

use webtrunk_signalling::sip::trunk::TrunkConfig;

use crate::config::{Config, JsonSettings, LogConfig, MediaConfig, RestConfig, SipSettings, TlsFiles, Trunk};
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
        let sip = sip(&current.sip, &written.sip, notes.0, notes.1);
        let media = media(&current.media, &written.media, notes.0, notes.1);
        let log = log(&current.log, &written.log, notes.0, notes.1);
        note(current.http != written.http, "http", notes.1);
        note(current.admin != written.admin, "admin", notes.1);
        note(current.sip_ws != written.sip_ws, "sip_ws", notes.1);
        let json = json(current, written, notes.0, notes.1);
        let rest = rest(current, written, notes.0, notes.1);
        note(current.api_keys != written.api_keys, "api_keys", notes.0);
        note(current.webhooks != written.webhooks, "webhooks", notes.0);
        note(current.recording != written.recording, "recording", notes.1);
        note(current.store != written.store, "store", notes.1);
        note(current.cdr != written.cdr, "cdr", notes.1);
        note(current.defence != written.defence, "defence", notes.0);
        note(current.trace != written.trace, "trace", notes.1);
        note(current.hep != written.hep, "hep", notes.1);
        note(current.telemetry != written.telemetry, "telemetry", notes.1);
        note(current.drain != written.drain, "drain.timeout_s", notes.0);
        note(current.entry != written.entry, "entry, customers", notes.0);
        note(current.messages != written.messages, "messages", notes.0);
        note(current.subscriptions != written.subscriptions, "subscriptions", notes.0);
        note(
            current.user_limits != written.user_limits,
            "sip.calls_per_user, users[].calls_max, customers[].calls_max",
            notes.0,
        );
        note(
            current.spending != written.spending,
            "limits, groups, customers[].limits, customers[].limits_together, users[].limits, trunks[].limits",
            notes.0,
        );
        let config = Config {
            http: current.http.clone(),
            admin: current.admin.clone(),
            tls: tls(current, written, notes.0, notes.1),
            sip,
            sip_ws: current.sip_ws.clone(),
            json,
            rest,
            api_keys: written.api_keys.clone(),
            webhooks: written.webhooks.clone(),
            entry: written.entry.clone(),
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

/// The JSON API: its keys and headers are taken up, and the rest stays.
fn json(current: &Config, written: &Config, taken_up: Keys<'_>, left: Keys<'_>) -> Option<JsonSettings> {
    let (Some(current), Some(written)) = (&current.json, &written.json) else {
        note(current.json != written.json, "json", left);
        return current.json.clone();
    };
    Some(settle! {
        JsonSettings, (current, written), (taken_up, left),
        taken_up: {
            keys: "json.token_keys, json.ephemeral_keys, json.account_passwords",
            headers: "json.headers_allow",
        },
        left: {
            path: "json.path",
            origins: "json.origins",
            ping_interval: "json.ping_s",
            resume: "json.resume_s",
            sessions_per_user: "json.sessions_per_user",
            passwords: "json.passwords",
            account_grace: "json.account_grace_s",
        },
    })
}

/// The interface for back ends.
fn rest(current: &Config, written: &Config, taken_up: Keys<'_>, left: Keys<'_>) -> Option<RestConfig> {
    let (Some(current), Some(written)) = (&current.rest, &written.rest) else {
        note(current.rest != written.rest, "rest", left);
        return current.rest.clone();
    };
    Some(settle! {
        RestConfig, (current, written), (taken_up, left),
        taken_up: { requests_per_minute: "rest.requests_per_minute" },
        left: { path: "rest.path", origins: "rest.origins" },
    })
}

/// Keys that differ.
type Keys<'k> = &'k mut Vec<&'static str>;

fn sip(current: &SipSettings, written: &SipSettings, taken_up: Keys<'_>, left: Keys<'_>) -> SipSettings {
    settle! {
        SipSettings, (current, written), (taken_up, left),
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
    }
}

fn media(current: &MediaConfig, written: &MediaConfig, taken_up: Keys<'_>, left: Keys<'_>) -> MediaConfig {
    settle! {
        MediaConfig, (current, written), (taken_up, left),
        taken_up: {
            calls_max: "media.calls_max",
            music_on_hold: "media.music_on_hold",
            tell_hold: "media.tell_hold",
        },
        left: {
            addresses: "media.addresses",
            follows_machine: "media.addresses",
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
    }
}

fn log(current: &LogConfig, written: &LogConfig, taken_up: Keys<'_>, left: Keys<'_>) -> LogConfig {
    settle! {
        LogConfig, (current, written), (taken_up, left),
        taken_up: { filter: "log.filter" },
        left: { format: "log.format" },
    }
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
        left: { trusted_certificates: "tls.trusted_certificates", client_authorities: "tls.client_authorities" },
    })
}

/// Trunks are as they are written, but for the certificates that they are shown, and for the one that a trunk is to show
/// from now on where nobody is asked for any yet: nothing would show it to be itself.
fn trunks(current: &Config, written: &Config, left: &mut Vec<&'static str>) -> Vec<Trunk> {
    let is_nobody_asked = current.tls.as_ref().is_none_or(|files| files.client_authorities.is_none());
    let settled = written.trunks.iter().map(|trunk| {
        let before = current.trunks.iter().find(|before| before.sip.name == trunk.sip.name);
        let shown = before.and_then(|before| before.client_certificate.clone());
        note(shown != trunk.client_certificate, "trunks[].client_certificate", left);
        let mut sip = TrunkConfig { shows_certificate: shown.is_some(), ..trunk.sip.clone() };
        let has_new_name =
            |before: &&Trunk| before.sip.certificate_name.is_none() && trunk.sip.certificate_name.is_some();
        if let Some(before) = before.filter(has_new_name).filter(|_| is_nobody_asked) {
            note(true, "trunks[].certificate_name", left);
            note(before.sip.source_networks != sip.source_networks, "trunks[].networks", left);
            note(before.sip.peer_user != sip.peer_user, "trunks[].user", left);
            // What else shows it goes with the name: networks that are wider for its sake are too wide without.
            sip.certificate_name = None;
            sip.source_networks.clone_from(&before.sip.source_networks);
            sip.peer_user.clone_from(&before.sip.peer_user);
        }
        Trunk { sip, client_certificate: shown, ..trunk.clone() }
    });
    settled.collect()
}

#[cfg(test)]
mod tests;
