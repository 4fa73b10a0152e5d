//! The first hop of two: a customer's server makes a name and a password for a person by a secret that it shares with us;
//! whoever has them gets others here, which the edge checks by a secret that no customer has.
//!
//! ```text
//! customer's server                         issuer                                  edge
//!  EXPIRY:USER[:KEY], its MAC --> page --> the customer by its key, in time --> EXPIRY:CUSTOMER+USER:KEY, its MAC
//! ```
//!
//! The edge knows no customers: whose a user is stands before the plus of its name, so that no customer can name
//! another's user, and rules and limits can tell them apart.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::bucket::Rate;
use super::ephemeral::{EphemeralCredential, EphemeralKeys};
use super::limits::{FailureLimits, Proof};
use super::secret::SecretText;
use super::sources::Sources;
use super::validity::UnixTime;

/// A customer, as far as its first hop goes.
#[derive(Debug, Clone)]
pub struct IssuerCustomer {
    /// Its name.
    pub name: String,
    /// The secrets that its server shares with us.
    pub keys: EphemeralKeys,
    /// How long what the edge gets is good; no longer than what was brought.
    pub lifetime: Duration,
    /// Whether anybody on its pages may call, as a guest.
    pub guests: bool,
}

/// What was brought is good for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotIssued {
    /// No customer's secret made it, or its time is over, or it is of nobody.
    #[error("no customer's key in force has made this name and password, or their time is over")]
    Unproven,
    /// The source, or the name, was wrong too often.
    #[error("too much was wrong that came from there, or asked for; it has to wait a minute")]
    Waits,
    /// Its customer lets nobody in who is not known.
    #[error("no customer of that page has guests")]
    NoGuests,
    /// There is no such customer.
    #[error("there is no such customer")]
    NoCustomer,
    /// Users of its customer come from other networks.
    #[error("it comes from outside of its customer's networks (customers[].networks)")]
    Elsewhere,
    /// The edge has no key in force, or the names are too long together.
    #[error("the edge has no key in force, or the customer's and user's names are too long together")]
    NoKey,
}

/// What was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// Whose it is.
    pub customer: String,
    /// The user, as the edge knows it.
    pub user: String,
    /// What the edge takes.
    pub credential: EphemeralCredential,
}

/// Issues credentials of the edge.
#[derive(Debug, Default)]
pub struct Issuer {
    customers: Vec<IssuerCustomer>,
    edge: EphemeralKeys,
    failures: FailureLimits,
    /// How many guests come from each address.
    guests: Sources,
}

/// Guests of one address: six a minute, three at once. Chosen by us: a page that is loaded anew is one, and so is each person
/// of an office.
const GUESTS_PER_S: f64 = 0.1;
const GUESTS_AT_ONCE: u32 = 3;

/// How the names of guests begin, behind their customer's.
const GUEST: &str = "guest-";

/// What stands between a customer and its user.
pub const CUSTOMER_MARK: char = '+';

/// The name of a customer's user.
#[must_use]
pub fn user_of_customer(customer: &str, user: &str) -> String {
    format!("{customer}{CUSTOMER_MARK}{user}")
}

/// The customer whose user this is by its name. A number, which begins with the mark, is nobody's.
#[must_use]
pub fn customer_of(user: &str) -> Option<&str> {
    user.split_once(CUSTOMER_MARK).map(|(customer, _)| customer).filter(|customer| !customer.is_empty())
}

/// Whether a user is somebody whom nobody knows: what is for every user is not for such a one.
#[must_use]
pub fn is_guest(user: &str) -> bool {
    user.split_once(CUSTOMER_MARK).is_some_and(|(_, name)| name.starts_with(GUEST))
}

/// As whom the calls of all users of a customer are counted together: the name of none of them.
#[must_use]
pub fn all_of_customer(user: &str) -> Option<&str> {
    let mark = user.find(CUSTOMER_MARK)?;
    Some(&user[..=mark]).filter(|all| all.len() < user.len())
}

impl Issuer {
    /// Issues by these from now on; who guessed before waits still.
    pub fn take_up(&mut self, customers: Vec<IssuerCustomer>, edge: EphemeralKeys) {
        self.customers = customers;
        self.edge = edge;
    }

    /// What the edge takes, for who has this name and password.
    ///
    /// # Errors
    /// Why not, for the log; whoever asks is told nothing of it.
    pub fn issue(
        &mut self,
        (name, password): (&str, &SecretText),
        source: IpAddr,
        wall: UnixTime,
        now: Instant,
    ) -> Result<Issued, NotIssued> {
        let source = source.to_canonical();
        if self.failures.must_wait(source, name, Proof::Reached, now) {
            return Err(NotIssued::Waits);
        }
        // Each is asked, so that the time tells nothing.
        let proven = self.customers.iter().filter_map(|customer| {
            let known = customer.keys.verify(name, password, wall).ok()?;
            // A name with a mark could be taken for another's.
            let user = known.user.filter(|user| !user.contains(CUSTOMER_MARK))?;
            Some((customer, user, known.expires))
        });
        let proven: Vec<_> = proven.collect();
        let [(customer, user, expires)] = proven.as_slice() else {
            self.failures.failed(source, name, Proof::Reached, now);
            return Err(NotIssued::Unproven);
        };
        self.made(customer, user, customer.lifetime.min(expires.since(wall)), wall)
    }

