//! Who may call whom, and how: ordered rules with regular expressions (pure).
//!
//! ```text
//! query: who, whereto, whence, when --> rules, first match wins --> Plan: answer, play, bridge ...
//!                                        |
//!                                        no match --> refused, NotFound
//! ```
//!
//! Nothing is allowed that no rule allows. Rules are compiled once, and every mistake that can be
//! seen before the first call is a [`RuleError`] that names the rule.

mod action;
mod bridge;
mod conditions;
mod hours;
mod keys;
mod menu;
mod own_trunks;
mod pattern;
mod plan;
mod query;
mod rule;
mod rules;
mod sequence;
mod template;
mod trunk_order;

pub use action::{ActionSpec, ConferenceSpec, GAINS_DB};
pub use bridge::{BridgeSpec, BridgeTo, TrunkGroup};
pub use conditions::{Conditions, HeaderPattern};
pub use hours::Hours;
pub use keys::{Feature, FeatureKeys, KeyMatch, PartyFeature, RecordingFeature};
pub use menu::{MENU_DEPTH_MAX, Menu, MenuSpec};
pub use own_trunks::{USUAL_FAILOVER, USUAL_PROGRESS_TIMEOUT};
pub use pattern::Mismatch;
pub use plan::{Bridge, BridgeTarget, Callee, Conference, Decision, Plan, Play, Record, Refusal, Step, Tone};
pub use query::Query;
pub use rule::{RuleError, RuleFault, RuleSpec};
pub use rules::{Rules, Trial};
pub use trunk_order::TrunkOrder;
