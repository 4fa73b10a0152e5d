//! The web call server's tokens, made by openssl as its makers do.

use super::*;

/// printf %s '<root login=.. />' | openssl enc -aes-128-ctr -nosalt -K 000102..0f -iv 0000..00 | xxd -p | tr -d '\n'
const HEX: &str = "fad35458f3af37ed0826ef5f83f9e849426433f4e0b4dc7b270fd480048044652798e63efca684edd2b94a5942a1c0fccade5c41460eff1a27325878fdda8c6d5406c4b36b42bf92a57d24a6a406a4d1ffd2ebe61c0bbc63627e47b2f27cb975e97c8f3b1887ca92a0bf598bc46c7807cd100f69a9594cd49ced1be4d659336fcc57ae0f952a93f99ab3682f91d523f00462422b6a5c576536ca7e8e85402d2a4c3beb53eaef374982ae3b4ddafd8648d626b4a686f971ff4e0bf783f817f4a95a879d9f3801f7601844992cf896c731fda8a93787ad373ea8c6335ebd4df2ff023783ee";

/// printf %s gw-token-v1.crm:$HEX | openssl dgst -sha256 -hmac KEY -binary | base64 | tr '+/' '-_' | tr -d =
const MAC: &str = "Oc_B1YxZ7w1L6wcrHZJXsh61yBgKw7Ak0s34SIUBPUU";

/// The same with -K 6162, which openssl fills up with zeros.
const SHORT_KEY: &str =
    "9ab16157fb35a4d578447424eb63180c742d46539f3939b15c2d1e6d7ad7eda51089bbf2dfefa1ffb7b75a2d4fed4d9fdf3f";

const DAY: Duration = Duration::from_secs(86_400);

fn bare() -> String {
    format!("crm:{HEX}")
}

fn bridged() -> String {
    format!("crm:{HEX}.{MAC}")
}

#[test]
fn what_openssl_makes_is_opened() {
    let keys = keyring();
    for (token, format) in [(bridged(), Format::Bridge), (bare(), Format::Legacy)] {
        let unsealed = keys.unseal(&token, MADE).expect("it is sound");
        assert_eq!(unsealed.format, format);
        let json = r#"{"exp":1764288300,"account":{"user":"1001","auth_name":"a1001","password":"won&derland","domain":"sip.example.net","port":5070,"visible_name":"Alice \"A\"","register":false}}"#;
        assert_eq!(unsealed.claims, claims(json));
    }
}

