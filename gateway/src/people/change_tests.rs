use serde_json::json;

use super::*;

const NOW: UnixTime = UnixTime(1_764_288_000);

fn text(text: &str) -> SecretText {
    SecretText::new(text.to_owned())
}

/// What comes of changes, one after the other, where the file names a user `alice`, a customer `old` with the number 100, a key
/// `k0` and a back end's key `b0`.
fn after(changes: Vec<Change>) -> Result<(Roll, Made), PeopleError> {
    let name = |name: &str| HashSet::from([name.to_owned()]);
    let (users, customers) = (name("alice"), name("old"));
    let numbers = HashMap::from([("100".to_owned(), "old".to_owned())]);
    let named =
        Named { users, customers, numbers, keys: name("k0"), api_keys: name("b0"), ..Named::default() };
    let (mut roll, mut last) = (Roll::default(), Made { name: String::new(), secret: None });
    for change in changes {
        let ground = Ground { roll: &roll, named: &named, by: None, realm: "webtrunk", now: NOW };
        let (rows, made) = change.rows(ground)?;
        roll.take(&rows);
        last = made;
    }
    Ok((roll, last))
}

fn user(name: &str) -> Change {
    let terms = UserTerms { calls_max: Some(2), ..UserTerms::default() };
    Change::AddUser { name: name.to_owned(), password: Some(text("sesame")), terms }
}

fn key(id: &str, kind: KeyKind, customer: Option<&str>) -> Change {
    let terms = KeyTerms { customer: customer.map(str::to_owned), ..KeyTerms::default() };
    Change::AddKey { id: id.to_owned(), kind, secret: None, terms, validity: Validity::default() }
}

fn api_key(id: &str, customer: Option<&str>) -> Change {
    let (scopes, customer) = (BTreeSet::from([Scope::CallsRead]), customer.map(str::to_owned));
    Change::AddApiKey { id: id.to_owned(), scopes, customer, validity: Validity::default() }
}

fn customer(name: &str) -> Change {
    Change::AddCustomer { name: name.to_owned(), terms: CustomerTerms::default() }
}

#[test]
fn a_user_is_checked_by_the_hashes_of_its_password_and_given_one_where_it_has_none() {
    let (roll, made) = after(vec![user("carol")]).expect("it is new");
    assert_eq!(made.secret, None);
    let ha1 = &roll.users["carol"].ha1;
    // printf carol:webtrunk:sesame | md5sum, and sha256sum.
    assert_eq!(ha1[0].expose(), "cb22fab9b91178791ed115a5dab7aac3");
    assert_eq!(ha1[1].expose().len(), 64);
    let terms = UserTerms::default();
    let add = Change::AddUser { name: "dora".to_owned(), password: None, terms };
    let (roll, made) = after(vec![add]).expect("it is new");
    let password = made.secret.expect("it is made");
    assert!(password.expose().len() >= 24);
    let with = |password| Change::AddUser { name: "dora".to_owned(), password, terms: UserTerms::default() };
    let (same, _) = after(vec![with(Some(password))]).expect("it is new");
    assert_eq!(roll, same);
    for bad in ["", "  ", "one\ntwo"] {
        assert!(after(vec![with(Some(text(bad)))]).is_err(), "{bad:?}");
    }
}

#[test]
fn a_change_leaves_what_it_does_not_name() {
    let change = |patch| Change::ChangeUser { name: "carol".to_owned(), password: None, patch };
    let patched =
        |patch| after(vec![user("carol"), change(patch)]).map(|(roll, _)| roll.users["carol"].clone());
    let more = patched(json!({"groups": ["sales"], "limits": {"minutes_per_day": 5}})).expect("sound");
    assert_eq!((more.terms.calls_max, more.terms.groups), (Some(2), vec!["sales".to_owned()]));
    assert_eq!(more.terms.limits.minutes_per_day, Some(5));
    assert_eq!(patched(json!({"calls_max": null})).expect("sound").terms.calls_max, None);
    assert!(!patched(json!({"enabled": false})).expect("sound").terms.enabled);
    for bad in [json!([]), json!({"colour": 1}), json!({"calls_max": "two"}), json!({"name": "x"})] {
        assert!(matches!(patched(bad.clone()), Err(PeopleError::Faulty(_))), "{bad}");
    }
    let password =
        Change::ChangeUser { name: "carol".to_owned(), password: Some(text("lentils")), patch: json!({}) };
    let (roll, _) = after(vec![user("carol"), password]).expect("sound");
    assert_ne!(roll.users["carol"].ha1, more.ha1);
}