    /// What the edge takes for a user of a customer, whose back end has proven itself otherwise; for so long, and no longer
    /// than the customer's are good.
    ///
    /// # Errors
    /// Why not.
    pub fn issue_for(
        &self,
        (customer, user): (&str, &str),
        lifetime: Option<Duration>,
        wall: UnixTime,
    ) -> Result<Issued, NotIssued> {
        let customer = self.customers.iter().find(|known| known.name == customer);
        let customer = customer.ok_or(NotIssued::NoCustomer)?;
        let lifetime = lifetime.map_or(customer.lifetime, |wanted| wanted.min(customer.lifetime));
        self.made(customer, user, lifetime, wall)
    }

    fn made(
        &self,
        customer: &IssuerCustomer,
        user: &str,
        lifetime: Duration,
        wall: UnixTime,
    ) -> Result<Issued, NotIssued> {
        let user = user_of_customer(&customer.name, user);
        let credential = self.edge.make(Some(&user), lifetime, wall).ok_or(NotIssued::NoKey)?;
        Ok(Issued { customer: customer.name.clone(), user, credential })
    }

    /// What the edge takes, for a guest on a page of one of these customers; `name` is random.
    ///
    /// # Errors
    /// Why not, for the log.
    pub fn issue_guest(
        &mut self,
        customers: &[String],
        name: u64,
        source: SocketAddr,
        wall: UnixTime,
        now: Instant,
    ) -> Result<Issued, NotIssued> {
        let has_guests = |customer: &&IssuerCustomer| customer.guests && customers.contains(&customer.name);
        let customer = self.customers.iter().find(has_guests).ok_or(NotIssued::NoGuests)?;
        let rate = Rate::new(GUESTS_PER_S, GUESTS_AT_ONCE);
        // Whatever port it comes from.
        self.guests.take((source.ip(), 0).into(), rate, now).map_err(|_| NotIssued::Waits)?;
        let user = user_of_customer(&customer.name, &format!("{GUEST}{name:016x}"));
        let credential = self.edge.make(Some(&user), customer.lifetime, wall).ok_or(NotIssued::NoKey)?;
        Ok(Issued { customer: customer.name.clone(), user, credential })
    }
}

#[cfg(test)]
mod tests {
    use super::super::ephemeral::{EphemeralHash, EphemeralKey, EphemeralName};
    use super::super::secret::SecretOctets;
    use super::super::validity::Validity;
    use super::*;

    const WALL: UnixTime = UnixTime(1_764_288_000);
    const SOURCE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn keys(id: &str) -> EphemeralKeys {
        let secret = SecretOctets::new(format!("north wind and sun {id}").into_bytes());
        let key = EphemeralKey::new(id.to_owned(), secret, EphemeralHash::Sha256, Validity::default());
        EphemeralKeys::new(vec![key.expect("a key")])
    }

    fn issuer() -> Issuer {
        let customer = |name: &str, key| IssuerCustomer {
            name: name.to_owned(),
            keys: keys(key),
            lifetime: Duration::from_secs(600),
            guests: name == "acme",
        };
        let mut issuer = Issuer::default();
        issuer.take_up(vec![customer("acme", "a1"), customer("bolt", "b1")], keys("edge"));
        issuer
    }

    fn first_hop(key: &str, user: Option<&str>, seconds: u64) -> EphemeralCredential {
        keys(key).make(user, Duration::from_secs(seconds), WALL).expect("a name")
    }

    fn issue(
        issuer: &mut Issuer,
        made: &EphemeralCredential,
        wall: u64,
        now: Instant,
    ) -> Result<Issued, NotIssued> {
        issuer.issue((&made.name, &made.password), SOURCE, UnixTime(wall), now)
    }

    #[test]
    fn who_is_proven_by_a_customers_secret_gets_what_the_edge_takes_in_that_customers_name_alone() {
        let (mut issuer, now) = (issuer(), Instant::now());
        for (key, customer) in [("a1", "acme"), ("b1", "bolt")] {
            let issued =
                issue(&mut issuer, &first_hop(key, Some("alice"), 3600), WALL.0, now).expect("proven");
            assert_eq!((issued.customer.as_str(), issued.user), (customer, format!("{customer}+alice")));
            let made = &issued.credential;
            let known = keys("edge").verify(&made.name, &made.password, WALL).expect("the edge takes it");
            assert_eq!(known.user, Some(format!("{customer}+alice").as_str()));
            assert_eq!(known.expires, UnixTime(WALL.0 + 600), "by the customer's time");
        }
        let short = issue(&mut issuer, &first_hop("a1", Some("alice"), 60), WALL.0, now).expect("proven");
        let name = EphemeralName::parse(&short.credential.name).expect("a name");
        assert_eq!(name.expires, UnixTime(WALL.0 + 60), "no longer than what was brought");
    }

