//! What the switchboard asks about the world: where users and trunks are, what prompts there are,
//! which address a phone is told to send its media to.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use webtrunk_codecs::CodecId;
use webtrunk_engine::call::KeyMode;
use webtrunk_engine::media::Prompt;
use webtrunk_engine::sdp::SrtpPolicy;
use webtrunk_signalling::adapter::{MediaProfile, Origin, RecordingPolicy, Target};
use webtrunk_signalling::auth::issuer::{all_of_customer, customer_of};
use webtrunk_signalling::b2bua::{Directory, Place, Redirects};
use webtrunk_signalling::locations::{ContactInfo, Locations};
use webtrunk_signalling::routing::BridgeTarget;
use webtrunk_signalling::sip::subscription::{Package, WatchRights};
use webtrunk_signalling::sip::transport::Addresses;
use webtrunk_signalling::spending::CallLimits;

use crate::config::{Config, Customer, SpendingLimits, Trunk, UserLimits, Users};
use crate::wiring;

/// The configuration and the registrar's state, as the switchboard sees them.
pub struct GatewayDirectory {
    locations: Locations,
    /// Where pages are.
    pages: Locations,
    users: Users,
    trunks: Vec<Trunk>,
    prompts: HashMap<Arc<str>, Prompt>,
    addresses: Addresses,
    rtp_address: IpAddr,
    phone_srtp: SrtpPolicy,
    user_redirects: Redirects,
    user_limits: UserLimits,
    spending: SpendingLimits,
    /// The number that each customer's users show.
    numbers: HashMap<String, String>,
    /// The trunks of customers that have such.
    own_trunks: HashMap<String, Arc<[Arc<str>]>>,
    /// Whether calls of each customer's users are recorded.
    recordings: HashMap<String, RecordingPolicy>,
    /// Who may watch and supervise whom.
    rights: WatchRights,
    /// Whether who may watch may pick up.
    allows_pickup: bool,
}

impl GatewayDirectory {
    /// Prepares what the configuration names; resamples every prompt, so it takes its time.
    #[must_use]
    pub fn new(config: &Config, locations: Locations, addresses: Addresses) -> Self {
        Self {
            locations,
            pages: Locations::default(),
            users: config.users.clone(),
            trunks: config.trunks.clone(),
            prompts: wiring::prompts(config),
            addresses,
            rtp_address: config.media.rtp_address,
            phone_srtp: config.sip.phone_srtp,
            user_limits: config.user_limits.clone(),
            spending: config.spending.clone(),
            numbers: {
                let customers = config.entry.customers.iter();
                customers
                    .filter_map(|it| Some((it.issuer.name.clone(), it.numbers.first()?.clone())))
                    .collect()
            },
            own_trunks: {
                let customers = config.entry.customers.iter().filter(|customer| !customer.trunks.is_empty());
                let own = |customer: &Customer| -> Arc<[Arc<str>]> {
                    customer.trunks.iter().map(|name| Arc::from(name.as_str())).collect()
                };
                customers.map(|customer| (customer.issuer.name.clone(), own(customer))).collect()
            },
            recordings: {
                let customers = config.entry.customers.iter();
                customers.map(|customer| (customer.issuer.name.clone(), customer.recording)).collect()
            },
            rights: config.subscriptions.rights.clone(),
            allows_pickup: config.subscriptions.allows_pickup,
            user_redirects: config.sip.redirects,
        }
    }

    /// The same, with users in pages too.
    #[must_use]
    pub fn with_pages(self, pages: Locations) -> Self {
        Self { pages, ..self }
    }

    pub(crate) fn place_of_contact(&self, user: &str, contact: &ContactInfo) -> Place {
        Place {
            adapter: contact.adapter,
            target: contact.target(user),
            profile: contact.profile,
            codecs: codecs_of(contact.profile),
            keys: KeyMode::Events,
            srtp: self.phone_srtp,
            address: Some(contact.address),
        }
    }

    fn trunk(&self, name: &str) -> Option<&Trunk> {
        self.trunks.iter().find(|trunk| trunk.sip.name == name)
    }

    fn calling_trunk(&self, origin: &Origin) -> Option<&Trunk> {
        match origin {
            Origin::Trunk(name) => self.trunk(name),
            Origin::User(_) => None,
        }
    }

