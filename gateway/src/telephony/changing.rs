//! What carries calls, as far as a changed configuration changes it while it runs.

use std::sync::Arc;

use tracing::error;
use webtrunk_engine::engine::Engine;
use webtrunk_signalling::b2bua::{Directory, Settings};
use webtrunk_signalling::http::ChangingOrigins;
use webtrunk_signalling::json::adapter::JsonReloader;
use webtrunk_signalling::locations::Locations;
use webtrunk_signalling::presence::Presence;
use webtrunk_signalling::sip::adapter::{self as sip, SipChange, SipReloader};
use webtrunk_signalling::sip::agent::{AgentChange, AgentConfig};
use webtrunk_signalling::sip::transport::TransportLayer;
use webtrunk_signalling::source_networks::SourceNetworks;
use webtrunk_signalling::switchboard::{House, Switchboard};

use super::back_ends::Taker;
use crate::config::Config;
use crate::directory::GatewayDirectory;
use crate::entry::EntryDesk;
use crate::jwks::JwksFetcher;
use crate::media_load::EngineLoad;
use crate::wiring;

/// What is asked while it runs, of which a configuration is only a part.
#[derive(Clone)]
pub(super) struct Live {
    pub(super) reloader: SipReloader,
    pub(super) locations: Locations,
    pub(super) transport: TransportLayer,
    /// What users are doing, and who may know.
    pub(super) presence: Presence,
    /// From where users of customers may come.
    pub(super) networks: SourceNetworks,
    /// Where keys of tokens are fetched that are.
    pub(super) jwks: JwksFetcher,
    /// The pages of customers, which may open WebSockets.
    pub(super) of_customers: ChangingOrigins,
    /// Where pages are, and what changes their keys.
    pub(super) pages: Option<(Locations, JsonReloader)>,
}

/// Takes up a changed configuration; cheap to clone.
#[derive(Clone)]
pub struct Changing {
    pub(super) live: Live,
    pub(super) board: Arc<Switchboard>,
    pub(super) engine: Engine,
    pub(super) media_load: Arc<EngineLoad>,
    pub(super) entry: EntryDesk,
    pub(super) back_ends: Option<Taker>,
}

impl Changing {
    /// Has webhooks that are gone, or down, tried again.
    pub fn reopen_webhooks(&self) {
        self.back_ends.iter().for_each(|back_ends| back_ends.webhooks.reopen());
    }

    /// Takes up what can change while it runs; calls go on by what they began with.
    pub async fn take_up(&self, config: &Config) {
        let (live, own) = (self.live.clone(), config.clone());
        // Prompts are resampled, which takes its time.
        let Ok(house) = tokio::task::spawn_blocking(move || live.house(&own)).await else {
            return error!("prompts cannot be made ready, and all stays as it is");
        };
        self.board.replace(house);
        self.live.presence.set_rights(config.subscriptions.rights.clone());
        // Before the adapters look who may be where it is.
        self.live.networks.set(wiring::networks_of_customers(config));
        self.engine.limit_calls(config.media.calls_max);
        self.media_load.refuse_when_late(config.defence.refuses_when_late);
        self.media_load.limit_memory(config.defence.memory_max_octets);
        let change = SipChange {
            users: wiring::users(config),
            algorithms: wiring::digest(config).algorithms,
            trunks: config.trunks.iter().map(|trunk| trunk.sip.clone()).collect(),
            guard: config.defence.guard.clone(),
            agent: AgentChange {
                texts: config.messages.clone(),
                calls_max: legs_max(config),
                max_cps: config.defence.max_cps,
                emergency_numbers: config.defence.emergency_numbers.clone(),
                user_passing: config.sip.passing.clone(),
                subscriptions: config.subscriptions.clone(),
            },
        };
        self.entry.take_up(&config.entry);
        if let Some(back_ends) = &self.back_ends {
            back_ends.take_up(config);
        }
        self.live.of_customers.set(wiring::pages_of_customers(config));
        self.live.reloader.take_up(change);
        // Before pages are asked for proofs by keys that were read again.
        self.live.jwks.take_up(wiring::jwks_sources(config), config.external_addresses().into());
        if let (Some((_, reloader)), Some(json)) = (&self.live.pages, &config.json) {
            reloader.take_up(wiring::proofs(config, json));
        }
    }
}

impl Live {
    /// What a configuration says of calls.
    pub(super) fn house(&self, config: &Config) -> House {
        let directory = GatewayDirectory::new(config, self.locations.clone(), self.transport.addresses());
        let pages = self.pages.as_ref().map(|(pages, _)| pages.clone()).unwrap_or_default();
        let directory = directory.with_pages(pages);
        let music_on_hold = config.media.music_on_hold.as_ref().and_then(|name| directory.prompt(name));
        let tells_hold_by_offer = config.media.tell_hold.then_some(sip::NAME);
        House {
            rules: config.rules.clone(),
            settings: Settings { music_on_hold, tells_hold_by_offer, ..Settings::default() },
            directory: Arc::new(directory),
        }
    }
}

/// How many legs signalling may have open. A call has two, and more while several phones ring: who has room for calls by
/// `media.calls_max`, which is what readiness tells, has it here too.
pub(super) fn legs_max(config: &Config) -> usize {
    config.media.calls_max.saturating_mul(4).max(AgentConfig::default().calls_max)
}
