//! The dial plan: rules in order, the first that matches decides.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use webtrunk_engine::EndCause;

use super::pattern::Mismatch;
use super::plan::{Decision, Refusal};
use super::query::Query;
use super::rule::{Rule, RuleError, RuleFault, RuleSpec};

/// Compiled rules, in the order in which they are tried. Without one, every call is refused.
#[derive(Debug, Clone, Default)]
pub struct Rules(Vec<Rule>);

/// What one rule said to a call, for those who wonder why it went where it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// The rule's name.
    pub rule: Arc<str>,
    /// Why the rule is not for the call; `None` for the one that matched.
    pub mismatch: Option<Mismatch>,
}

impl Rules {
    /// Compiles `specs`, kept in their order.
    ///
    /// # Errors
    /// Every rule that cannot be used, each with its name and fault.
    pub fn compile(specs: &[RuleSpec]) -> Result<Self, Vec<RuleError>> {
        let mut names = HashSet::new();
        let mut rules = Vec::with_capacity(specs.len());
        let mut errors = Vec::new();
        for (index, spec) in specs.iter().enumerate() {
            let is_new = names.insert(spec.name.as_str());
            match if is_new { Rule::compile(spec) } else { Err(RuleFault::NameTaken) } {
                Ok(rule) => rules.push(rule),
                Err(fault) => errors.push(RuleError { rule: spec.name.clone(), index, fault }),
            }
        }
        if errors.is_empty() { Ok(Self(rules)) } else { Err(errors) }
    }

    /// Decides what becomes of a call.
    #[must_use]
    pub fn route(&self, query: &Query<'_>) -> Decision {
        let verdict = self.0.iter().find_map(|rule| rule.decide(query).ok());
        verdict.unwrap_or(Decision::Refuse { cause: EndCause::NotFound, reason: Refusal::NoRule })
    }

    /// What [`Self::route`] tried on its way, up to and with the rule that matched.
    #[must_use]
    pub fn explain(&self, query: &Query<'_>) -> Vec<Trial> {
        let mut trials = Vec::new();
        for rule in &self.0 {
            let mismatch = rule.decide(query).err();
            let is_match = mismatch.is_none();
            trials.push(Trial { rule: Arc::clone(&rule.name), mismatch });
            if is_match {
                break;
            }
        }
        trials
    }

    /// The rules as they were configured, in their order.
    pub fn specs(&self) -> impl ExactSizeIterator<Item = &RuleSpec> {
        self.0.iter().map(|rule| &rule.spec)
    }

