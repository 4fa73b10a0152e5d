//! Who has no key, and what it tries.

use proptest::prelude::*;

use super::*;

/// Made by openssl: header {"alg":"HS256"}.
pub(super) const HS256_WITHOUT_KID: &str = "eyJhbGciOiJIUzI1NiJ9.eyJhdWQiOiJwaG9uZS5leGFtcGxlIiwiaWF0IjoxNzY0Mjg4MDAwLCJleHAiOjE3NjQyODgzMDAsImp0aSI6IjdmM2EiLCJzdWIiOiJhbGljZSJ9.sxHZhnDZY3gRSuhEsfznYGd9u71XjHu77EHZesTDHgU";

/// A sound token of each format that has a proof.
fn proven() -> Vec<(Keyring, String)> {
    let account = [("k1", ACCOUNT), ("wcs", LEGACY_ACCOUNT)];
    let signed = ["hs", "rs", "es", "ed"].map(|id| (id, NO_ACCOUNT));
    let make = |(id, json)| {
        let keys = Keyring::new(keyring().keys().iter().filter(|key| key.id == id).cloned().collect());
        let token = make(&keys, id, json);
        (keys, token)
    };
    account.into_iter().chain(signed).map(make).collect()
}

/// By the whole ring: what one format refuses, another must not take.
#[test]
fn whoever_changes_a_bit_of_a_token_is_refused() {
    for (own, token) in proven() {
        let all = keyring();
        assert!(own.unseal(&token, MADE).is_ok() && all.unseal(&token, MADE).is_ok(), "{token}");
        for (at, bit) in (0..token.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut octets = token.clone().into_bytes();
            octets[at] ^= 1 << bit;
            let Ok(changed) = String::from_utf8(octets) else { continue };
            assert!(own.unseal(&changed, MADE).is_err(), "bit {bit} of {at}: {changed}");
            // What has no MAC can be changed: it is another token, of the format that is off.
            if !changed.contains(':') || changed.contains('.') {
                assert!(all.unseal(&changed, MADE).is_err(), "bit {bit} of {at}: {changed}");
            }
        }
    }
}

#[test]
fn a_token_that_is_cut_or_has_more_behind_it_is_refused() {
    for (keys, token) in proven() {
        for end in 0..token.len() {
            assert!(keys.unseal(&token[..end], MADE).is_err(), "{}", &token[..end]);
        }
        for more in ["=", " ", "\n", ".", "A", "\0"] {
            assert!(keys.unseal(&format!("{token}{more}"), MADE).is_err(), "{token}{more:?}");
        }
    }
}

#[test]
fn a_body_under_another_keys_name_is_refused() {
    let keys = Keyring::new(vec![key("k1", sealing(0), terms()), key("k2", sealing(0), terms())]);
    let token = make(&keys, "k1", ACCOUNT);
    let renamed = token.replace("wt1.k1.", "wt1.k2.");
    assert!(keys.unseal(&token, MADE).is_ok());
    assert_eq!(keys.unseal(&renamed, MADE).err(), Some(Refusal::Forged), "though both have the same octets");
}

#[test]
fn who_has_another_key_is_refused() {
    let (ours, theirs) = (keyring(), Keyring::new(vec![key("k1", sealing(1), terms())]));
    let token = make(&theirs, "k1", ACCOUNT);
    assert_eq!(ours.unseal(&token, MADE).err(), Some(Refusal::Forged));
    let token = token.replace("wt1.k1.", "wt1.k9.");
    assert_eq!(ours.unseal(&token, MADE).err(), Some(Refusal::UnknownKey("k9".to_owned())));
}

#[test]
fn a_critical_extension_is_not_passed_over() {
    use base64::Engine;
    let encode = |json: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json);
    let header = encode(r#"{"alg":"HS256","kid":"hs","crit":["b64"],"b64":false}"#);
    let token = format!("{header}.{}.{}", encode(NO_ACCOUNT), encode("signature"));
    assert_eq!(keyring().unseal(&token, MADE).err(), Some(Refusal::CriticalExtension));
}

#[test]
fn whoever_presents_a_token_hears_the_same_whatever_is_wrong() {
    let mut setup = Setup::new(keyring());
    let tokens = ["", "wt1.k9.AAAA", "a.b.c", "crm:00", HS256_WITHOUT_KID];
    let told: Vec<_> =
        tokens.map(|token| setup.admit(token, 1000)).into_iter().filter_map(Result::err).collect();
    assert_eq!(told.len(), tokens.len());
    let words: std::collections::HashSet<_> = told.iter().map(Refusal::word).collect();
    assert!(words.len() >= 3, "the log is told apart: {told:?}");
    assert_eq!(Refusal::ANSWER, "the token is not accepted");
}

#[test]
fn a_refusal_writes_one_line_into_the_log_whatever_the_token_says() {
    let keys = Keyring::new(vec![key("k1", sealing(0), terms())]);
    let token = r#"{"exp":1764288300,"x\r\n2026-11-28 forged line\u001b[2J":1}"#;
    let refusal = Claims::parse(token.as_bytes(), UnknownClaims::Refuse).unwrap_err();
    let header = "eyJhbGciOiJIUzI1NiIsImtpZCI6ImFcbmIifQ"; // {"alg":"HS256","kid":"a\nb"}
    let unknown = keys.unseal(&format!("{header}.e30.AAAA"), MADE).unwrap_err();
    for refusal in [refusal, unknown] {
        let told = refusal.to_string();
        assert!(!told.contains(char::is_control), "{told:?}");
    }
}

proptest! {
    #[test]
    fn nothing_that_strangers_write_panics_or_is_let_in(text in "\\PC{0,200}") {
        let keys = keyring();
        prop_assert!(keys.unseal(&text, MADE).is_err());
        for begin in ["wt1.k1.", "crm:", "eyJhbGciOiJIUzI1NiIsImtpZCI6ImhzIn0."] {
            let token = [begin, text.as_str()].concat();
            prop_assert!(keys.unseal(&token, MADE).is_err());
        }
    }

    #[test]
    fn what_is_sealed_is_opened_as_it_was(user in "[a-z0-9]{1,20}", password in "[ -~]{1,40}", nonce: [u8; 12], life in 1u64..600) {
        let keys = Keyring::new(vec![key("k1", sealing(9), Terms { audience: None, ..terms() })]);
        let mut written = claims(LEGACY_ACCOUNT);
        written.issued_at = Some(MADE);
        written.expires = MADE.plus(Duration::from_secs(life));
        let account = written.account.as_mut().unwrap();
        account.user = user;
        account.credential = Some(Credential::Password(crate::auth::secret::SecretText::new(password.clone())));
        let token = keys.keys()[0].make(&written, nonce, MADE).unwrap();
        prop_assert!(!token.contains(&password) || password.len() < 4);
        prop_assert_eq!(keys.unseal(&token, MADE).unwrap().claims, written);
    }
}
