//! `[[rules]]`: the dial plan.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use regex::Regex;
use serde::Deserialize;
use toml::Spanned;
use webtrunk_engine::EndCause;
use webtrunk_signalling::auth::issuer::CUSTOMER_MARK;
use webtrunk_signalling::routing::{ActionSpec, Play, RuleError, RuleFault, RuleSpec, Rules, Tone};

use super::bridge::BridgeSection;
use super::conditions::{ConditionKeys, HeaderSection, WhenSection};
use super::conference::ConferenceSection;
use super::document::Document;
use super::faults::Faults;
use super::menu::MenuSection;
use super::nearest::meant;
use super::prompts::{self, Prompts};
use super::record::RecordSection;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleSection {
    name: Spanned<String>,
    destination: Spanned<String>,
    from_number: Option<Spanned<String>>,
    from_user: Option<Spanned<String>>,
    from_trunk: Option<Spanned<String>>,
    from_groups: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    from_networks: Vec<Spanned<String>>,
    #[serde(default)]
    from_listeners: Vec<Spanned<String>>,
    #[serde(default)]
    headers: Vec<HeaderSection>,
    when: Option<WhenSection>,
    actions: Spanned<Vec<Spanned<ActionSection>>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ActionSection {
    Answer,
    WaitMs(u32),
    Play(PlaySection),
    Record(RecordSection),
    StopRecording,
    Echo,
    Tone(ToneSection),
    Bridge(Box<BridgeSection>),
    Conference(ConferenceSection),
    Menu(MenuSection),
    Reject(RejectCause),
    Hangup,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlaySection {
    prompt: Option<Spanned<String>>,
    prompts: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    repeat: bool,
    interrupt: Option<Interrupt>,
}

/// What ends a prompt before its own end.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Interrupt {
    Digits,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ToneSection {
    frequency_hz: u32,
    #[serde(default = "default_level")]
    level_dbm0: f32,
    duration_ms: Option<u32>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RejectCause {
    Busy,
    Declined,
    NoAnswer,
    Unavailable,
    NotFound,
    Forbidden,
}

/// The level that digits and call-progress tones have on the line.
const fn default_level() -> f32 {
    -10.0
}

/// The names that rules may name: all that are written, whether or not their sections are sound.
pub(super) struct Known<'c> {
    pub(super) users: Names<'c>,
    /// Whose users no configuration names.
    pub(super) customers: Vec<&'c str>,
    pub(super) trunks: HashSet<&'c str>,
    /// Who is in which group.
    pub(super) groups: HashMap<&'c str, HashSet<&'c str>>,
    pub(super) listeners: HashSet<&'c str>,
    /// Whether there is a folder to record to.
    pub(super) has_recording: bool,
}

/// Names in the order of the file, which are many.
pub(super) struct Names<'c> {
    in_order: Vec<&'c str>,
    places: HashMap<&'c str, usize>,
}

impl<'c> FromIterator<&'c str> for Names<'c> {
    fn from_iter<I: IntoIterator<Item = &'c str>>(names: I) -> Self {
        let in_order: Vec<_> = names.into_iter().collect();
        let places = in_order.iter().enumerate().map(|(place, name)| (*name, place)).collect();
        Self { in_order, places }
    }
}

impl<'c> Names<'c> {
    pub(super) fn contains(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    /// These, as far as they are known, in the order of the file.
    pub(super) fn sorted<'n>(&self, names: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
        let mut known: Vec<_> = names.filter_map(|name| Some((*self.places.get(name)?, name))).collect();
        known.sort_unstable();
        known.into_iter().map(|(_, name)| name).collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &'c str> + Clone {
        self.in_order.iter().copied()
    }
}

/// The cure for a group that nobody is in.
pub(super) const GROUP_CURE: &str = "add it to the groups of a user, or correct the name";

/// Compiles the dial plan and reads what it plays into `prompts`.
pub(super) fn check(
    sections: &[RuleSection],
    known: &Known<'_>,
    prompts: &mut Prompts,
    faults: &mut Faults<'_>,
) -> Option<Rules> {
    let specs: Vec<_> = sections.iter().map(|section| section.check(known, prompts, faults)).collect();
    let is_whole = specs.iter().all(|(_, is_whole)| *is_whole);
    let specs: Vec<_> = specs.into_iter().map(|(spec, _)| spec).collect();
    match Rules::compile(&specs) {
        Ok(rules) => Some(rules).filter(|_| is_whole),
        Err(errors) => {
            for error in errors {
                sections[error.index].tell(&error, faults);
            }
            None
        }
    }
}

impl RuleSection {
    /// Whether its users are those of a customer: `acme\+.*`.
    fn is_for_customer(&self, known: &Known<'_>) -> bool {
        let begins = |customer: &&str| {
            let begin = format!("{customer}{CUSTOMER_MARK}");
            self.from_user.as_ref().is_some_and(|it| it.get_ref().replace('\\', "").starts_with(&begin))
        };
        known.customers.iter().any(begins)
    }