    /// Their names, in their order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(|rule| &*rule.name)
    }

    /// How many rules there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none, so that every call is refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match &self.mismatch {
            None => "matches",
            Some(Mismatch::Origin) => "is not for this caller",
            Some(Mismatch::Group) => "is not for this user's groups",
            Some(Mismatch::Network) => "is not for calls from there",
            Some(Mismatch::Listener) => "is not for calls to this listener",
            Some(Mismatch::Time) => "is not for this time",
            Some(Mismatch::Header(name)) => {
                return write!(f, "rule {:?} is not for what the header {name} says", self.rule);
            }
            Some(Mismatch::Number) => "is not for the caller's number",
            Some(Mismatch::Destination) => "is not for this destination",
        };
        write!(f, "rule {:?} {verdict}", self.rule)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use proptest::prelude::*;

    use webtrunk_engine::call::ConferenceRole;

    use super::super::{
        ActionSpec, Bridge, BridgeSpec, BridgeTarget, BridgeTo, Conditions, Conference, ConferenceSpec,
        FeatureKeys, HeaderPattern, Hours, Plan, Step, Tone,
    };
    use super::*;
    use crate::adapter::{Header, Origin, Party};

    const RING: Duration = Duration::from_secs(30);

    fn rule(name: &str, destination: &str, action: ActionSpec) -> RuleSpec {
        RuleSpec {
            name: name.to_owned(),
            destination: destination.to_owned(),
            from_number: None,
            from_user: None,
            from_trunk: None,
            conditions: Conditions::default(),
            actions: vec![action],
        }
    }

    fn to_user(name: &str) -> ActionSpec {
        ActionSpec::Bridge(BridgeSpec::new(BridgeTo::users([name]), RING))
    }

    fn to_trunk(number: &str, shown_number: Option<&str>) -> ActionSpec {
        let shown_number = shown_number.map(str::to_owned);
        let to = BridgeTo::trunk("provider", number);
        ActionSpec::Bridge(BridgeSpec { shown_number, ..BridgeSpec::new(to, RING) })
    }

    fn user(name: &str) -> Origin {
        Origin::User(name.to_owned())
    }

    fn trunk(name: &str) -> Origin {
        Origin::Trunk(name.to_owned())
    }

    fn shows(number: &str) -> Party {
        Party { user: number.to_owned(), display_name: String::new() }
    }

    /// The verdict in one line: `rule: target`, or the reason of the refusal.
    fn verdict(rules: &Rules, origin: &Origin, number: &str, destination: &str) -> String {
        match rules.route(&Query::new(origin, &shows(number), destination)) {
            Decision::Refuse { cause, reason } => format!("{cause:?}: {reason}"),
            Decision::Run(Plan { rule, steps }) => {
                let steps: Vec<_> = steps.iter().map(shown).collect();
                format!("{rule}: {}", steps.join(", "))
            }
        }
    }

    fn shown(step: &Step) -> String {
        let Step::Bridge(Bridge { callees, shown_number, .. }) = step else {
            return format!("{step:?}");
        };
        let targets: Vec<_> = callees
            .iter()
            .map(|callee| match &callee.target {
                BridgeTarget::User(name) => format!("user {name}"),
                BridgeTarget::Trunk { trunk, number } => format!("{number} at {trunk}"),
            })
            .collect();
        let shown_number = shown_number.as_ref().map(|number| format!(" as {number}")).unwrap_or_default();
        format!("{}{shown_number}", targets.join(" and "))
    }

    fn meet(room: &str, gain_db: f32) -> ActionSpec {
        let (room, role) = (room.to_owned(), ConferenceRole::Whisper { to: Arc::from("agent-$0") });
        let (target, keys) = (Some("agent-$0".to_owned()), FeatureKeys::default());
        ActionSpec::Conference(ConferenceSpec { room, role, target, gain_db, is_muted: true, keys })
    }

    fn dial_plan() -> Rules {
        let from = |spec: RuleSpec, user: Option<&str>, trunk: Option<&str>| RuleSpec {
            from_user: user.map(str::to_owned),
            from_trunk: trunk.map(str::to_owned),
            ..spec
        };
        let group = ActionSpec::Bridge(BridgeSpec::new(BridgeTo::users(["alice", "bob"]), RING));
        let by_number = RuleSpec {
            from_number: Some("(?<area>04\\d{2}).*".to_owned()),
            ..rule("by-number", "area", to_user("desk-${area}"))
        };
        let optional = to_user("$2");
        let specs = [
            rule("banned", "0900.*", ActionSpec::Reject(EndCause::Forbidden)),
            from(rule("boss", "00(\\d+)", to_trunk("+$1", Some("100"))), Some("boss"), None),
            from(rule("in", "\\+?49(?<local>\\d+)", to_user("u${local}")), None, Some("pro.*")),
            from(rule("both", "both", to_user("alice")), Some(".*"), Some(".*")),
            from(rule("guests", "shop", to_user("alice")), Some("acme\\+guest-.*"), None),
            by_number,
            rule("group", "group", group),
            rule("optional", "opt(-(.+))?", optional),
            rule("money", "money", to_trunk("$$5${0}", None)),
            rule("users", "alice|bob|al", to_user("$0")),
        ];
        Rules::compile(&specs).expect("the dial plan is sound")
    }

    #[test]
    fn the_first_rule_that_matches_decides_and_without_one_the_call_is_refused() {
        let rules = dial_plan();
        let none = "NotFound: no rule is for this caller and this destination";
        let cases = [
            (user("alice"), "1", "0900123", "banned: Reject(Forbidden)"),
            (user("boss"), "1", "004912", "boss: +4912 at provider as 100"),
            (user("alice"), "1", "004912", none),
            (user("big boss"), "1", "004912", none),
            (trunk("provider"), "1", "+4930", "in: user u30"),
            (trunk("provider"), "1", "4930", "in: user u30"),
            (trunk("other"), "1", "4930", none),
            (user("provider"), "1", "4930", none),
            (user("alice"), "1", "both", "both: user alice"),
            (user("acme+guest-7"), "1", "both", none),
            (user("acme+guest-7"), "1", "alice", none),
            (user("acme+guest-7"), "1", "shop", "guests: user alice"),
            (user("acme+alice"), "1", "alice", "users: user alice"),
            (trunk("other"), "1", "both", "both: user alice"),
            (user("alice"), "0451999", "area", "by-number: user desk-0451"),
            (user("alice"), "999", "area", none),
            (user("alice"), "1", "group", "group: user alice and user bob"),
            (trunk("provider"), "1", "group", none),
            (user("alice"), "1", "opt-carol", "optional: user carol"),
            (
                user("alice"),
                "1",
                "opt",
                "NotFound: rule \"optional\" matched, but what it is to call came out empty",
            ),
            (user("alice"), "1", "money", "money: $5money at provider"),
            (user("alice"), "1", "alice", "users: user alice"),
            (user("alice"), "1", "al", "users: user al"),
            (user("alice"), "1", "alicea", none),
            (user("alice"), "1", "xalice", none),
            (user("alice"), "1", "alice\n", none),
            (user("alice"), "1", "", none),
        ];
        for (origin, number, destination, expected) in cases {
            let found = verdict(&rules, &origin, number, destination);
            assert_eq!(found, expected, "{origin:?} as {number} dials {destination:?}");
        }
    }

    #[test]
    fn a_rule_that_cannot_be_used_is_named() {
        let tone =
            |frequency_hz, level_dbm0| ActionSpec::Tone(Tone { frequency_hz, level_dbm0, duration: None });
        let answered = |name, action| RuleSpec {
            actions: vec![ActionSpec::Answer, action],
            ..rule(name, "1", ActionSpec::Answer)
        };
        let huge = "(?:[0-9]{1000}){1000}";
        let nobody = BridgeSpec::new(BridgeTo::users([]), RING);
        let cases = [
            (
                rule("open", "(", to_user("a")),
                "rule \"open\": destination is not a usable regular expression",
            ),
            (rule("ends", "a)|(?:b", to_user("a")), "destination is not a usable"),
            (rule("huge", huge, to_user("a")), "destination is not a usable"),
            (
                RuleSpec { from_user: Some("*".to_owned()), ..rule("star", "1", to_user("a")) },
                "rule \"star\": from_user is not a usable",
            ),
            (rule("group", "(1)2", to_user("x$2")), "rule \"group\": \"x$2\" refers at \"$2\" to no group"),
            (rule("name", "(1)2", to_user("${who}")), "refers at \"${who}\" to no group"),
            (rule("lone", "(1)2", to_user("$")), "refers at \"$\" to no group"),
            (rule("brace", "(1)2", to_trunk("${1", None)), "refers at \"${1\" to no group"),
            (rule("shown", "(1)2", to_trunk("$1", Some("$9"))), "\"$9\" refers at"),
            (rule("nobody", "1", ActionSpec::Bridge(nobody)), "a bridge needs somebody to call"),
            (answered("shrill", tone(4000, -10.0)), "a tone of 4000 Hz cannot be carried"),
            (answered("loud", tone(440, 3.0)), "a tone of 3 dBm0 is out of range"),
            (answered("odd", tone(440, f32::NAN)), "out of range"),
            (answered("nowhere", meet("", 0.0)), "a conference needs a room"),
            (answered("deaf", meet("a", 12.5)), "a gain of 12.5 dB is out of range"),
            (answered("room", meet("$7", 0.0)), "\"$7\" refers at"),
        ];
        for (spec, expected) in cases {
            let name = spec.name.clone();
            let good = rule("good", "2", to_user("a"));
            let errors = Rules::compile(&[good, spec]).expect_err("the rule is not sound");
            assert_eq!(errors.len(), 1, "{name}");
            assert_eq!((errors[0].rule.as_str(), errors[0].index), (name.as_str(), 1));
            let text = errors[0].to_string();
            assert!(text.contains(expected), "{name}: {text}");
        }
    }

    #[test]
    fn a_room_is_named_by_what_was_dialled_and_a_call_without_one_is_refused() {
        let actions = vec![ActionSpec::Answer, meet("room-$1", 3.0)];
        let named = RuleSpec { actions, ..rule("named", "7(\\d*)", ActionSpec::Answer) };
        let optional = vec![ActionSpec::Answer, meet("$1", 0.0)];
        let optional = RuleSpec { actions: optional, ..rule("optional", "8(\\d*)", ActionSpec::Answer) };
        let rules = Rules::compile(&[named, optional]).expect("sound");
        let Decision::Run(plan) = rules.route(&Query::new(&user("boss"), &shows("1"), "742")) else {
            panic!("it matches")
        };
        let role = ConferenceRole::Whisper { to: Arc::from("agent-742") };
        let (target, keys) = (Some(Arc::from("agent-742")), FeatureKeys::default());
        let conference =
            Conference { room: Arc::from("room-42"), role, target, gain_db: 3.0, is_muted: true, keys };
        assert_eq!(plan.steps, [Step::Answer, Step::Conference(conference)]);
        assert_eq!(plan.room().map(|room| &**room), Some("room-42"));
        let refused = rules.route(&Query::new(&user("boss"), &shows("1"), "8"));
        assert!(matches!(refused, Decision::Refuse { cause: EndCause::NotFound, .. }), "{refused:?}");
    }

    #[test]
    fn two_rules_of_one_name_and_every_other_fault_are_told_at_once() {
        let specs =
            [rule("a", "1", to_user("a")), rule("a", "2", to_user("a")), rule("b", "[", to_user("a"))];
        let errors = Rules::compile(&specs).expect_err("two faults");
        let told: Vec<_> = errors.iter().map(|error| (error.index, error.rule.as_str())).collect();
        assert_eq!(told, [(1, "a"), (2, "b")]);
        assert!(matches!(errors[0].fault, RuleFault::NameTaken));
    }

    #[test]
    fn explain_tells_what_was_tried_up_to_the_match() {
        let rules = dial_plan();
        let told: Vec<_> = rules
            .explain(&Query::new(&user("alice"), &shows("1"), "both"))
            .iter()
            .map(|trial| format!("{trial}"))
            .collect();
        assert_eq!(
            told,
            [
                "rule \"banned\" is not for this destination",
                "rule \"boss\" is not for this caller",
                "rule \"in\" is not for this caller",
                "rule \"both\" matches",
            ]
        );
        assert_eq!(rules.explain(&Query::new(&user("alice"), &shows("1"), "nowhere")).len(), rules.len());
        assert!(Rules::default().explain(&Query::new(&user("alice"), &shows("1"), "1")).is_empty());
    }

    /// A rule for users of a group, from a network, to a listener, at a time, with a header; and what it calls.
    fn particular() -> Rules {
        let conditions = Conditions {
            members: Some(["alice".to_owned()].into()),
            networks: vec!["10.0.0.0/8".parse().expect("a range")],
            listeners: vec!["inside".to_owned()],
            hours: Some(Hours {
                days: Vec::new(),
                spans: vec![[8 * 60, 17 * 60]],
                zone: jiff::tz::TimeZone::UTC,
            }),
            headers: vec![HeaderPattern { name: "X-Tenant".into(), pattern: "(?<tenant>[a-z]+)-.*".into() }],
        };
        let spec = RuleSpec { conditions, ..rule("particular", "1", to_user("${tenant}")) };
        Rules::compile(&[spec]).expect("sound")
    }

    #[test]
    fn a_rule_looks_at_group_network_listener_time_and_header_and_says_at_which_it_passed_by() {
        let rules = particular();
        let (origin, caller) = (user("alice"), shows("1"));
        let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(12 * 60 * 60);
        let header = |name: &str, value: &str| Header { name: name.into(), value: value.into() };
        let headers = [header("X-Tenant", "1"), header("x-tenant", "acme-berlin")];
        let right = Query {
            source: Some([10, 1, 2, 3].into()),
            listener: Some("inside"),
            headers: &headers,
            at: noon,
            ..Query::new(&origin, &caller, "1")
        };
        let bob = user("bob");
        let cases = [
            (right, "matches"),
            (Query { origin: &bob, ..right }, "is not for this user's groups"),
            (Query { source: Some([11, 1, 2, 3].into()), ..right }, "is not for calls from there"),
            (Query { source: None, ..right }, "is not for calls from there"),
            (Query { listener: Some("outside"), ..right }, "is not for calls to this listener"),
            (Query { listener: None, ..right }, "is not for calls to this listener"),
            (Query { at: SystemTime::UNIX_EPOCH, ..right }, "is not for this time"),
            (Query { headers: &headers[..1], ..right }, "is not for what the header X-Tenant says"),
            (Query { destination: "2", ..right }, "is not for this destination"),
        ];
        for (query, expected) in cases {
            let told = rules.explain(&query).swap_remove(0).to_string();
            assert_eq!(told, format!("rule \"particular\" {expected}"));
            assert_eq!(matches!(rules.route(&query), Decision::Run(_)), expected == "matches");
        }
        let Decision::Run(plan) = rules.route(&right) else { panic!("it matches") };
        assert_eq!(shown(&plan.steps[0]), "user acme");
    }

    #[test]
    fn a_trunks_call_needs_a_rule_that_names_trunks_wherever_it_comes_from() {
        let conditions =
            Conditions { networks: vec!["0.0.0.0/0".parse().expect("all")], ..Default::default() };
        let spec = RuleSpec { conditions, ..rule("all", ".*", to_user("bob")) };
        let rules = Rules::compile(&[spec]).expect("sound");
        let (origin, caller) = (trunk("provider"), shows("1"));
        let query = Query { source: Some([10, 1, 2, 3].into()), ..Query::new(&origin, &caller, "1") };
        assert!(matches!(rules.route(&query), Decision::Refuse { .. }));
    }

    proptest! {
        #[test]
        fn no_rules_let_nobody_through(who in ".*", number in ".*", destination in ".*") {
            let rules = Rules::default();
            for origin in [user(&who), trunk(&who)] {
                let refused = Decision::Refuse { cause: EndCause::NotFound, reason: Refusal::NoRule };
                prop_assert_eq!(rules.route(&Query::new(&origin, &shows(&number), &destination)), refused);
            }
        }

        #[test]
        fn a_trunk_never_gets_through_a_rule_that_does_not_name_trunks(destination in ".*") {
            let rules = Rules::compile(&[rule("all", "(?s).*", to_trunk("9$0", None))]).expect("sound");
            let from_trunk = rules.route(&Query::new(&trunk("provider"), &shows("1"), &destination));
            let is_refused = matches!(from_trunk, Decision::Refuse { .. });
            prop_assert!(is_refused);
            let from_user = rules.route(&Query::new(&user("alice"), &shows("1"), &destination));
            prop_assert!(matches!(from_user, Decision::Run(_)));
        }

        #[test]
        fn a_number_is_rewritten_and_nothing_else_matches(number in "[0-9]{1,15}", extra in "[^0-9]") {
            let rules = Rules::compile(&[rule("out", "0(\\d+)", to_trunk("+49$1", None))]).expect("sound");
            let found = verdict(&rules, &user("alice"), "1", &format!("0{number}"));
            prop_assert_eq!(found, format!("out: +49{} at provider", number));
            // `\d` is any decimal digit of Unicode; leave those to the expression.
            prop_assume!(!extra.chars().any(|c| c.is_numeric()));
            for odd in [format!("0{number}{extra}"), format!("{extra}0{number}")] {
                let refused = rules.route(&Query::new(&user("alice"), &shows("1"), &odd));
                let is_refused = matches!(refused, Decision::Refuse { .. });
                prop_assert!(is_refused);
            }
        }

        #[test]
        fn any_text_is_a_pattern_and_a_template_or_an_error(pattern in ".*", template in ".*", to in ".*") {
            if let Ok(rules) = Rules::compile(&[rule("any", &pattern, to_trunk(&template, None))]) {
                let _ = rules.route(&Query::new(&user("alice"), &shows("1"), &to));
            }
        }
    }
}
