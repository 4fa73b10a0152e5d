//! Whom the store knows beside whom the file names, and what is left out of it.

use std::collections::BTreeSet;

use webtrunk_signalling::adapter::Origin;
use webtrunk_signalling::auth::digest::{Algorithm, Credentials};
use webtrunk_signalling::auth::secret::SecretText;
use webtrunk_signalling::auth::validity::{UnixTime, Validity};

use super::*;
use crate::people::{
    CustomerTerms, KeyTerms, LimitTerms, LoginTerms, StoredCustomer, StoredUpstream, StoredUser,
    UpstreamCredentials, UpstreamTerms, UserTerms,
};

/// Ends within a section, has lists of tables, and names whom the store has.
const TEXT: &str = "[[sip.listeners]]\ntransport = \"udp\"\nbind = \"127.0.0.1:0\"\n[http]\n[json]\npasswords = true\n\
    [[users]]\nname = \"alice\"\nha1_md5 = \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\n\
    [[customers]]\nname = \"old\"\n\
    [[rules]]\nname = \"sales\"\ndestination = \"1\"\nfrom_groups = [\"sales\"]\nactions = [{ bridge = { user = \"carol\" } }]\n\
    [[rules]]\nname = \"all\"\ndestination = \"2\"\nactions = [{ bridge = { group = \"sales\" } }]\n\
    [store]\npath = \"people-test.db\"\nsecret_key = \"KEY\"\n[log]\nfilter = \"info\"\n";

fn text() -> String {
    TEXT.replace("KEY", &"0f".repeat(32))
}

fn user(terms: UserTerms) -> StoredUser {
    let hash = |digit: &str, count| SecretText::new(digit.repeat(count));
    StoredUser { ha1: [hash("c", 32), hash("d", 64)], terms }
}

fn key(kind: KeyKind, customer: Option<&str>) -> StoredKey {
    let audience = kind.is_of_tokens().then(|| "gateway".to_owned());
    let terms = KeyTerms { customer: customer.map(str::to_owned), audience, ..KeyTerms::default() };
    let secret = SecretText::new("0123456789abcdef".repeat(4));
    let validity = Validity { not_before: Some(UnixTime(5)), not_after: None };
    StoredKey { kind, secret, terms, validity, revoked: None }
}

fn peopled(roll: &Roll) -> Peopled {
    let alone = Config::parse("w.toml", &text()).expect("it is sound by itself");
    with_roll(Path::new("w.toml"), &text(), &alone, roll).expect("it is sound with others")
}

