//! What may be written of webhooks, and what is told of what may not.

use super::super::Config;
use super::*;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A file with these hooks, beside what they need.
fn parse(hooks: &str) -> Result<Config, String> {
    let folder = tempfile::TempDir::new().expect("a folder");
    let store = folder.path().join("w.db");
    let customer = "[[customers]]\nname = \"acme\"\n";
    let text =
        format!("[http]\nbind = \"127.0.0.1:0\"\n[rest]\n[store]\npath = {store:?}\n{customer}{hooks}");
    Config::parse("w.toml", &text).map_err(|error| error.to_string())
}

fn hook(url: &str, more: &str) -> String {
    format!(
        "[[webhooks]]\nname = \"crm\"\nurl = \"{url}\"\nsecrets = [{{ id = \"a\", secret = \"{SECRET}\" }}]\n{more}\n"
    )
}

/// By which others reach the gateway, with what tells so.
const OUTSIDE: &str = "1.1.1.1";
const AROUND: &str = "[media]\nexternal_addresses = [\"1.1.1.1\"]";

/// Without TLS, so that no machine's authorities matter.
fn plain(more: &str) -> String {
    hook("http://crm.example/hooks?of=us", &format!("allow_insecure = true\n{more}"))
}

#[test]
fn a_hook_is_told_everything_by_default_and_the_operator_may_say_less() {
    let config = parse(&plain("")).expect("sound");
    let made = &config.webhooks[0];
    let Target { host, port, authority, path } = &made.target;
    let target = (host.as_str(), *port, authority.as_str(), path.as_str());
    assert_eq!(target, ("crm.example", 80, "crm.example", "/hooks?of=us"));
    assert_eq!(
        (made.kinds.len(), made.customer.as_deref(), made.keys.len()),
        (EventKind::ALL.len(), None, 1)
    );
    assert_eq!((made.give_up.as_secs(), made.authorities.is_some()), (259_200, false));
    let more = "events = [\"call.ended\", \"recording.ready\"]\ncustomer = \"acme\"\ngive_up_s = 60";
    let config = parse(&plain(more)).expect("sound");
    let made = &config.webhooks[0];
    assert_eq!(made.kinds, HashSet::from([EventKind::CallEnded, EventKind::RecordingReady]));
    assert_eq!((made.customer.as_deref(), made.give_up.as_secs()), (Some("acme"), 60));
    let local = hook("http://[::1]:9000", "allow_insecure = true\nnetworks = [\"::1/128\"]");
    let config = parse(&local).expect("sound");
    let Target { host, port, authority, path } = &config.webhooks[0].target;
    assert_eq!((host.as_str(), *port, authority.as_str(), path.as_str()), ("::1", 9000, "[::1]:9000", "/"));
    let more = format!("allow_insecure = true\nnetworks = [\"{OUTSIDE}\"]\n{AROUND}");
    let config = parse(&hook(&format!("http://{OUTSIDE}/"), &more)).expect("sound");
    assert_eq!(config.webhooks[0].target.host, OUTSIDE);
}

#[test]
fn a_receiver_over_tls_is_vouched_for_by_the_authorities_that_are_named() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let file = folder.path().join("own.pem");
    let made = rcgen::generate_simple_self_signed(vec!["crm.example".to_owned()]).expect("a certificate");
    std::fs::write(&file, made.cert.pem()).expect("the folder is ours");
    let own = hook("https://crm.example/hooks", &format!("trusted_certificates = {file:?}"));
    let config = parse(&own).expect("sound");
    let authorities = config.webhooks[0].authorities.as_ref().expect("over TLS");
    assert_eq!((authorities.certificates.len(), config.webhooks[0].target.port), (1, 443));
    let error = parse(&own.replace("own.pem", "none.pem")).expect_err("no file");
    assert!(
        error.contains("webhooks[0].trusted_certificates") && error.contains("name a PEM file"),
        "{error}"
    );
}

#[test]
fn what_cannot_be_is_told_with_its_cure() {
    let two = format!("{{ id = \"a\", secret = \"{SECRET}\" }}");
    for (text, told) in [
        (
            hook("http://crm.example", ""),
            "webhooks[0].url = \"http://crm.example\": would have calls told in the clear; write \"https\"",
        ),
        (hook("https://crm.example", "allow_insecure = true"), "take allow_insecure out"),
        (hook("ftp://crm.example", ""), "is neither of \"https\" nor of \"http\"; write one such as"),
        (hook("crm.example", ""), "is no URL; write one such as"),
        (hook("https://crm.example/#x", ""), "has a fragment"),
        (
            hook("https://bob:opensesame@crm.example/", ""),
            "webhooks[0].name = \"crm\": has a url with a user in it",
        ),
        (hook("http://bob:opensesame@crm.example/", ""), "webhooks[0].name = \"crm\": has a url with a user"),
        (hook("ftp://bob:opensesame@crm.example/", ""), "webhooks[0].name = \"crm\": has a url with a user"),
        (hook("bob:opensesame@crm.example", ""), "webhooks[0].name = \"crm\": has a url that is none"),
        (
            hook("https://bob:opensesame@crm.example:x/", ""),
            "webhooks[0].name = \"crm\": has a url that is none",
        ),
        (
            (0..33).map(|_| plain("")).collect(),
            "webhooks[32].name = \"crm\": is one webhook more than the 32",
        ),
        (
            hook("http://127.0.0.1:9000/", "allow_insecure = true"),
            "is at no public address; add it to networks",
        ),
        (hook("http://0x7f.1/", "allow_insecure = true"), "is at no public address"),
        (hook("http://[::ffff:a9fe:a9fe]/", "allow_insecure = true"), "is at no public address"),
        (
            hook(&format!("http://{OUTSIDE}/"), &format!("allow_insecure = true\n{AROUND}")),
            "is at an address of the gateway's own; add it to networks",
        ),
        (plain("networks = [\"10.0.0.1/8\"]"), "webhooks[0].networks[0] = \"10.0.0.1/8\": "),
        (
            plain("events = [\"call.begun\"]"),
            "webhooks[0].events[0] = \"call.begun\": is no event; write some",
        ),
        (plain("events = []"), "holds nothing, so nothing is told"),
        (
            plain("customer = \"beta\""),
            "webhooks[0].customer = \"beta\": is no customer; name one of [[customers]]",
        ),
        (plain("give_up_s = 5"), "webhooks[0].give_up_s = 5: is out of range; write 10 to 2678400"),
        (plain("").replace("\"crm\"", "\"c m\""), "is no name of a webhook"),
        (plain("") + &plain(""), "webhooks[1].name = \"crm\": another webhook has this name"),
        (plain("").replace(&format!("[{two}]"), "[]"), "is not one secret, nor two"),
        (plain("").replace(&two, &format!("{two}, {two}")), "another secret has this id"),
        (plain("").replace("whsec_", ""), "webhooks[0].secrets[0].secret: is no whsec_ with 24 to 64 octets"),
    ] {
        let error = parse(&text).expect_err(&text);
        assert!(error.contains(told), "{text}: {error}");
        assert!(!error.contains("opensesame") && !error.contains("MfKQ"), "{error}");
    }
    let alone = "[http]\nbind = \"127.0.0.1:0\"\n[sip_ws]\n".to_owned() + &plain("");
    let error = Config::parse("w.toml", &alone).expect_err("nothing beside").to_string();
    for told in [
        "is told what [rest] tells, which is missing; add [rest]",
        "in [store], which is missing; add [store]",
    ] {
        assert!(error.contains(told), "{error}");
    }
}