#[test]
fn a_name_is_of_one_and_the_files_are_its_owners() {
    let word = |changes| after(changes).map(drop).map_err(|error| error.word());
    assert_eq!(word(vec![user("carol"), user("carol")]), Err("exists"));
    assert_eq!(word(vec![user("alice")]), Err("in_file"));
    assert_eq!(word(vec![customer("old")]), Err("in_file"));
    assert_eq!(word(vec![key("k0", KeyKind::Edge, None)]), Err("in_file"));
    assert_eq!(word(vec![Change::RemoveUser("alice".to_owned())]), Err("in_file"));
    assert_eq!(word(vec![Change::RemoveUser("carol".to_owned())]), Err("not_found"));
    assert_eq!(word(vec![Change::RevokeKey("k1".to_owned())]), Err("not_found"));
    assert_eq!(word(vec![key("k1", KeyKind::Customer, None)]), Err("faulty"));
    assert_eq!(word(vec![key("k1", KeyKind::Customer, Some("acme"))]), Err("not_found"));
    assert_eq!(word(vec![key("k1", KeyKind::Edge, Some("old"))]), Err("faulty"));
    assert_eq!(word(vec![key("k1", KeyKind::Customer, Some("old"))]), Ok(()));
    assert_eq!(word(vec![api_key("b0", None)]), Err("in_file"));
    assert_eq!(word(vec![api_key("b1", None), api_key("b1", None)]), Err("exists"));
    assert_eq!(word(vec![api_key("b1", Some("acme"))]), Err("not_found"));
    assert_eq!(word(vec![api_key("b_1", None)]), Err("faulty"));
    assert_eq!(word(vec![Change::RevokeApiKey("b1".to_owned())]), Err("not_found"));
}

#[test]
fn a_number_is_of_one_customer_and_who_wants_it_too_is_told_whose_it_is() {
    let with = |name: &str, enabled, numbers: &[&str]| {
        let numbers = numbers.iter().map(|number| (*number).to_owned()).collect();
        let terms = CustomerTerms { enabled, numbers, ..CustomerTerms::default() };
        Change::AddCustomer { name: name.to_owned(), terms }
    };
    let patch = |name: &str, patch| Change::ChangeCustomer { name: name.to_owned(), patch };
    let taken = |changes| match after(changes) {
        Ok(_) => None,
        Err(error @ PeopleError::NumberTaken { .. }) => Some(error.to_string()),
        Err(other) => panic!("{other}"),
    };
    let is_zetas = Some(
        "numbers: \"+4711\" is the customer \"zeta\"'s already; take it out of that one first".to_owned(),
    );
    assert_eq!(taken(vec![with("zeta", true, &["4711"]), with("acme", true, &["1", "+4711"])]), is_zetas);
    assert_eq!(taken(vec![with("zeta", false, &["4711"]), with("acme", false, &["+4711"])]), is_zetas);
    let numbers = json!({"numbers": ["+4711"]});
    assert_eq!(
        taken(vec![with("zeta", true, &["4711"]), customer("acme"), patch("acme", numbers)]),
        is_zetas
    );
    assert!(taken(vec![with("acme", true, &["+100"])]).is_some_and(|told| told.contains("\"old\"'s")));
    let own = [json!({"numbers": ["+1", "1", "2"]}), json!({"calls_max": 3})];
    for own in own {
        assert_eq!(taken(vec![with("acme", true, &["1"]), patch("acme", own)]), None, "it is its own");
    }
    let moved = vec![
        with("zeta", true, &["4711"]),
        patch("zeta", json!({"numbers": null})),
        with("acme", true, &["4711"]),
    ];
    assert_eq!(taken(moved), None);

    // Two that share one since before: each may be changed, and neither be enabled as long as the other has it.
    let mut roll = Roll::default();
    for (name, enabled) in [("acme", true), ("beta", true), ("gone", false)] {
        let terms = CustomerTerms { enabled, numbers: vec!["5".to_owned()], ..CustomerTerms::default() };
        roll.customers.insert(name.to_owned(), StoredCustomer { terms });
    }
    let named = Named::default();
    let word = |name: &str, patch| {
        let ground = Ground { roll: &roll, named: &named, by: None, realm: "webtrunk", now: NOW };
        let change = Change::ChangeCustomer { name: name.to_owned(), patch };
        change.rows(ground).map(drop).map_err(|error| error.word())
    };
    assert_eq!(word("beta", json!({"calls_max": 3})), Ok(()));
    assert_eq!(word("gone", json!({"enabled": true})), Err("number_taken"));
    assert_eq!(word("gone", json!({"enabled": true, "numbers": []})), Ok(()));
}

#[test]
fn a_key_is_followed_by_another_and_ends_when_it_may_be_forgotten() {
    let rotate = |id: &str| Change::RotateKey { id: id.to_owned(), keep: Duration::from_secs(60) };
    let (roll, made) =
        after(vec![key("k1", KeyKind::Edge, None), rotate("k1"), rotate("k1-2")]).expect("sound");
    assert_eq!(made.name, "k1-3");
    assert_eq!(made.secret.as_ref(), Some(&roll.keys["k1-3"].secret));
    let ends = |id: &str| roll.keys[id].validity.not_after;
    assert_eq!(
        [ends("k1"), ends("k1-2"), ends("k1-3")],
        [Some(UnixTime(NOW.0 + 60)), Some(UnixTime(NOW.0 + 60)), None]
    );
    assert_ne!(roll.keys["k1"].secret, roll.keys["k1-2"].secret);
    let revoke = Change::RevokeKey("k1".to_owned());
    let (roll, _) = after(vec![key("k1", KeyKind::Edge, None), revoke.clone()]).expect("sound");
    assert_eq!(roll.keys["k1"].revoked, Some(NOW));
    assert!(after(vec![key("k1", KeyKind::Edge, None), revoke, rotate("k1")]).is_err());
}