    fn place_of_trunk(&self, name: &str, number: &str) -> Option<Place> {
        let trunk = self.trunk(name)?;
        Some(Place {
            adapter: "sip",
            target: Target::Trunk { trunk: trunk.sip.name.clone(), number: number.to_owned() },
            profile: MediaProfile::Rtp,
            codecs: trunk.codecs.clone(),
            keys: trunk.keys,
            srtp: trunk.srtp,
            address: trunk.sip.host.parse().ok(),
        })
    }
}

impl Directory for GatewayDirectory {
    fn places(&self, target: &BridgeTarget) -> Vec<Place> {
        match target {
            BridgeTarget::User(user) => {
                let contacts = [self.locations.contacts(user), self.pages.contacts(user)].concat();
                contacts.iter().map(|contact| self.place_of_contact(user, contact)).collect()
            }
            BridgeTarget::Trunk { trunk, number } => self.place_of_trunk(trunk, number).into_iter().collect(),
        }
    }

    fn knows(&self, user: &str) -> bool {
        self.users.contains(user)
    }

    fn caller_codecs(&self, origin: &Origin, profile: MediaProfile) -> Vec<CodecId> {
        self.calling_trunk(origin).map_or_else(|| codecs_of(profile), |trunk| trunk.codecs.clone())
    }

    fn caller_srtp(&self, origin: &Origin) -> SrtpPolicy {
        self.calling_trunk(origin).map_or(self.phone_srtp, |trunk| trunk.srtp)
    }

    fn caller_keys(&self, origin: &Origin) -> KeyMode {
        match origin {
            Origin::Trunk(name) => self.trunk(name).map_or(KeyMode::Events, |trunk| trunk.keys),
            Origin::User(_) => KeyMode::Events,
        }
    }

    fn calls_max(&self, user: &str) -> Option<usize> {
        self.user_limits.of(user)
    }

    fn number_of(&self, user: &str) -> Option<String> {
        self.numbers.get(customer_of(user)?).cloned()
    }

    fn own_trunks(&self, user: &str) -> Option<Arc<[Arc<str>]>> {
        self.own_trunks.get(customer_of(user)?).cloned()
    }

    fn recording(&self, party: &Origin) -> RecordingPolicy {
        let Origin::User(user) = party else { return RecordingPolicy::ByRule };
        customer_of(user).and_then(|customer| self.recordings.get(customer)).copied().unwrap_or_default()
    }

    fn counted_with(&self, user: &str) -> Option<String> {
        all_of_customer(user).filter(|_| self.spending.is_of_customer(user)).map(str::to_owned)
    }

    fn limits(&self, payer: &Origin) -> Option<Arc<CallLimits>> {
        self.spending.of(payer)
    }

    fn may_transfer(&self, origin: &Origin) -> bool {
        self.calling_trunk(origin).map_or(matches!(origin, Origin::User(_)), |trunk| trunk.transfers)
    }

    fn may_pick_up(&self, who: &Origin, of: &Origin) -> bool {
        match (who, of) {
            (Origin::User(who), Origin::User(of)) => {
                self.allows_pickup && self.rights.allow(who, of, Package::Dialog)
            }
            _ => false,
        }
    }

    fn may_supervise(&self, who: &Origin, of: &Origin) -> bool {
        match (who, of) {
            (Origin::User(who), Origin::User(of)) => self.rights.may_supervise(who, of),
            _ => false,
        }
    }

    fn redirects(&self, origin: &Origin) -> Redirects {
        match origin {
            Origin::User(_) => self.user_redirects,
            Origin::Trunk(name) => self.trunk(name).map_or(Redirects::Refuse, |trunk| trunk.redirects),
        }
    }

    fn makes_late_offers(&self, callee: &Origin) -> bool {
        self.calling_trunk(callee).is_some_and(|trunk| trunk.late_offer)
    }

    fn may_text(&self, party: &Origin) -> bool {
        self.calling_trunk(party).map_or(matches!(party, Origin::User(_)), |trunk| trunk.messages)
    }

    fn prompt(&self, name: &str) -> Option<Prompt> {
        self.prompts.get(name).cloned()
    }

    fn media_address(&self, peer: Option<IpAddr>) -> IpAddr {
        self.addresses.media_address(self.rtp_address, peer)
    }
}