    #[test]
    fn what_no_customer_has_made_or_made_for_nobody_or_too_long_ago_gets_nothing() {
        let (mut issuer, now) = (issuer(), Instant::now());
        let own = first_hop("a1", Some("alice"), 60);
        let other = EphemeralCredential { name: own.name.clone(), ..first_hop("b1", Some("alice"), 60) };
        for wrong in [first_hop("edge", Some("alice"), 60), first_hop("a1", None, 60), other] {
            assert_eq!(issue(&mut issuer, &wrong, WALL.0, now), Err(NotIssued::Unproven), "{wrong:?}");
        }
        for marked in ["alice+", "+", "bolt+alice", "+4930123"] {
            let made = first_hop("a1", Some(marked), 60);
            assert_eq!(issue(&mut issuer, &made, WALL.0, now), Err(NotIssued::Unproven), "{marked}");
        }
        assert_eq!(issue(&mut issuer, &own, WALL.0 + 91, now), Err(NotIssued::Unproven), "its time is over");
        assert!(issue(&mut issuer, &own, WALL.0, now).is_ok());
        issuer.take_up(Vec::new(), keys("edge"));
        assert_eq!(
            issue(&mut issuer, &own, WALL.0, now),
            Err(NotIssued::Unproven),
            "its customer is no more"
        );
    }

    #[test]
    fn guests_are_let_in_by_who_has_guests_and_a_few_of_one_address() {
        let (mut issuer, now) = (issuer(), Instant::now());
        let from = |last: u8| SocketAddr::from(([192, 0, 2, last], 5000 + u16::from(last)));
        let mut ask = |customer: &str, source, now| {
            issuer.issue_guest(&[customer.to_owned()], 7, source, WALL, now).map(|issued| issued.user)
        };
        assert_eq!(ask("bolt", from(1), now), Err(NotIssued::NoGuests));
        assert_eq!(ask("nobody", from(1), now), Err(NotIssued::NoGuests));
        for _ in 0..3 {
            assert_eq!(ask("acme", from(1), now), Ok("acme+guest-0000000000000007".to_owned()));
        }
        assert_eq!(ask("acme", from(1), now), Err(NotIssued::Waits));
        assert!(ask("acme", from(2), now).is_ok(), "others are let in");
        assert!(ask("acme", from(1), now + Duration::from_secs(11)).is_ok());
        assert!(is_guest("acme+guest-7") && !is_guest("acme+alice") && !is_guest("guest-7"));
    }

    #[test]
    fn a_back_end_gets_what_the_edge_takes_for_no_longer_than_its_customer_may() {
        let issuer = issuer();
        for (wanted, seconds) in [(None, 600), (Some(30), 30), (Some(3600), 600)] {
            let lifetime = wanted.map(Duration::from_secs);
            let issued = issuer.issue_for(("acme", "alice"), lifetime, WALL).expect("it is known");
            let made = &issued.credential;
            let known = keys("edge").verify(&made.name, &made.password, WALL).expect("the edge takes it");
            assert_eq!((known.user, known.expires), (Some("acme+alice"), UnixTime(WALL.0 + seconds)));
        }
        assert_eq!(issuer.issue_for(("gone", "alice"), None, WALL), Err(NotIssued::NoCustomer));
        assert_eq!(
            issuer.issue_for(("acme", &"a".repeat(60)), None, WALL),
            Err(NotIssued::NoKey),
            "too long"
        );
        let mut keyless = Issuer::default();
        let customer = IssuerCustomer {
            name: "acme".to_owned(),
            keys: EphemeralKeys::default(),
            lifetime: Duration::from_secs(600),
            guests: false,
        };
        keyless.take_up(vec![customer], EphemeralKeys::default());
        assert_eq!(keyless.issue_for(("acme", "alice"), None, WALL), Err(NotIssued::NoKey));
    }

    #[test]
    fn who_guesses_waits() {
        let (mut issuer, now) = (issuer(), Instant::now());
        let own = first_hop("a1", Some("alice"), 60);
        let wrong = EphemeralCredential { password: SecretText::new("guess".to_owned()), ..own.clone() };
        for _ in 0..10 {
            assert_eq!(issue(&mut issuer, &wrong, WALL.0, now), Err(NotIssued::Unproven));
        }
        assert_eq!(issue(&mut issuer, &own, WALL.0, now), Err(NotIssued::Waits));
        assert!(issue(&mut issuer, &own, WALL.0, now + Duration::from_secs(61)).is_ok());
    }
}
