//! The gateway as a customer's servlet: what is asked before a back end gets a login of the edge for somebody of its customer.
//!
//! ```text
//! customer's back end -- for whom, at what time --> its clock --> the customer's policy --> its rate --> the issuer
//! ```
//!
//! Whose the back end is was proven before, by its key.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::bucket::{Bucket, Rate};
use super::validity::UnixTime;

/// Logins that a customer has made in a minute at most, where nobody says. Chosen by us: a call centre of a hundred people
/// whose pages are all loaded anew.
pub const PER_MINUTE: u32 = 120;

/// For whom a customer's back ends may have logins made, and how many.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LoginPolicy {
    /// For those of whom one of these is true; none, for everybody of the customer.
    pub users: Vec<NamePattern>,
    /// How many in a minute, at once or one after the other.
    pub per_minute: u32,
}

/// A name, or with a star behind it how names begin. The customer's own stands before neither.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NamePattern {
    text: String,
    is_begin: bool,
}

/// It is no name, nor the begin of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no name, nor how names begin")]
pub struct NoPattern;

/// There is no login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoLogin {
    /// None are made at all.
    #[error("logins are made for nobody; add [entry.logins]")]
    Closed,
    /// The request was made at another time than now.
    #[error("time is {off_s} s apart from the gateway's clock, and may be {most_s} s")]
    Clock {
        /// How far.
        off_s: u64,
        /// How far it may be.
        most_s: u64,
    },
    /// There is no such customer, or it is disabled.
    #[error("there is no such customer")]
    NoCustomer,
    /// The customer has none made for such a user.
    #[error("no logins are made for such a user of the customer (customers[].logins.users)")]
    NotAllowed,
    /// The customer has as many made as it may.
    #[error("the customer has as many logins made as it may (customers[].logins.per_minute)")]
    TooMany {
        /// Until there is another.
        wait: Duration,
    },
}

/// What customers' back ends may have made, and what is left of that.
#[derive(Debug, Default)]
pub struct Logins {
    /// How far a clock may be from ours; `None` where no logins are made.
    leeway: Option<Duration>,
    customers: HashMap<String, Left>,
}

#[derive(Debug)]
struct Left {
    policy: LoginPolicy,
    bucket: Bucket,
}

impl Logins {
    /// Goes by these from now on. Who has used up its minute has no other one by that.
    pub fn take_up(&mut self, leeway: Option<Duration>, customers: Vec<(String, LoginPolicy)>) {
        let before = std::mem::take(&mut self.customers);
        let left = |(name, policy): (String, LoginPolicy)| {
            let bucket = before.get(&name).map_or_else(|| Bucket::full(policy.rate()), |left| left.bucket);
            (name, Left { policy, bucket })
        };
        self.customers = customers.into_iter().map(left).collect();
        self.leeway = leeway;
    }

    /// Takes one more login for a customer's user, whose back end says that it is this time.
    ///
    /// # Errors
    /// [`NoLogin`]; then none is taken.
    pub fn take(
        &mut self,
        (customer, user): (&str, &str),
        said: UnixTime,
        wall: UnixTime,
        now: Instant,
    ) -> Result<(), NoLogin> {
        let most = self.leeway.ok_or(NoLogin::Closed)?;
        let off = said.since(wall).max(wall.since(said));
        if off > most {
            return Err(NoLogin::Clock { off_s: off.as_secs(), most_s: most.as_secs() });
        }
        let Left { policy, bucket } = self.customers.get_mut(customer).ok_or(NoLogin::NoCustomer)?;
        if !policy.allows(user) {
            return Err(NoLogin::NotAllowed);
        }
        bucket.take(policy.rate(), 0.0, now).map_err(|wait| NoLogin::TooMany { wait })
    }
}

impl LoginPolicy {
    fn allows(&self, user: &str) -> bool {
        self.users.is_empty() || self.users.iter().any(|pattern| pattern.holds(user))
    }

    fn rate(&self) -> Rate {
        Rate::new(f64::from(self.per_minute) / 60.0, self.per_minute)
    }
}

impl Default for LoginPolicy {
    fn default() -> Self {
        Self { users: Vec::new(), per_minute: PER_MINUTE }
    }
}

