use sqlx::Connection as _;
use webtrunk_signalling::auth::secret::SecretText;
use webtrunk_signalling::auth::validity::Validity;

use super::super::tests::Place;
use super::super::{SealCounts, Store};
use super::seals::seal;
use super::*;
use crate::config::StoreConfig;
use crate::people::{
    CustomerTerms, KeyKind, KeyTerms, LimitTerms, StoredAccountPassword, StoredApiKey, StoredCustomer,
    StoredKey, StoredUpstream, StoredUser, UpstreamCredentials, UpstreamTerms, UserAtTrunk, UserTerms,
};

fn key(digit: &str) -> StoreKey {
    StoreKey::from_hex(&digit.repeat(64)).expect("a key")
}

/// The keys of a store, the first of which seals.
fn keys(digits: &[&str]) -> StoreKeys {
    let [sealing, older @ ..] = digits else { panic!("one seals") };
    StoreKeys::new(key(sealing), older.iter().map(|digit| key(digit)).collect())
}

fn text(text: &str) -> SecretText {
    SecretText::new(text.to_owned())
}

fn rows() -> Vec<Row> {
    let limits = LimitTerms { calls_per_minute: Some(3), ..LimitTerms::default() };
    let terms = UserTerms { groups: vec!["sales".to_owned()], limits, ..UserTerms::default() };
    let user = StoredUser { ha1: [text(&"a".repeat(32)), text(&"b".repeat(64))], terms };
    let customer = StoredCustomer { terms: CustomerTerms { calls_max: Some(2), ..CustomerTerms::default() } };
    let key = StoredKey {
        kind: KeyKind::Customer,
        secret: text("north wind and sun"),
        terms: KeyTerms { customer: Some("acme".to_owned()), ..KeyTerms::default() },
        validity: Validity { not_before: None, not_after: Some(UnixTime(7)) },
        revoked: Some(UnixTime(5)),
    };
    let api_key = StoredApiKey {
        hash: [7; 32],
        scopes: vec!["calls:read".to_owned()],
        customer: None,
        created: UnixTime(3),
        validity: Validity::default(),
        revoked: None,
    };
    let credentials = UpstreamCredentials { user: "4930".to_owned(), realm: None };
    let terms = UpstreamTerms { user: "4930".to_owned(), expires_s: Some(600), credentials };
    let account = StoredUpstream { terms, password: text("lentils and peas") };
    let password = StoredAccountPassword { customer: Some("acme".to_owned()), password: text("open sesame") };
    vec![
        Row::User("carol".to_owned(), Some(user)),
        Row::Customer("acme".to_owned(), Some(customer)),
        Row::Key("k1".to_owned(), Some(key)),
        Row::ApiKey("crm".to_owned(), Some(api_key)),
        Row::Upstream(at(), Some(account)),
        Row::AccountPassword("kept".to_owned(), Some(password)),
    ]
}

/// All tables.
const TABLES: [&str; 6] = ["users", "customers", "keys", "api_keys", "upstream", "account_passwords"];

fn at() -> UserAtTrunk {
    ("carol".to_owned(), "pstn".to_owned())
}

async fn refusal(place: &Place, connection: &mut Connection, digits: &[&str]) -> String {
    let read = load(&place.place, connection, &keys(digits)).await;
    read.map(|_| ()).expect_err("it is not to be opened").to_string()
}

async fn written(connection: &mut Connection, rows: &[Row]) {
    let mut is_committing = false;
    write(connection, rows, &key("1"), &mut is_committing).await.expect("there is room");
    assert!(is_committing);
}