/// The codecs of our users' browsers and phones, best first.
fn codecs_of(profile: MediaProfile) -> Vec<CodecId> {
    match profile {
        MediaProfile::Webrtc => vec![CodecId::Opus, CodecId::G722, CodecId::Pcmu, CodecId::Pcma],
        MediaProfile::Rtp => vec![CodecId::Pcmu, CodecId::Pcma],
    }
}

#[cfg(test)]
mod tests {
    use webtrunk_signalling::adapter::Party;
    use webtrunk_signalling::routing::{Decision, Query, Step};
    use webtrunk_signalling::switchboard::route;

    use super::*;

    #[test]
    fn users_with_a_plus_in_their_names_are_counted_together_where_a_customer_has_them_and_nowhere_else() {
        let config = Config::parse(
            "test.toml",
            "[http]\n[[sip.listeners]]\ntransport = \"udp\"\nbind = \"127.0.0.1:0\"\n\
             [limits]\nminutes_per_day = 60\n[[customers]]\nname = \"acme\"\n",
        )
        .expect("a good configuration");
        let directory = GatewayDirectory::new(&config, Locations::default(), Addresses::new(Vec::new()));
        for user in ["+491", "+492", "x+y", "alice"] {
            assert_eq!(directory.counted_with(user), None, "{user}");
        }
        assert_eq!(directory.counted_with("acme+alice").as_deref(), Some("acme+"));
    }

    #[test]
    fn calls_of_a_customers_users_go_out_by_its_trunks_and_others_by_those_of_the_rules() {
        let config = Config::parse(
            "test.toml",
            "[http]\n[[sip.listeners]]\ntransport = \"udp\"\nbind = \"127.0.0.1:0\"\n\
             [[trunks]]\nname = \"pstn\"\nhost = \"192.0.2.7\"\n[[trunks]]\nname = \"spare\"\nhost = \"192.0.2.8\"\n\
             [[trunks]]\nname = \"theirs\"\nhost = \"192.0.2.9\"\n\
             [[customers]]\nname = \"acme\"\ntrunks = [\"theirs\", \"spare\"]\n[[customers]]\nname = \"beta\"\n\
             [[rules]]\nname = \"out\"\ndestination = \"9.*\"\nactions = [{ bridge = { trunk = \"pstn\", number = \"$0\" } }]\n\
             [[rules]]\nname = \"in\"\ndestination = \"9.*\"\nfrom_trunk = \"theirs\"\n\
             actions = [{ bridge = { trunk = \"pstn\", number = \"$0\" } }]\n",
        )
        .expect("a good configuration");
        let directory = GatewayDirectory::new(&config, Locations::default(), Addresses::new(Vec::new()));
        let trunks = |origin: Origin| {
            let caller = Party::default();
            let decision = route(&config.rules, &directory, &Query::new(&origin, &caller, "9100"));
            let Decision::Run(plan) = decision else { panic!("{decision:?}") };
            let trunk = |step: &Step| match step {
                Step::Bridge(bridge) => format!("{:?}", bridge.callees[0].target),
                other => panic!("{other:?}"),
            };
            plan.steps.iter().map(trunk).collect::<Vec<_>>().join(" ")
        };
        let at = |trunk: &str| format!("Trunk {{ trunk: {trunk:?}, number: \"9100\" }}");
        for user in ["alice", "beta+bob", "+491", "acmes+alice", "acme"] {
            assert_eq!(trunks(Origin::User(user.to_owned())), at("pstn"), "{user}");
        }
        for user in ["acme+alice", "acme+bob+"] {
            assert_eq!(trunks(Origin::User(user.to_owned())), format!("{} {}", at("theirs"), at("spare")));
        }
        assert_eq!(trunks(Origin::Trunk("theirs".to_owned())), at("pstn"), "whom its rule names");
    }