impl NamePattern {
    fn holds(&self, user: &str) -> bool {
        if self.is_begin { user.starts_with(&self.text) } else { user == self.text }
    }
}

impl std::str::FromStr for NamePattern {
    type Err = NoPattern;

    fn from_str(text: &str) -> Result<Self, NoPattern> {
        let begin = text.strip_suffix('*');
        let (text, is_begin) = (begin.unwrap_or(text), begin.is_some());
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let is_sound = (1..=64).contains(&text.len()) && text.bytes().all(is_allowed);
        if is_sound { Ok(Self { text: text.to_owned(), is_begin }) } else { Err(NoPattern) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: UnixTime = UnixTime(1_764_288_000);

    fn policy(users: &[&str], per_minute: u32) -> LoginPolicy {
        let users = users.iter().map(|text| text.parse().expect("a pattern")).collect();
        LoginPolicy { users, per_minute }
    }

    fn logins(customers: &[(&str, LoginPolicy)]) -> Logins {
        let mut logins = Logins::default();
        let customers = customers.iter().map(|(name, policy)| ((*name).to_owned(), policy.clone()));
        logins.take_up(Some(Duration::from_secs(30)), customers.collect());
        logins
    }

    #[test]
    fn a_request_of_another_time_gets_no_login() {
        let mut logins = logins(&[("acme", LoginPolicy::default())]);
        let mut at = |said| logins.take(("acme", "alice"), UnixTime(said), WALL, Instant::now());
        for said in [WALL.0 - 30, WALL.0, WALL.0 + 30] {
            assert_eq!(at(said), Ok(()), "{said}");
        }
        for (said, off_s) in
            [(WALL.0 - 31, 31), (WALL.0 + 31, 31), (0, WALL.0), (u64::MAX, u64::MAX - WALL.0)]
        {
            assert_eq!(at(said), Err(NoLogin::Clock { off_s, most_s: 30 }), "{said}");
        }
    }

    #[test]
    fn a_customer_has_logins_for_those_whom_its_policy_names_alone() {
        let mut logins =
            logins(&[("acme", policy(&["desk", "agent-*"], 60)), ("bolt", LoginPolicy::default())]);
        let mut take = |customer, user| logins.take((customer, user), WALL, WALL, Instant::now());
        for (customer, user) in
            [("acme", "desk"), ("acme", "agent-7"), ("acme", "agent-"), ("bolt", "anybody")]
        {
            assert_eq!(take(customer, user), Ok(()), "{customer} {user}");
        }
        for user in ["desk2", "Desk", "agent", "an-agent-7", ""] {
            assert_eq!(take("acme", user), Err(NoLogin::NotAllowed), "{user}");
        }
        assert_eq!(take("gone", "desk"), Err(NoLogin::NoCustomer));
        let mut closed = Logins::default();
        assert_eq!(closed.take(("acme", "desk"), WALL, WALL, Instant::now()), Err(NoLogin::Closed));
        for wrong in ["", "*", "a+b", "a*b", "a b", "ä", &"a".repeat(65)] {
            assert_eq!(wrong.parse::<NamePattern>(), Err(NoPattern), "{wrong}");
        }
    }

    #[test]
    fn a_customer_has_so_many_in_a_minute_whatever_is_taken_up_and_others_have_their_own() {
        let customers = [("acme", policy(&[], 6)), ("bolt", policy(&[], 6))];
        let (mut logins, start) = (logins(&customers), Instant::now());
        let mut take = |customer, after_s| {
            logins.take((customer, "alice"), WALL, WALL, start + Duration::from_secs(after_s))
        };
        assert!((0..6).all(|_| take("acme", 0).is_ok()));
        assert_eq!(take("acme", 0), Err(NoLogin::TooMany { wait: Duration::from_secs(10) }));
        assert!(take("bolt", 0).is_ok());
        let again = customers.map(|(name, policy)| (name.to_owned(), policy));
        logins.take_up(Some(Duration::from_secs(30)), again.into());
        let mut take =
            |after_s| logins.take(("acme", "alice"), WALL, WALL, start + Duration::from_secs(after_s));
        assert!(take(1).is_err() && take(11).is_ok() && take(12).is_err());
    }
}