#[tokio::test]
async fn what_was_written_is_read_again_by_its_key_alone_and_no_secret_is_in_the_clear() {
    for place in Place::each() {
        let mut connection = place.connection().await;
        let mut expected = Roll::default();
        for _ in 0..2 {
            written(&mut connection, &rows()).await;
            expected.take(&rows());
        }
        let read = load(&place.place, &mut connection, &keys(&["1"])).await.expect("rows");
        assert_eq!((read.roll, read.stale), (expected, 0));
        let told = refusal(&place, &mut connection, &["2"]).await;
        let by = key("1").id().to_owned();
        assert!(
            told.contains(&format!("is sealed by the key {by}, and store.secret_key has {}", key("2").id())),
            "{told}"
        );
        let (md5, secret): (Vec<u8>, Vec<u8>) =
            sqlx::query_as("SELECT users.ha1_md5, keys.secret FROM users CROSS JOIN keys")
                .fetch_one(&mut connection)
                .await
                .expect("a row");
        assert!(!md5.windows(8).any(|it| it == b"aaaaaaaa") && !secret.windows(5).any(|it| it == b"north"));
        let (account, named): (Vec<u8>, Vec<u8>) = sqlx::query_as(
            "SELECT upstream.password, account_passwords.password FROM upstream CROSS JOIN account_passwords",
        )
        .fetch_one(&mut connection)
        .await
        .expect("a row");
        assert!(
            !account.windows(7).any(|it| it == b"lentils") && !named.windows(6).any(|it| it == b"sesame")
        );
        let gone = [
            Row::User("carol".to_owned(), None),
            Row::Customer("acme".to_owned(), None),
            Row::Key("k1".to_owned(), None),
            Row::ApiKey("crm".to_owned(), None),
            Row::Upstream(at(), None),
            Row::AccountPassword("kept".to_owned(), None),
        ];
        written(&mut connection, &gone).await;
        let left = load(&place.place, &mut connection, &keys(&["2"])).await.expect("rows");
        assert_eq!(left.roll, Roll::default());
    }
}