    /// The rule, and whether it is as it is written: one whose actions are faulty is compiled with another in their
    /// place, to tell what else is wrong with it.
    fn check(&self, known: &Known<'_>, prompts: &mut Prompts, faults: &mut Faults<'_>) -> (RuleSpec, bool) {
        let text = |value: &Option<Spanned<String>>| value.as_ref().map(|value| value.get_ref().clone());
        if !self.is_for_customer(known) && !names_one(&self.from_user, |name| known.users.contains(name)) {
            matches_one(&self.from_user, "user", known.users.iter(), faults);
        }
        if !names_one(&self.from_trunk, |name| known.trunks.contains(name)) {
            matches_one(&self.from_trunk, "trunk", known.trunks.iter().copied(), faults);
        }
        let conditions = ConditionKeys {
            groups: self.from_groups.as_deref(),
            networks: &self.from_networks,
            listeners: &self.from_listeners,
            headers: &self.headers,
            when: self.when.as_ref(),
        };
        let conditions = conditions.check(&known.groups, &known.listeners, faults);
        let (actions, before) = (self.actions.get_ref().iter(), faults.count());
        let actions: Vec<_> = actions.map(|action| check_action(action, known, prompts, faults)).collect();
        let actions: Option<Vec<_>> = actions
            .into_iter()
            .collect::<Option<_>>()
            .filter(|_| !faults.is_partial_below(self.actions.span()));
        // A group that nobody is in yet is no fault where the store may have its users: till then the rule finds nobody.
        let is_whole = actions.is_some()
            || faults.is_open("users")
                && faults.count() == before
                && !faults.is_partial_below(self.actions.span());
        let spec = RuleSpec {
            name: self.name.get_ref().clone(),
            destination: self.destination.get_ref().clone(),
            from_number: text(&self.from_number),
            from_user: text(&self.from_user),
            from_trunk: text(&self.from_trunk),
            conditions,
            actions: actions.unwrap_or_else(|| vec![ActionSpec::Reject(EndCause::NotFound)]),
        };
        (spec, is_whole)
    }

    /// Where it is written.
    pub(super) fn line(&self, document: &Document) -> usize {
        document.line_of(self.name.span().start)
    }

    /// Notes what the compiler of rules found, where it is written.
    fn tell(&self, error: &RuleError, faults: &mut Faults<'_>) {
        let of_key = |key| match key {
            "from_number" => self.from_number.as_ref(),
            "from_user" => self.from_user.as_ref(),
            "from_trunk" => self.from_trunk.as_ref(),
            // Told already, where it is written.
            "headers" => None,
            _ => Some(&self.destination),
        };
        let (span, cure) = match &error.fault {
            RuleFault::Expression { key, .. } => (
                of_key(*key).map(Spanned::span),
                "correct the expression; it always has to match the whole text",
            ),
            RuleFault::NameTaken => (Some(self.name.span()), "rename one of them"),
            RuleFault::Reference { text, .. } => (
                Some(self.action_with(text, faults.document())),
                "add a group to the pattern, or write \"$$\"",
            ),
            RuleFault::NotAnswered { .. } | RuleFault::AnsweredTwice => {
                (Some(self.actions.span()), "callers hear something only after the answer")
            }
            RuleFault::Unreachable { .. } => (Some(self.actions.span()), "take it out, or put it before"),
            RuleFault::NoAction | RuleFault::NoOutcome => {
                (Some(self.actions.span()), "end it with a bridge or a reject, or answer first")
            }
            RuleFault::NoChoice => (Some(self.actions.span()), "add to its keys: 1 = [ actions ]"),
            RuleFault::MenusTooDeep => (Some(self.actions.span()), "take one out"),
            RuleFault::PlayNothing => (Some(self.actions.span()), "name a file"),
            RuleFault::NoRoom => {
                (Some(self.actions.span()), "name one, or take it out of the destination: \"$1\"")
            }
            RuleFault::TwoRooms => (Some(self.actions.span()), "take one out"),
            RuleFault::Gain { .. } => (Some(self.actions.span()), "0 leaves the caller as loud as it comes"),
            RuleFault::Keys { .. } | RuleFault::KeysClash { .. } => {
                (Some(self.actions.span()), "let all of a rule's keys begin differently")
            }
            RuleFault::BridgeToNobody => (Some(self.actions.span()), "name a user or a trunk"),
            RuleFault::ToneFrequency { .. } | RuleFault::ToneLevel { .. } => {
                (Some(self.actions.span()), "dialling tone, for one, has 425 Hz at -10 dBm0")
            }
        };
        faults.add(span.unwrap_or_else(|| self.name.span()), error, cure);
    }

    /// Where the action stands that has this text; all of them, where none has it as it is.
    fn action_with(&self, text: &str, document: &Document) -> std::ops::Range<usize> {
        let mut spans = self.actions.get_ref().iter().map(Spanned::span);
        let has_it = |span: &std::ops::Range<usize>| {
            document.text().get(span.clone()).is_some_and(|written| written.contains(text))
        };
        spans.find(has_it).unwrap_or_else(|| self.actions.span())
    }
}

