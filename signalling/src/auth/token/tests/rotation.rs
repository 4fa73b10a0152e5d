//! Several keys, and tokens that are good once.

use super::*;

fn from(key: TokenKey, not_before: u64) -> TokenKey {
    let validity = Validity { not_before: Some(UnixTime(MADE.0 + not_before)), not_after: None };
    TokenKey { validity, ..key }
}

#[test]
fn the_newest_key_makes_and_all_in_force_open() {
    let keys = Keyring::new(vec![
        from(key("second", sealing(1), terms()), 50),
        key("first", sealing(0), terms()),
        from(key("third", sealing(2), terms()), 100),
        from(key("idp", jwks(), terms()), 200),
    ]);
    let at = |after| UnixTime(MADE.0 + after);
    let newest = |after| keys.newest(at(after)).map(|key| key.id.as_str());
    assert_eq!(
        [newest(0), newest(50), newest(99), newest(100), newest(250)],
        ["first", "second", "second", "third", "third"].map(Some)
    );
    let tokens = ["first", "second", "third"].map(|id| make(&keys, id, ACCOUNT));
    let opened = |after| tokens.iter().map(|token| keys.unseal(token, at(after)).is_ok()).collect::<Vec<_>>();
    assert_eq!(opened(0), [true, false, false]);
    assert_eq!(opened(50), [true, true, false]);
    assert_eq!(opened(100), [true, true, true]);
    let told = keys.unseal(&tokens[2], at(0)).err();
    assert_eq!(told, Some(Refusal::KeyNotInForce("third".to_owned())));
}

#[test]
fn a_key_that_ended_opens_nothing_more() {
    let keys = keyring();
    let ended = |key: &TokenKey| TokenKey {
        validity: Validity { not_before: None, not_after: Some(UnixTime(MADE.0 + 60)) },
        ..key.clone()
    };
    let ended = Keyring::new(keys.keys().iter().map(ended).collect());
    for (id, json) in [("k1", ACCOUNT), ("hs", NO_ACCOUNT), ("wcs", LEGACY_ACCOUNT), ("old", LEGACY_ACCOUNT)]
    {
        let token = make(&keys, id, json);
        assert!(ended.unseal(&token, UnixTime(MADE.0 + 59)).is_ok(), "{id}");
        let told = ended.unseal(&token, UnixTime(MADE.0 + 60)).err();
        assert_eq!(told, Some(Refusal::KeyNotInForce(id.to_owned())));
    }
    assert!(ended.newest(UnixTime(MADE.0 + 60)).is_none());
}

#[test]
fn keys_of_one_application_are_told_apart_by_their_macs() {
    let keys = Keyring::new(vec![
        key("first", bridge("crm", "the first key of MACs"), plain_terms()),
        key("second", bridge("crm", "the second key of MACs"), plain_terms()),
    ]);
    for id in ["first", "second"] {
        assert_eq!(keys.unseal(&make(&keys, id, LEGACY_ACCOUNT), MADE).expect(id).key.id, id);
    }
}