#[test]
fn whom_the_store_has_is_one_of_all_and_what_is_said_of_it_holds() {
    let limits = LimitTerms { calls_per_minute: Some(3), ..LimitTerms::default() };
    let groups = vec!["sales".to_owned()];
    let terms = UserTerms {
        groups,
        mailbox: Some("box".to_owned()),
        calls_max: Some(2),
        limits,
        ..UserTerms::default()
    };
    let limits_together = LimitTerms { minutes_per_day: Some(9), ..LimitTerms::default() };
    let logins = LoginTerms { users: vec!["agent-*".to_owned()], per_minute: Some(7) };
    let policy = CustomerTerms {
        logins,
        calls_max: Some(4),
        numbers: vec!["4711".to_owned()],
        origins: vec!["https://crm.example".to_owned()],
        limits_together,
        ..CustomerTerms::default()
    };
    let mut roll = Roll::default();
    roll.users.insert("carol".to_owned(), user(terms));
    roll.users.insert("dora".to_owned(), user(UserTerms { enabled: false, ..UserTerms::default() }));
    roll.customers.insert("acme".to_owned(), StoredCustomer { terms: policy });
    for (id, kind, customer) in [
        ("edge", KeyKind::Edge, None),
        ("a1", KeyKind::Customer, Some("acme")),
        ("o1", KeyKind::Customer, Some("old")),
        ("page", KeyKind::Page, None),
        ("w1", KeyKind::Wt1, Some("acme")),
        ("h1", KeyKind::Hs256, None),
    ] {
        roll.keys.insert(id.to_owned(), key(kind, customer));
    }
    let Peopled { config, left_out, named } = peopled(&roll);
    assert_eq!(left_out, []);
    assert!(named.users.contains("alice") && !named.users.contains("carol"));
    assert!(
        config.users.contains("carol") && !config.users.contains("dora") && config.users.contains("alice")
    );
    assert!(config.users.ha1("carol", "", Algorithm::Sha256).is_some());
    let gone = ["alice", "carol", "dora", "nobody"].map(|name| config.users.is_gone(name, ""));
    assert_eq!(gone, [false, false, true, false], "who is disabled has no other way in");
    assert_eq!([config.user_limits.of("carol"), config.user_limits.of("acme+")], [Some(2), Some(4)]);
    let of = |name: &str| config.spending.of(&Origin::User(name.to_owned())).expect("limits");
    assert_eq!(of("carol").calls_per_minute.map(|it| it.get()), Some(3));
    assert_eq!(of("acme+").minutes_per_day.map(|it| it.get()), Some(9));
    assert!(config.subscriptions.rights.groups["carol"].contains("sales"));
    assert!(config.entry.keys.has("edge"));
    let customers: Vec<_> =
        config.entry.customers.iter().map(|it| (it.issuer.name.as_str(), &it.issuer.keys)).collect();
    assert!(customers[0].0 == "old" && customers[0].1.has("o1") && customers[1].1.has("a1"));
    assert_eq!(config.entry.customers[1].logins.per_minute, 7);
    let json = config.json.as_ref().expect("it is there");
    assert!(json.keys.ephemeral.has("page"));
    assert_eq!(json.keys.tokens.keys().iter().map(|key| key.id.as_str()).collect::<Vec<_>>(), ["h1", "w1"]);
    let actions = |config: &Config, name: &str| {
        let spec = config.rules.specs().find(|spec| spec.name == name).expect("it is there");
        format!("{:?}", spec.actions)
    };
    assert!(actions(&config, "all").contains("carol"), "a group of the store's users is called");
    let alone = peopled(&Roll::default()).config;
    assert!(actions(&alone, "all").contains("Reject"), "nobody is in it: {}", actions(&alone, "all"));
    let mut revoked = roll.clone();
    revoked.keys.get_mut("edge").expect("a key").revoked = Some(UnixTime(7));
    let other = peopled(&revoked).config;
    assert!(!other.entry.keys.has("edge") && other.entry != config.entry && other.json == config.json);
}