/// Who can write to the database gives nobody another's password, other rights, or a key.
#[tokio::test]
async fn a_row_that_somebody_else_made_or_changed_is_refused() {
    for place in Place::each() {
        for statement in [
            "INSERT INTO users (name, ha1_md5, ha1_sha256, terms, seal, sealed_by) \
             SELECT 'mallory', ha1_md5, ha1_sha256, terms, seal, sealed_by FROM users",
            "UPDATE users SET name = 'mallory'",
            "UPDATE users SET terms = '{}'",
            "UPDATE customers SET terms = '{}'",
            "UPDATE keys SET revoked_s = NULL",
            "UPDATE keys SET kind = 'edge'",
            "UPDATE api_keys SET scopes = '[\"calls:read\",\"calls:write\"]'",
            "UPDATE api_keys SET customer = 'acme'",
            "INSERT INTO api_keys (id, hash, scopes, customer, created_s, not_before_s, not_after_s, revoked_s, seal, sealed_by) \
             SELECT 'mallory', hash, scopes, customer, created_s, not_before_s, not_after_s, revoked_s, seal, sealed_by FROM api_keys",
            "UPDATE users SET sealed_by = 'ffffffff'",
            "UPDATE upstream SET trunk = 'theirs'",
            "UPDATE upstream SET terms = '{\"user\":\"1\",\"credentials\":{\"user\":\"1\"}}'",
            "UPDATE account_passwords SET customer = NULL",
            "UPDATE account_passwords SET name = 'other'",
        ] {
            let mut connection = place.connection().await;
            written(&mut connection, &rows()).await;
            load(&place.place, &mut connection, &keys(&["1"])).await.expect("it is as it was written");
            sqlx::query(statement).execute(&mut connection).await.expect("it is written to");
            let told = refusal(&place, &mut connection, &["1"]).await;
            assert!(told.contains("store.secret_key"), "{statement}: {told}");
            for table in TABLES {
                let all = format!("DELETE FROM {table}");
                sqlx::query(&all).execute(&mut connection).await.expect("it is written to");
            }
        }
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_read_keeps_no_other_back() {
    for place in Place::each() {
        let mut connection = place.connection().await;
        written(&mut connection, &rows()).await;
        // As another version of ours might write it.
        let (name, terms) = ("acme", "{\"colour\": 1}");
        let spoilt = sqlx::query("UPDATE customers SET terms = $1, seal = $2");
        let spoilt = spoilt.bind(terms).bind(seal(&key("1"), "customers", &(name, terms)));
        spoilt.execute(&mut connection).await.expect("a row");
        let read = load(&place.place, &mut connection, &keys(&["1"])).await.expect("rows").roll;
        assert_eq!((read.users.len(), read.customers.len()), (1, 0));
    }
}

/// As rows were before there was more than one key: none says which has sealed it.
async fn forget_keys(connection: &mut Connection) {
    for table in TABLES {
        let query = format!("UPDATE {table} SET sealed_by = NULL");
        sqlx::query(&query).execute(&mut *connection).await.expect("it is written to");
    }
}

#[tokio::test]
async fn rows_of_a_key_of_before_are_open_and_sealed_anew_until_it_may_be_taken_out() {
    for place in Place::each() {
        for is_said in [true, false] {
            let mut connection = place.connection().await;
            written(&mut connection, &rows()).await;
            // Whose terms cannot be read is sealed anew too.
            let odd = seal(&key("1"), "customers", &("odd", "{\"colour\": 1}"));
            let query = sqlx::query("INSERT INTO customers VALUES ('odd', '{\"colour\": 1}', $1, $2)");
            let query = query.bind(odd).bind(key("1").id().to_owned());
            query.execute(&mut connection).await.expect("a row");
            if !is_said {
                forget_keys(&mut connection).await;
            }
            let mut expected = Roll::default();
            expected.take(&rows());
            let both = keys(&["2", "1"]);
            let read = load(&place.place, &mut connection, &both).await.expect("rows");
            assert_eq!((read.roll, read.stale), (expected.clone(), 7));
            let told = refusal(&place, &mut connection, &["2"]).await;
            assert_eq!(told.contains(key("1").id()), is_said, "{told}");
            assert_eq!(told.contains("does not say by which key"), !is_said, "{told}");
            assert_eq!(reseal(&place.place, &mut connection, &both).await.expect("there is room"), 7);
            assert_eq!(reseal(&place.place, &mut connection, &both).await.expect("there is room"), 0);
            let read =
                load(&place.place, &mut connection, &keys(&["2"])).await.expect("by the new key alone");
            assert_eq!((read.roll, read.stale), (expected, 0));
            assert!(refusal(&place, &mut connection, &["1"]).await.contains(key("2").id()));
            for table in TABLES {
                let all = format!("DELETE FROM {table}");
                sqlx::query(&all).execute(&mut connection).await.expect("it is written to");
            }
            connection.close().await.expect("it was open");
        }
    }
}

/// However many tables have some: a server takes its time for each row, and is given up.
#[tokio::test]
async fn no_more_rows_are_sealed_anew_at_one_time_than_may_be_of_all_tables_together() {
    for place in Place::each() {
        let mut connection = place.connection().await;
        let many = (0..30).flat_map(|number| {
            rows().into_iter().filter_map(move |row| match row {
                Row::User(_, user) => Some(Row::User(format!("u{number}"), user)),
                Row::Customer(_, customer) => Some(Row::Customer(format!("c{number}"), customer)),
                Row::AccountPassword(_, own) => Some(Row::AccountPassword(format!("p{number}"), own)),
                Row::Key(..) | Row::ApiKey(..) | Row::Upstream(..) => None,
            })
        });
        written(&mut connection, &many.collect::<Vec<_>>()).await;
        let both = keys(&["2", "1"]);
        let mut counts = Vec::new();
        while counts.last() != Some(&0) {
            counts.push(reseal(&place.place, &mut connection, &both).await.expect("there is room"));
        }
        assert_eq!(counts, [50, 40, 0]);
    }
}

/// As many as a few times what is sealed anew at one time, while a change is made.
#[tokio::test]
async fn a_store_is_sealed_anew_beside_changes_by_the_time_it_is_opened_again() {
    for place in Place::each() {
        let config = |digits: &[&str]| StoreConfig { secret_key: Some(keys(digits)), ..place.config() };
        let user = |number: usize| {
            let Row::User(_, user) = rows().swap_remove(0) else { panic!("a user") };
            Row::User(format!("u{number}"), user)
        };
        let store = Store::open(&config(&["1"]), None).await.expect("it is sound");
        store.people_keeper().write((0..180).map(user).collect()).await.expect("there is room");
        store.finish().await;
        let mut store = Store::open(&config(&["2", "1"]), None).await.expect("it is sound");
        assert_eq!(store.take_roll().expect("people").users.len(), 180);
        let gone = vec![Row::User("u7".to_owned(), None), user(200)];
        store.people_keeper().write(gone).await.expect("there is room");
        let is_done = async || {
            let counts = SealCounts::read(&place.place).await.expect("it is there");
            counts.told(&keys(&["2", "1"])).iter().any(|line| line.contains("may be taken out"))
        };
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
        while !is_done().await {
            assert!(tokio::time::Instant::now() < deadline, "in time");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        store.finish().await;
        let mut store = Store::open(&config(&["2"]), None).await.expect("the old key is not needed");
        let roll = store.take_roll().expect("people");
        assert_eq!((roll.users.len(), roll.users.contains_key("u7")), (180, false));
        store.finish().await;
    }
}