#[test]
fn a_customer_goes_with_its_users_and_its_keys() {
    let changes = vec![
        customer("acme"),
        user("acme+carol"),
        user("acme2+carol"),
        user("acmes"),
        key("k1", KeyKind::Customer, Some("acme")),
        key("k2", KeyKind::Edge, None),
        api_key("crm", Some("acme")),
        Change::RemoveCustomer("acme".to_owned()),
    ];
    let (roll, _) = after(changes).expect("sound");
    assert_eq!(roll.keys.keys().collect::<Vec<_>>(), ["k2"]);
    assert_eq!(roll.users.keys().collect::<Vec<_>>(), ["acme2+carol", "acmes"]);
    assert!(roll.customers.is_empty() && roll.api_keys.is_empty());
}

#[test]
fn a_back_ends_key_is_told_once_and_its_hash_alone_is_kept() {
    let (roll, made) = after(vec![api_key("crm", None)]).expect("it is new");
    let key = made.secret.expect("it is told").expose().to_owned();
    assert!(key.starts_with("wk_crm_") && key.len() > 40, "{key}");
    let stored = &roll.api_keys["crm"];
    assert_eq!((stored.created, stored.scopes.as_slice()), (NOW, &["calls:read".to_owned()][..]));
    let (roll, _) = after(vec![api_key("crm", None), Change::RevokeApiKey("crm".to_owned())]).expect("sound");
    assert_eq!(roll.api_keys["crm"].revoked, Some(NOW));
}

#[test]
fn keys_that_are_revoked_take_no_room_and_the_first_are_forgotten() {
    let named = Named::default();
    let mut roll = Roll::default();
    let (at, mut now) = (
        StoredApiKey {
            hash: [0; 32],
            scopes: Vec::new(),
            customer: None,
            created: NOW,
            validity: Validity::default(),
            revoked: None,
        },
        NOW,
    );
    roll.api_keys.extend((1..KEYS_MAX).map(|number| (format!("k{number}"), at.clone())));
    let mut make = |roll: &mut Roll, change: Change| {
        now = now.plus(Duration::from_secs(1));
        let ground = Ground { roll, named: &named, by: None, realm: "webtrunk", now };
        let (rows, _) = change.rows(ground)?;
        roll.take(&rows);
        Ok::<_, PeopleError>(())
    };
    for number in 0..REVOKED_MAX + 5 {
        let id = format!("r{number}");
        make(&mut roll, api_key(&id, None)).expect("there is room for one");
        assert_eq!(make(&mut roll, api_key("more", None)).map_err(|error| error.word()), Err("full"));
        make(&mut roll, Change::RevokeApiKey(id)).expect("it is there");
    }
    assert_eq!(roll.api_keys.len(), KEYS_MAX - 1 + REVOKED_MAX);
    assert!(!roll.api_keys.contains_key("r4") && roll.api_keys.contains_key("r5"));
}

#[test]
fn customers_back_ends_add_as_many_users_as_each_may_and_leave_the_operator_room() {
    let (named, mut roll) = (Named::default(), Roll::default());
    let one = StoredUser { ha1: [text("a"), text("b")], terms: UserTerms::default() };
    let fill = |roll: &mut Roll, customer: &str| {
        let names = (0..USERS_OF_CUSTOMER_MAX).map(|number| format!("{customer}+u{number}"));
        roll.users.extend(names.map(|name| (name, one.clone())));
    };
    let word = |roll: &Roll, by, name| {
        let ground = Ground { roll, named: &named, by, realm: "webtrunk", now: NOW };
        user(name).rows(ground).map(drop).map_err(|error| error.word())
    };
    fill(&mut roll, "acme");
    assert_eq!(word(&roll, Some("acme"), "acme+more"), Err("full"));
    assert_eq!(word(&roll, None, "acme+more"), Ok(()), "the operator's keys may");
    assert_eq!(word(&roll, Some("beta"), "beta+bob"), Ok(()));
    for number in 0..8 {
        fill(&mut roll, &format!("c{number}"));
    }
    assert_eq!(word(&roll, Some("beta"), "beta+bob"), Err("full"));
    assert_eq!(word(&roll, None, "beta+bob"), Ok(()), "there is room for the operator's");
    fill(&mut roll, "operators");
    assert_eq!(word(&roll, None, "beta+bob"), Err("full"));
}