    #[test]
    fn a_customers_users_are_recorded_as_is_said_of_it_and_others_by_the_rules() {
        let text = format!(
            "[http]\n[[sip.listeners]]\ntransport = \"udp\"\nbind = \"127.0.0.1:0\"\n[recording]\nfolder = {:?}\n\
             [[customers]]\nname = \"acme\"\nrecording = \"never\"\n[[customers]]\nname = \"beta\"\nrecording = \"always\"\n\
             [[customers]]\nname = \"gamma\"\nrecording = \"by_rule\"\n[[customers]]\nname = \"delta\"\n",
            std::env::temp_dir()
        );
        let config = Config::parse("test.toml", &text).expect("a good configuration");
        let directory = GatewayDirectory::new(&config, Locations::default(), Addresses::new(Vec::new()));
        for (user, policy) in [
            ("acme+alice", RecordingPolicy::Never),
            ("beta+bob", RecordingPolicy::Always),
            ("gamma+eve", RecordingPolicy::ByRule),
            ("delta+eve", RecordingPolicy::ByRule),
            ("acme", RecordingPolicy::ByRule),
            ("acmes+alice", RecordingPolicy::ByRule),
            ("+491", RecordingPolicy::ByRule),
        ] {
            assert_eq!(directory.recording(&Origin::User(user.to_owned())), policy, "{user}");
        }
        assert_eq!(directory.recording(&Origin::Trunk("acme+alice".to_owned())), RecordingPolicy::ByRule);
    }

    #[test]
    fn a_trunk_has_its_own_codecs_and_srtp_whoever_calls() {
        let config = Config::parse(
            "test.toml",
            "[[sip.listeners]]\ntransport = \"udp\"\nbind = \"127.0.0.1:0\"\n\
             [[trunks]]\nname = \"pstn\"\nhost = \"192.0.2.7\"\ncodecs = [\"PCMA\"]\nsrtp = \"require\"\n\
             dtmf = \"inband\"\n[[trunks]]\nname = \"pbx\"\nhost = \"192.0.2.8\"\ntransfers = true\n\
             redirects = \"pass\"\nmessages = true\nlate_offer = true\n",
        )
        .expect("a good configuration");
        let directory = GatewayDirectory::new(&config, Locations::default(), Addresses::new(Vec::new()));
        let target = BridgeTarget::Trunk { trunk: Arc::from("pstn"), number: "100".into() };
        let places = directory.places(&target);
        assert_eq!(places.len(), 1);
        assert_eq!(places[0].codecs, [CodecId::Pcma]);
        let calling = |origin| directory.caller_codecs(&origin, MediaProfile::Rtp);
        assert_eq!(calling(Origin::Trunk("pstn".into())), [CodecId::Pcma]);
        assert_eq!(calling(Origin::User("alice".into())), [CodecId::Pcmu, CodecId::Pcma]);
        assert_eq!(places[0].srtp, SrtpPolicy::Require);
        assert_eq!(directory.caller_srtp(&Origin::Trunk("pstn".into())), SrtpPolicy::Require);
        assert_eq!(directory.caller_srtp(&Origin::User("alice".into())), SrtpPolicy::Offer);
        assert_eq!(places[0].keys, KeyMode::Tones);
        assert_eq!(directory.caller_keys(&Origin::Trunk("pstn".into())), KeyMode::Tones);
        assert_eq!(directory.caller_keys(&Origin::User("alice".into())), KeyMode::Events);
        let may_transfer = |origin| directory.may_transfer(&origin);
        assert!(may_transfer(Origin::User("alice".into())) && may_transfer(Origin::Trunk("pbx".into())));
        assert!(!may_transfer(Origin::Trunk("pstn".into())) && !may_transfer(Origin::Trunk("gone".into())));
        let redirects = |origin| directory.redirects(&origin);
        assert_eq!(redirects(Origin::Trunk("pbx".into())), Redirects::Pass);
        assert_eq!(redirects(Origin::Trunk("pstn".into())), Redirects::Refuse);
        assert_eq!(redirects(Origin::User("alice".into())), Redirects::Refuse, "it is not configured");
        assert!(directory.makes_late_offers(&Origin::Trunk("pbx".into())));
        assert!(!directory.makes_late_offers(&Origin::Trunk("pstn".into())));
        let may_text = |origin| directory.may_text(&origin);
        assert!(may_text(Origin::User("alice".into())) && may_text(Origin::Trunk("pbx".into())));
        assert!(!may_text(Origin::Trunk("pstn".into())) && !may_text(Origin::Trunk("gone".into())));
        assert_eq!(places[0].address, Some([192, 0, 2, 7].into()));
        let unknown = BridgeTarget::Trunk { trunk: Arc::from("nobody"), number: "100".into() };
        assert!(directory.places(&unknown).is_empty());
        assert!(directory.places(&BridgeTarget::User("alice".into())).is_empty());
    }
}