#[test]
fn a_named_token_is_good_once_and_an_unnamed_one_until_it_ends() {
    let mut setup = Setup::new(keyring());
    let named = make(&keyring(), "k1", ACCOUNT);
    assert!(setup.admit(&named, 0).is_ok());
    assert_eq!(setup.admit(&named, 1), Err(Refusal::Replayed));
    // Sealed anew it has another text and the same name.
    let again = keyring().keys()[0].make(&claims(ACCOUNT), [8; 12], MADE).unwrap();
    assert_eq!(setup.admit(&again, 1), Err(Refusal::Replayed));
    let unnamed = make(&keyring(), "k1", &ACCOUNT.replace(r#""jti":"7f3a","#, ""));
    assert!(setup.admit(&unnamed, 0).is_ok() && setup.admit(&unnamed, 300).is_ok());
    assert_eq!(setup.admit(&named, 330), Err(Refusal::Expired(UnixTime(MADE.0 + 300))));
}

#[test]
fn names_are_those_of_one_key() {
    let mut setup = Setup::new(keyring());
    for id in ["hs", "rs", "es", "ed"] {
        assert!(setup.admit(&make(&keyring(), id, NO_ACCOUNT), 0).is_ok(), "{id}");
    }
}

#[test]
fn a_key_may_want_all_its_tokens_to_be_good_once_or_none() {
    let unnamed = ACCOUNT.replace(r#""jti":"7f3a","#, "");
    let keys = |one_use| Keyring::new(vec![key("k1", sealing(0), Terms { one_use, ..terms() })]);
    let token = make(&keyring(), "k1", &unnamed);
    assert_eq!(Setup::new(keys(OneUse::Required)).admit(&token, 0), Err(Refusal::NoId));
    let mut setup = Setup::new(keys(OneUse::Never));
    let named = make(&keyring(), "k1", ACCOUNT);
    assert!(setup.admit(&named, 0).is_ok() && setup.admit(&named, 1).is_ok());
    // The web call server's have no names: their texts are known.
    let terms = Terms { one_use: OneUse::Required, ..plain_terms() };
    let keys = Keyring::new(vec![key("wcs", bridge("crm", "a key of the bridge's MAC"), terms)]);
    let mut setup = Setup::new(keys.clone());
    let token = make(&keys, "wcs", LEGACY_ACCOUNT);
    assert!(setup.admit(&token, 0).is_ok());
    assert_eq!(setup.admit(&token, 1), Err(Refusal::Replayed));
}

#[test]
fn a_token_that_is_refused_is_not_used_up() {
    let mut setup = Setup::new(keyring());
    let json = ACCOUNT.replace(r#""jti""#, r#""nbf":1764288200,"jti""#);
    let token = keyring().keys()[0].make(&claims(&json), [7; 12], UnixTime(1_764_288_200)).unwrap();
    assert_eq!(setup.admit(&token, 100), Err(Refusal::NotYet(UnixTime(1_764_288_200))));
    assert!(setup.admit(&token, 200).is_ok());
}

#[test]
fn what_was_used_is_remembered_when_the_keys_change() {
    let mut setup = Setup::new(keyring());
    let token = make(&keyring(), "k1", ACCOUNT);
    assert!(setup.admit(&token, 0).is_ok());
    setup.door.set_keys(Keyring::new(vec![key("k1", sealing(0), terms()), key("k2", sealing(1), terms())]));
    assert_eq!(setup.admit(&token, 1), Err(Refusal::Replayed));
}

#[test]
fn a_page_may_call_what_both_its_token_and_its_key_let_it() {
    let destinations = Some(vec!["+49*".parse().unwrap(), "112".parse().unwrap()]);
    let own = Terms { destinations, customer: Some("acme".to_owned()), ..terms() };
    let keys = Keyring::new(vec![key("k1", sealing(0), own)]);
    let grant = |more: &str| {
        let json = ACCOUNT.replace(r#""jti":"7f3a""#, more);
        Setup::new(keys.clone()).admit(&make(&keys, "k1", &json), 0).unwrap()
    };
    let narrow = grant(r#""destinations":["+4930*","+1*"],"calls_max":1"#);
    let may = ["+49301234", "+4940123", "+15551234", "112"].map(|number| narrow.may_call(number));
    assert_eq!(may, [true, false, false, false]);
    let wide = grant(r#""calls_max":1"#);
    assert!(wide.may_call("+4940123") && wide.may_call("112") && !wide.may_call("+15551234"));
    assert!(!grant(r#""destinations":[]"#).may_call("112"), "none is nobody");
    assert_eq!(
        (wide.customer.as_deref(), wide.key.as_str(), wide.format),
        (Some("acme"), "k1", Format::Sealed)
    );
}

/// Whether somebody is told at once that a key is missed.
fn is_missed(set: &FetchedKeys) -> bool {
    use std::task::{Context, Poll, Waker};
    let missed = std::pin::pin!(set.missed());
    matches!(missed.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(()))
}

#[test]
fn a_set_that_is_fetched_proves_by_what_is_there_and_who_names_another_key_has_it_fetched() {
    let set = FetchedKeys::default();
    let ended = Validity { not_before: None, not_after: Some(MADE) };
    let late = FetchedKeys::default();
    let own = Keyring::new(vec![
        key("idp", KeyKind::Fetched(set.clone()), terms()),
        TokenKey { validity: ended, ..key("late", KeyKind::Fetched(late.clone()), terms()) },
    ]);
    let maker = Keyring::new(vec![key("ec-1", pair(JwtAlgorithm::Es256), terms())]);
    let token = make(&maker, "ec-1", NO_ACCOUNT);
    let unknown = Some(Refusal::UnknownKey("ec-1".to_owned()));
    assert!(!is_missed(&set));
    assert_eq!(own.unseal(&token, MADE).err(), unknown, "nothing was fetched yet");
    assert_eq!(own.clone().unseal(&token, MADE).err(), unknown);
    assert!(is_missed(&set) && !is_missed(&set), "once, however often it is asked for");
    assert!(!is_missed(&late), "that key is not in force");

    let fetched = Jwks::parse(include_bytes!("jwks.json")).unwrap();
    set.set(Some(std::sync::Arc::new(fetched)));
    assert_eq!(own.unseal(&token, MADE).expect("it is there now").key.id, "idp");
    assert!(!is_missed(&set));
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", signature.chars().rev().collect::<String>());
    assert!(own.unseal(&forged, MADE).is_err());
    assert!(!is_missed(&set), "what is forged is no reason");
    let sealed = make(&Keyring::new(vec![key("other", sealing(0), terms())]), "other", NO_ACCOUNT);
    assert_eq!(own.unseal(&sealed, MADE).err(), Some(Refusal::UnknownKey("other".to_owned())));
    assert!(!is_missed(&set), "no set has keys of that format");
    assert!(own.newest(MADE).is_none() && own.may_come("idp", &ARRIVAL));

    set.set(None);
    assert_eq!(own.unseal(&token, MADE).err(), unknown, "too old");
}
