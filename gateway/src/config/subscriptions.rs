//! `[subscriptions]`: which users may watch each other.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;
use webtrunk_signalling::sip::subscription::{SubscriptionConfig, WatchRights, Watchers};

use super::faults::Faults;
use super::trunks::TrunkSection;
use super::users::{UserSection, check_mailboxes, check_supervised, groups_of};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SubscriptionsSection {
    #[serde(default)]
    watchers: WrittenWatchers,
    expires_min_s: Option<Spanned<u32>>,
    expires_max_s: Option<Spanned<u32>>,
    per_user: Option<Spanned<u32>>,
    total: Option<Spanned<u32>>,
    #[serde(default)]
    show_parties: bool,
    /// Who may see that a phone rings need not be who may take the call.
    #[serde(default)]
    pickup: bool,
}

/// Who may watch another user.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WrittenWatchers {
    Nobody,
    /// Whom nobody has put together need not know of each other.
    #[default]
    Group,
    Everybody,
}

/// The longest subscription: a day. Chosen by us.
const EXPIRES_MAX_S: u32 = 24 * 60 * 60;

/// The most subscriptions. Chosen by us: with some 3 KiB each, 300 MiB.
const TOTAL_MAX: u32 = 100_000;

impl SubscriptionsSection {
    pub(super) fn check(
        &self,
        users: &[UserSection],
        trunks: &[TrunkSection],
        faults: &mut Faults<'_>,
    ) -> SubscriptionConfig {
        let usual = SubscriptionConfig::default();
        let [usual_min, usual_max] = [usual.expires_min, usual.expires_max].map(|time| time.as_secs() as u32);
        let mut number = |written: &Option<Spanned<u32>>, usual: u32, range: RangeInclusive<u32>| {
            written.as_ref().map_or(usual, |written| faults.number(written, range, ""))
        };
        let expires_max = number(&self.expires_max_s, usual_max, 1..=EXPIRES_MAX_S);
        let expires_min = number(&self.expires_min_s, usual_min.min(expires_max), 1..=expires_max);
        let total = number(&self.total, usual.total as u32, 0..=TOTAL_MAX);
        let per_user = number(&self.per_user, usual.per_user as u32, 0..=TOTAL_MAX);
        let watchers = match self.watchers {
            WrittenWatchers::Nobody => Watchers::Nobody,
            WrittenWatchers::Group => Watchers::Group,
            WrittenWatchers::Everybody => Watchers::Everybody,
        };
        let tellers = trunks.iter().filter(|trunk| trunk.tells_of_mailboxes());
        SubscriptionConfig {
            rights: WatchRights {
                watchers,
                groups: groups_of(users),
                supervised: check_supervised(users, faults),
            },
            expires_min: Duration::from_secs(expires_min.into()),
            expires_max: Duration::from_secs(expires_max.into()),
            per_user: per_user as usize,
            total: total as usize,
            shows_parties: self.show_parties,
            allows_pickup: self.pickup,
            mailbox_trunks: tellers.map(|trunk| trunk.name().to_owned()).collect(),
            mailboxes: check_mailboxes(users, faults),
        }
    }
}