pub(super) fn check_action(
    section: &Spanned<ActionSection>,
    known: &Known<'_>,
    prompts: &mut Prompts,
    faults: &mut Faults<'_>,
) -> Option<ActionSpec> {
    let milliseconds = |ms: u32| Duration::from_millis(ms.into());
    Some(match section.get_ref() {
        ActionSection::Answer => ActionSpec::Answer,
        ActionSection::Echo => ActionSpec::Echo,
        ActionSection::Hangup => ActionSpec::Hangup,
        ActionSection::WaitMs(ms) => ActionSpec::Wait(milliseconds(*ms)),
        ActionSection::Play(play) => ActionSpec::Play(play.check(section, prompts, faults)?),
        ActionSection::Record(_) if !known.has_recording => {
            let cure = "add [recording] with a folder";
            faults.add_absent(&["recording"], section.span(), "there is no folder to record to", cure);
            return None;
        }
        ActionSection::Record(record) => ActionSpec::Record(record.check(section.span(), faults)?),
        ActionSection::StopRecording => ActionSpec::StopRecording,
        ActionSection::Tone(tone) => ActionSpec::Tone(Tone {
            frequency_hz: tone.frequency_hz,
            level_dbm0: tone.level_dbm0,
            duration: tone.duration_ms.map(milliseconds),
        }),
        ActionSection::Bridge(bridge) => ActionSpec::Bridge(bridge.check(section.span(), known, faults)?),
        ActionSection::Menu(menu) => ActionSpec::Menu(menu.check(known, prompts, faults)?),
        ActionSection::Conference(conference) => {
            ActionSpec::Conference(conference.check(section.span(), faults)?)
        }
        ActionSection::Reject(cause) => ActionSpec::Reject(EndCause::from(*cause)),
    })
}

impl PlaySection {
    fn check(
        &self,
        whole: &Spanned<ActionSection>,
        prompts: &mut Prompts,
        faults: &mut Faults<'_>,
    ) -> Option<Play> {
        let named = match (&self.prompt, &self.prompts) {
            (Some(prompt), None) => std::slice::from_ref(prompt),
            (None, Some(prompts)) => prompts,
            _ => {
                let cure = "give it prompt, or prompts";
                faults.add_missing(whole.span(), "it is not clear what this plays", cure);
                return None;
            }
        };
        // All are read, so that all faults are told.
        let loaded: Vec<_> = named.iter().map(|prompt| prompts::load(prompt, prompts, faults)).collect();
        Some(Play {
            prompts: loaded.into_iter().collect::<Option<_>>()?,
            is_repeated: self.repeat,
            is_interruptible: self.interrupt.is_some(),
        })
    }
}

/// Whether an expression is just a name that is known: then none is looked for.
fn names_one(expression: &Option<Spanned<String>>, is_known: impl Fn(&str) -> bool) -> bool {
    let is_plain =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    expression.as_ref().is_some_and(|written| is_plain(written.get_ref()) && is_known(written.get_ref()))
}

/// Notes an expression that no configured name matches: its rule would never apply. One that is none is
/// told by the compiler of rules.
fn matches_one<'n>(
    expression: &Option<Spanned<String>>,
    what: &str,
    names: impl Iterator<Item = &'n str> + Clone,
    faults: &mut Faults<'_>,
) {
    let Some(written) = expression else { return };
    let Ok(expression) = Regex::new(&format!("^(?:{})$", written.get_ref())) else { return };
    if !names.clone().any(|name| expression.is_match(name)) {
        let problem = format!("no {what} has a name like this, so the rule never applies");
        let cure = meant(written.get_ref(), names, format!("add the {what}, or correct the expression"));
        faults.add_absent(&["users", "trunks"], written.span(), problem, cure);
    }
}

/// A user's name, which must be configured unless it is only known during a call.
pub(super) fn known_user(user: &Spanned<String>, known: &Known<'_>, faults: &mut Faults<'_>) -> String {
    let name = user.get_ref();
    if !name.contains('$') && !known.users.contains(name) {
        let cure = meant(name, known.users.iter(), "add the user, or correct the name");
        faults.add_absent(&["users"], user.span(), "no user has this name", cure);
    }
    name.clone()
}

pub(super) fn known_trunk(trunk: &Spanned<String>, known: &Known<'_>, faults: &mut Faults<'_>) -> String {
    let name = trunk.get_ref();
    if !known.trunks.contains(name.as_str()) {
        let cure = meant(name, known.trunks.iter().copied(), "add the trunk, or correct the name");
        faults.add_absent(&["trunks"], trunk.span(), "no trunk has this name", cure);
    }
    name.clone()
}

impl From<RejectCause> for EndCause {
    fn from(cause: RejectCause) -> Self {
        match cause {
            RejectCause::Busy => Self::Busy,
            RejectCause::Declined => Self::Declined,
            RejectCause::NoAnswer => Self::NoAnswer,
            RejectCause::Unavailable => Self::Unavailable,
            RejectCause::NotFound => Self::NotFound,
            RejectCause::Forbidden => Self::Forbidden,
        }
    }
}