#[test]
fn what_we_make_is_what_openssl_opens() {
    let token = make(&keyring(), "old", LEGACY_ACCOUNT);
    let (app, hex) = token.split_once(':').unwrap();
    assert_eq!(app, "crm");
    // The octets that openssl encrypts by are those of any token whose text is known.
    let known = r#"<root login="1001" authenticationName="a1001" password="won&amp;derland" outboundProxy="" domain="#;
    let stream: Vec<u8> = hex::decode(HEX).unwrap().iter().zip(known.bytes()).map(|(a, b)| a ^ b).collect();
    let opened: Vec<u8> = hex::decode(hex).unwrap().iter().zip(&stream).map(|(a, b)| a ^ b).collect();
    let text = String::from_utf8(opened).unwrap();
    assert!(
        text.starts_with(r#"<root login="1001" password="wonderland" domain="sip.example.net""#),
        "{text}"
    );
}

#[test]
fn short_keys_are_filled_up_with_zeros() {
    let cipher = LegacyCipher::new("crm".to_owned(), &octets("ab")).unwrap();
    let networks = vec!["192.0.2.0/24".parse().unwrap()];
    let kind = KeyKind::Legacy(LegacyKey { cipher, networks, origins: None });
    let keys = Keyring::new(vec![key("old", kind, plain_terms())]);
    let unsealed = keys.unseal(&format!("crm:{SHORT_KEY}"), MADE).expect("it is sound");
    assert_eq!(unsealed.claims.account.unwrap().user, "1001");
}

#[test]
fn a_mac_is_looked_at_before_anything_is_opened() {
    let keys = Keyring::new(vec![key("wcs", bridge("crm", "another key of the MAC"), plain_terms())]);
    assert_eq!(keys.unseal(&bridged(), MADE).err(), Some(Refusal::Forged));
    // What is no hexadecimal at all is refused for its MAC, too.
    assert_eq!(keys.unseal("crm:zz.AAAA", MADE).err(), Some(Refusal::Forged));
    assert_eq!(keys.unseal("erp:00.AAAA", MADE).err(), Some(Refusal::UnknownKey("erp".to_owned())));
}

#[test]
fn a_token_without_a_mac_is_off_unless_somebody_wants_it() {
    let mut setup =
        Setup::new(Keyring::new(vec![key("wcs", bridge("crm", "a key of the bridge's MAC"), plain_terms())]));
    assert_eq!(setup.admit(&bare(), 0), Err(Refusal::LegacyOff));
    assert!(setup.admit(&bridged(), 0).is_ok());
    assert!(keyring().takes_forgeable());
}

#[test]
fn a_token_without_a_mac_comes_encrypted_and_from_known_places() {
    let mut setup = Setup::new(keyring());
    let near = |source: &str| Arrival { source: source.parse().unwrap(), ..ARRIVAL };
    let open = Arrival { is_encrypted: false, ..ARRIVAL };
    assert_eq!(setup.admit_from(&bare(), &open, 0), Err(Refusal::NotEncrypted));
    assert_eq!(setup.admit_from(&bare(), &near("198.51.100.1"), 0), Err(Refusal::SourceNotAllowed));
    assert!(setup.admit_from(&bare(), &near("192.0.2.77"), 0).is_ok());

    let origins = OriginPolicyOf::pages(&["https://crm.example"]);
    let kind = KeyKind::Legacy(LegacyKey { cipher: cipher("crm"), networks: Vec::new(), origins });
    let mut setup = Setup::new(Keyring::new(vec![key("old", kind, plain_terms())]));
    let page = |origin| Arrival { origin, ..ARRIVAL };
    for wrong in [None, Some("null"), Some("https://evil.example"), Some("http://crm.example")] {
        assert_eq!(setup.admit_from(&bare(), &page(wrong), 0), Err(Refusal::OriginNotAllowed), "{wrong:?}");
    }
    assert!(setup.admit_from(&bare(), &page(Some("https://crm.example")), 0).is_ok());

    let kind = KeyKind::Legacy(LegacyKey { cipher: cipher("crm"), networks: Vec::new(), origins: None });
    let mut setup = Setup::new(Keyring::new(vec![key("old", kind, plain_terms())]));
    assert_eq!(setup.admit(&bare(), 0), Err(Refusal::SourceNotAllowed), "nobody said from where");
}

struct OriginPolicyOf;

impl OriginPolicyOf {
    fn pages(pages: &[&str]) -> Option<crate::http::OriginPolicy> {
        let pages = pages.iter().map(|page| page.parse().unwrap()).collect();
        Some(crate::http::OriginPolicy::new(pages, false))
    }
}

#[test]
fn a_token_without_a_mac_is_taken_once_however_its_digits_are_written() {
    let mut setup = Setup::new(keyring());
    assert!(setup.admit(&bare(), 0).is_ok());
    assert_eq!(setup.admit(&bare(), 1), Err(Refusal::Replayed));
    assert_eq!(setup.admit(&format!("crm:{}", HEX.to_uppercase()), 1), Err(Refusal::Replayed));
    assert!(setup.admit(&bridged(), 1).is_ok() && setup.admit(&bridged(), 2).is_ok(), "with a MAC it is not");
}

#[test]
fn a_token_without_a_mac_names_known_hosts_and_is_good_for_a_day() {
    let mut setup = Setup::new(Keyring::new(vec![key("old", legacy("crm"), Terms::default())]));
    assert_eq!(setup.admit(&bare(), 0), Err(Refusal::HostNotAllowed("sip.example.net".to_owned())));
    let terms = Terms { lifetime_max: DAY, ..plain_terms() };
    let mut setup = Setup::new(Keyring::new(vec![key("old", legacy("crm"), terms)]));
    let forged = |xml: &str| format!("crm:{}", encrypted(xml));
    let end = MADE.0 + 86_400 + 31;
    let long = forged(&format!(r#"<root login="1" expires="{end}000000000"/>"#));
    assert_eq!(setup.admit(&long, 0), Err(Refusal::LivesTooLong { seconds: 86_401, most: 86_400 }));
    assert!(setup.admit(&long, 1).is_ok());
    assert_eq!(setup.admit(&forged(r#"<root login="1"/>"#), 1), Err(Refusal::MissingClaim("expires")));
}

#[test]
fn who_guesses_at_tokens_without_a_mac_waits_and_nobody_else() {
    let mut setup = Setup::new(keyring());
    for _ in 0..10 {
        assert!(matches!(setup.admit("crm:0123", 0), Err(Refusal::BadXml(_))));
    }
    assert_eq!(setup.admit(&bare(), 1), Err(Refusal::TooManyFailures));
    assert!(setup.admit(&bridged(), 1).is_ok(), "what has a MAC cannot be guessed at");
    let neighbour = Arrival { source: "192.0.2.2".parse().unwrap(), ..ARRIVAL };
    assert!(setup.admit_from(&bare(), &neighbour, 1).is_ok());
    assert_eq!(setup.admit(&bare(), 61), Err(Refusal::Replayed), "a minute later it may try again");
}

/// As whoever knows the key, or the text of one token, makes any.
fn encrypted(xml: &str) -> String {
    use aes::cipher::{KeyIvInit, StreamCipher};
    let mut octets = xml.as_bytes().to_vec();
    let key: [u8; 16] = std::array::from_fn(|index| u8::try_from(index).unwrap());
    ctr::Ctr128BE::<aes::Aes128>::new(&key.into(), &[0; 16].into()).apply_keystream(&mut octets);
    hex::encode(&octets)
}

#[test]
fn what_is_within_is_one_element_with_attributes_and_nothing_else() {
    let keys = keyring();
    let open =
        |xml: &str| keys.unseal(&format!("crm:{}", encrypted(xml)), MADE).map(|unsealed| unsealed.claims);
    let sound = r#"<root login="1" expires="1764288300000000000"/>"#;
    assert!(open(sound).is_ok());
    assert!(open(&format!("<?xml version=\"1.0\"?>{sound}\n")).is_ok(), "as makers write it");
    assert!(open(r#"<root login="1" expires="1764288300000000000"></root>"#).is_ok());
    for wrong in [
        "",
        "root",
        r#"<root login="1" expires="1764288300000000000">"#,
        r#"<root login="1" login="2" expires="1764288300000000000"/>"#,
        r#"<root login="1" expires="1764288300000000000">x</root>"#,
        r#"<root login="1" expires="1764288300000000000"><root/></root>"#,
        r#"<other login="1" expires="1764288300000000000"/>"#,
        r#"<root login="1" expires="1764288300000000000"/><!-- x -->"#,
        r#"<root login="1" expires="1764288300000000000"/> "#,
        r#"<root login="1" expires="1764288300000000000"/>garbage"#,
        r#"<!DOCTYPE root [<!ENTITY a "b">]><root login="&a;" expires="1764288300000000000"/>"#,
        r#"<!DOCTYPE root SYSTEM "file:///etc/passwd"><root login="1" expires="1764288300000000000"/>"#,
        r#"<root login="&a;" expires="1764288300000000000"/>"#,
        r#"<root expires="1764288300000000000"/>"#,
        r#"<root login="1" expires="-1"/>"#,
        r#"<root login="1" expires="+1764288300000000000"/>"#,
        r#"<root login="1" expires="99999999999999999999999"/>"#,
        r#"<root login="a&#10;b" expires="1764288300000000000"/>"#,
        r#"<root login="1" registerRequired="perhaps" expires="1764288300000000000"/>"#,
        r#"<root login="1" port="0" expires="1764288300000000000"/>"#,
        r#"<root login="1" domain="a b" expires="1764288300000000000"/>"#,
    ] {
        assert!(open(wrong).is_err(), "{wrong}");
    }
    assert_eq!(keys.unseal("crm:ff00", MADE).err().map(|told| told.word()), Some("bad_claims"));
    for wrong in ["crm:", "crm:0", "crm:0g", "crm:00 00", "crm:00\n00"] {
        assert!(matches!(keys.unseal(wrong, MADE), Err(Refusal::Malformed(_))), "{wrong:?}");
    }
}

#[test]
fn a_limit_that_the_format_cannot_hold_is_not_left_out_in_silence() {
    let key = keyring().keys()[6].clone();
    let make = |json: &str| key.make(&claims(json), [0; 12], MADE).map(drop);
    assert_eq!(make(LEGACY_ACCOUNT), Ok(()));
    assert_eq!(
        make(&LEGACY_ACCOUNT.replace(r#","account""#, r#","destinations":["112"],"account""#)),
        Err(MakeError::NotSayable)
    );
    assert_eq!(make(&LEGACY_ACCOUNT.replace("password", "password_ref")), Err(MakeError::NotSayable));
    assert_eq!(make(r#"{"exp":1764288300}"#), Err(MakeError::Lacks("account")));
}