#[test]
fn a_customers_users_are_there_as_long_as_it_is_and_is_enabled() {
    let mut roll = Roll::default();
    for name in ["acme+carol", "acme+dora", "old+carol", "acmes", "+491"] {
        roll.users.insert(name.to_owned(), user(UserTerms::default()));
    }
    let with = |customer: Option<bool>| {
        let policy = customer.map(|enabled| CustomerTerms { enabled, ..CustomerTerms::default() });
        let mut roll = roll.clone();
        roll.customers.extend(policy.map(|terms| ("acme".to_owned(), StoredCustomer { terms })));
        let Peopled { config, left_out, .. } = peopled(&roll);
        let users: BTreeSet<_> = config.users.iter().map(|(name, _)| name).collect();
        (Vec::from_iter(users).join(" "), left_out.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    assert_eq!(with(Some(true)), ("+491 acme+carol acme+dora acmes alice old+carol".to_owned(), Vec::new()));
    assert_eq!(with(Some(false)), ("+491 acmes alice old+carol".to_owned(), Vec::new()));
    let (users, left_out) = with(None);
    assert_eq!(users, "+491 acmes alice old+carol");
    let cure = "there is no customer \"acme\", whose user it would be; add that one, or remove the user";
    assert_eq!(left_out, ["carol", "dora"].map(|name| format!("user \"acme+{name}\": {cure}")));

    // What is left out of a customer's takes its users along.
    let guests = CustomerTerms { guests: true, ..CustomerTerms::default() };
    roll.customers.insert("acme".to_owned(), StoredCustomer { terms: guests });
    let Peopled { config, left_out, .. } = peopled(&roll);
    assert_eq!((left_out.len(), config.users.contains("acme+carol")), (3, false), "{left_out:?}");
}

#[test]
fn there_are_customers_as_long_as_the_store_has_one_though_it_may_be_disabled() {
    let text = text().replace("[[customers]]\nname = \"old\"\n", "");
    let alone = Config::parse("w.toml", &text).expect("sound");
    let with = |customer: Option<CustomerTerms>| {
        let mut roll = Roll::default();
        roll.customers.extend(customer.map(|terms| ("acme".to_owned(), StoredCustomer { terms })));
        let entry = with_roll(Path::new("w.toml"), &text, &alone, &roll).expect("sound").config.entry;
        (entry.has_customers, entry.customers.len())
    };
    assert_eq!(with(None), (false, 0));
    assert_eq!(with(Some(CustomerTerms::default())), (true, 1));
    assert_eq!(with(Some(CustomerTerms { enabled: false, ..CustomerTerms::default() })), (true, 0));
    // Who is left out is no less one.
    assert_eq!(with(Some(CustomerTerms { guests: true, ..CustomerTerms::default() })), (true, 0));
}

#[test]
fn a_customers_user_has_no_more_calls_than_the_operator_lets_users_have() {
    let text = format!(
        "[sip]\ncalls_per_user = 2\n[[users]]\nname = \"old+file\"\nha1_md5 = \"{}\"\ncalls_max = 5\n{}",
        "a".repeat(32),
        text()
    );
    let alone = Config::parse("w.toml", &text).expect("sound");
    let mut roll = Roll::default();
    for (name, most) in [("old+few", 1), ("old+many", 1_000_000), ("carol", 9)] {
        let terms = UserTerms { calls_max: Some(most), ..UserTerms::default() };
        roll.users.insert(name.to_owned(), user(terms));
    }
    let limits = with_roll(Path::new("w.toml"), &text, &alone, &roll).expect("sound").config.user_limits;
    for (name, most) in [("old+few", 1), ("old+many", 2), ("old+none", 2), ("carol", 9), ("old+file", 5)] {
        assert_eq!(limits.of(name), Some(most), "{name}");
    }
}

#[test]
fn a_key_for_back_ends_goes_with_its_customer() {
    let key = |id, customer| {
        let hash = "ab".repeat(32);
        format!(
            "[[api_keys]]\nid = \"{id}\"\nsecret_sha256 = \"{hash}\"\nscopes = [\"calls:read\"]\n{customer}"
        )
    };
    let keys = key("ours", "") + &key("theirs", "customer = \"acme\"\n");
    let text = format!("{}[rest]\n{keys}", text());
    let alone = Config::parse("w.toml", &text).expect("the store may have its customer");
    let with = |customer: Option<CustomerTerms>| {
        let mut roll = Roll::default();
        roll.customers.extend(customer.map(|terms| ("acme".to_owned(), StoredCustomer { terms })));
        with_roll(Path::new("w.toml"), &text, &alone, &roll).expect("sound").config.api_keys
    };
    let ours = alone.api_keys.of(|_| false);
    assert_eq!(with(Some(CustomerTerms::default())), alone.api_keys);
    assert_eq!(with(Some(CustomerTerms { enabled: false, ..CustomerTerms::default() })), ours);
    assert_eq!(with(None), ours);
    assert_ne!(ours, alone.api_keys);
}

#[test]
fn an_account_of_a_user_of_the_store_is_at_its_trunk_and_goes_with_it() {
    let trunk = "[[trunks]]\nname = \"pstn\"\nhost = \"192.0.2.7\"\n";
    let account = || {
        let (name, realm) = ("4930".to_owned(), Some("pstn.example".to_owned()));
        let credentials = UpstreamCredentials { user: name.clone(), realm };
        let terms = UpstreamTerms { user: name, expires_s: Some(90), credentials };
        StoredUpstream { terms, password: SecretText::new("a \"quoted\" \\ password".to_owned()) }
    };
    let at = |user: &str| (user.to_owned(), "pstn".to_owned());
    let mut roll = Roll::default();
    let limits = LimitTerms { calls_per_minute: Some(3), ..LimitTerms::default() };
    roll.users.insert("carol".to_owned(), user(UserTerms { limits, ..UserTerms::default() }));
    roll.users.insert("dora".to_owned(), user(UserTerms::default()));
    roll.upstream.insert(at("carol"), account());
    let with = |trunks: &str, roll: &Roll| {
        let text = format!("{}{trunks}", text());
        let alone = Config::parse("w.toml", &text).expect("sound");
        with_roll(Path::new("w.toml"), &text, &alone, roll).expect("sound")
    };
    let Peopled { config, left_out, .. } = with(trunk, &roll);
    assert_eq!(left_out, []);
    let [own] = config.trunks[0].sip.registrations.as_slice() else { panic!("one account") };
    assert_eq!((own.user.as_str(), own.of_user.as_deref()), ("4930", Some("carol")));
    assert_eq!(own.expires.as_secs(), 90);
    let credentials = own.credentials.as_ref().expect("its own");
    assert_eq!((credentials.username.as_str(), credentials.realm.as_deref()), ("4930", Some("pstn.example")));
    assert_eq!(credentials.password, "a \"quoted\" \\ password");
    assert!(config.users.contains("dora"));

    // Without its trunk the user is left out, and so is the second of two who have one account there.
    let told = |peopled: Peopled| peopled.left_out.iter().map(ToString::to_string).collect::<Vec<_>>();
    let alone = told(with("", &roll));
    let expected = "user \"carol\": upstream[0].trunk = \"pstn\": no trunk has this name";
    assert!(alone.len() == 1 && alone[0].starts_with(expected), "{alone:?}");
    roll.upstream.insert(at("dora"), account());
    let twice = told(with(trunk, &roll));
    assert!(twice.len() == 1 && twice[0].starts_with("user \"dora\": upstream[0].user"), "{twice:?}");
    assert!(!twice[0].contains("quoted"), "{twice:?}");
}

#[test]
fn a_password_that_tokens_name_is_there_as_long_as_its_customer_is() {
    let mut roll = Roll::default();
    for (name, customer) in [("ours", None), ("theirs", Some("acme")), ("lost", Some("gone"))] {
        let customer = customer.map(str::to_owned);
        let own = StoredAccountPassword { customer, password: SecretText::new("sesame".to_owned()) };
        roll.account_passwords.insert(name.to_owned(), own);
    }
    let with = |enabled| {
        let mut roll = roll.clone();
        let terms = CustomerTerms { enabled, ..CustomerTerms::default() };
        roll.customers.insert("acme".to_owned(), StoredCustomer { terms });
        let json = peopled(&roll).config.json.expect("it is there");
        let mut names: Vec<_> = json.keys.passwords.keys().cloned().collect();
        names.sort();
        (names.join(" "), json.keys)
    };
    let (enabled, disabled) = (with(true), with(false));
    assert_eq!([enabled.0, disabled.0], ["ours theirs", "ours"]);
    assert_ne!(enabled.1, disabled.1, "pages hear of it");
    assert_eq!(with(true).1, enabled.1);
}

#[test]
fn a_webhook_goes_with_its_customer_and_that_is_told() {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let hook = |name, customer| {
        format!(
            "[[webhooks]]\nname = \"{name}\"\nurl = \"http://crm.example/\"\nallow_insecure = true\n\
             secrets = [{{ id = \"a\", secret = \"{secret}\" }}]\n{customer}"
        )
    };
    let hooks = hook("ours", "") + &hook("theirs", "customer = \"acme\"\n");
    let text = format!("{}[rest]\n{hooks}", text());
    let alone = Config::parse("w.toml", &text).expect("the store may have its customer");
    let with = |customer: Option<CustomerTerms>| {
        let mut roll = Roll::default();
        roll.customers.extend(customer.map(|terms| ("acme".to_owned(), StoredCustomer { terms })));
        let Peopled { config, left_out, .. } =
            with_roll(Path::new("w.toml"), &text, &alone, &roll).expect("sound");
        let names: Vec<_> = config.webhooks.into_iter().map(|hook| hook.name).collect();
        (names.join(" "), left_out.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    assert_eq!(with(Some(CustomerTerms::default())), ("ours theirs".to_owned(), vec![]));
    let told = "webhook \"theirs\": its customer \"acme\" is nowhere, or is disabled".to_owned();
    let disabled = CustomerTerms { enabled: false, ..CustomerTerms::default() };
    for customer in [None, Some(disabled)] {
        assert_eq!(with(customer), ("ours".to_owned(), vec![told.clone()]));
    }
}

#[test]
fn a_key_of_the_store_is_one_of_all_until_it_is_revoked() {
    let key = |scope: &str, customer: Option<&str>| StoredApiKey {
        hash: [7; 32],
        scopes: vec![scope.to_owned()],
        customer: customer.map(str::to_owned),
        created: UnixTime(1),
        validity: Validity { not_before: None, not_after: Some(UnixTime(9)) },
        revoked: None,
    };
    let text = format!(
        "{}[rest]\n[[api_keys]]\nid = \"file\"\nsecret_sha256 = \"{}\"\nscopes = [\"calls:read\"]\n",
        text(),
        "ab".repeat(32)
    );
    let alone = Config::parse("w.toml", &text).expect("sound");
    let mut roll = Roll::default();
    for (id, own) in [
        ("ours", key("events", None)),
        ("theirs", key("events", Some("old"))),
        ("of-nobody", key("events", Some("gone"))),
        ("file", key("events", None)),
        ("newer", key("moon:read", None)),
    ] {
        roll.api_keys.insert(id.to_owned(), own);
    }
    let with = |roll: &Roll| with_roll(Path::new("w.toml"), &text, &alone, roll).expect("sound");
    let peopled = with(&roll);
    assert_eq!(peopled.config.api_keys.ids().collect::<Vec<_>>(), ["file", "ours", "theirs"]);
    let told: Vec<_> = peopled.left_out.iter().map(ToString::to_string).collect();
    assert!(told[0].starts_with("API key \"file\": the configuration file has"), "{told:?}");
    assert!(told[1].starts_with("API key \"newer\": scopes: \"moon:read\" is no scope"), "{told:?}");
    roll.api_keys.get_mut("ours").expect("it is there").revoked = Some(UnixTime(3));
    assert_eq!(with(&roll).config.api_keys.ids().collect::<Vec<_>>(), ["file", "theirs"]);
}

#[test]
fn a_number_that_customers_share_is_the_first_ones_and_the_others_go_without_it_and_no_more() {
    let text = text().replace("name = \"old\"\n", "name = \"old\"\nnumbers = [\"+1\"]\n");
    let alone = Config::parse("w.toml", &text).expect("sound");
    let of = |numbers: &[&str], enabled| {
        let numbers = numbers.iter().map(|number| (*number).to_owned()).collect();
        StoredCustomer { terms: CustomerTerms { enabled, numbers, ..CustomerTerms::default() } }
    };
    let mut roll = Roll::default();
    for (name, customer) in
        [("zeta", of(&["2", "3"], true)), ("acme", of(&["1", "+2", "2"], true)), ("beta", of(&["+3"], false))]
    {
        roll.customers.insert(name.to_owned(), customer);
    }
    let Peopled { config, left_out, .. } =
        with_roll(Path::new("w.toml"), &text, &alone, &roll).expect("sound");
    let numbers: Vec<_> = config
        .entry
        .customers
        .iter()
        .map(|customer| format!("{} {}", customer.issuer.name, customer.numbers.join(" ")))
        .collect();
    assert_eq!(numbers, ["old +1", "acme +2 2", "zeta 3"]);
    assert!(left_out.iter().all(LeftOut::is_let_go), "nobody's change is refused for it");
    let told: Vec<_> = left_out.iter().map(ToString::to_string).collect();
    let expected = [
        "number \"1\": is of the customers \"old\" and \"acme\", of whom the first has it; take it out of one of them",
        "number \"2\": is of the customers \"acme\" and \"zeta\", of whom the first has it; take it out of one of them",
    ];
    assert_eq!(told, expected);
}

#[test]
fn what_the_store_has_in_vain_is_left_out_and_keeps_nobody_back() {
    let mut roll = Roll::default();
    let calls_max = |most| user(UserTerms { calls_max: Some(most), ..UserTerms::default() });
    for (name, most) in [("alice", 1), ("bad", 0), ("carol", 1), ("not a name", 1)] {
        roll.users.insert(name.to_owned(), calls_max(most));
    }
    roll.customers.insert("old".to_owned(), StoredCustomer::default());
    let guests = CustomerTerms { guests: true, ..CustomerTerms::default() };
    roll.customers.insert("shop".to_owned(), StoredCustomer { terms: guests });
    roll.keys.insert(
        "short".to_owned(),
        StoredKey { secret: SecretText::new("x".to_owned()), ..key(KeyKind::Edge, None) },
    );
    let Peopled { config, left_out, .. } = peopled(&roll);
    let told: Vec<_> = left_out.iter().map(ToString::to_string).collect();
    for (who, why) in [
        ("user \"alice\"", "the configuration file has a user of this name"),
        ("user \"bad\"", "calls_max = 0: is out of range; write 1 or more"),
        ("user \"not a name\"", "is no user name"),
        ("customer \"old\"", "the configuration file has a customer of this name"),
        ("customer \"shop\"", "lets anybody call"),
        ("key \"short\"", "has fewer than 16 octets"),
    ] {
        assert!(told.iter().any(|line| line.starts_with(who) && line.contains(why)), "{who}: {told:#?}");
    }
    assert_eq!(told.len(), 6, "{told:#?}");
    assert!(config.users.contains("carol") && !config.users.contains("bad"));
    assert_eq!(config.user_limits.of("alice"), None, "the file's goes before it");
}
