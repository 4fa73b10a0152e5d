//! Sentences of rules: why one is not for a call, and what the one that is does.

use jiff::Timestamp;
use webtrunk_engine::EndCause;
use webtrunk_engine::call::ConferenceRole;
use webtrunk_engine::media::RecordingFormat;
use webtrunk_signalling::adapter::{Origin, RecordingPolicy};
use webtrunk_signalling::auth::issuer::customer_of;
use webtrunk_signalling::routing::{
    ActionSpec, Bridge, BridgeTarget, BridgeTo, Conference, Hours, Mismatch, Query, RuleSpec, Step,
    TrunkOrder,
};

/// Who somebody is.
pub(super) fn party(origin: &Origin) -> String {
    match origin {
        Origin::User(name) => format!("user {name:?}"),
        Origin::Trunk(name) => format!("trunk {name:?}"),
    }
}

/// That trunks of who calls carry the call in the place of the rule's.
pub(super) fn own_trunks(origin: &Origin) -> String {
    let customer = match origin {
        Origin::User(user) => customer_of(user).unwrap_or(user),
        Origin::Trunk(trunk) => trunk,
    };
    format!("the trunks are those of customers[].trunks of {customer:?}, whichever the rule names")
}

/// What is said of a party's recordings, where that is not what the rule says.
pub(super) fn recording(origin: &Origin, policy: RecordingPolicy) -> Option<String> {
    let Origin::User(user) = origin else { return None };
    let customer = customer_of(user)?;
    let word = match policy {
        RecordingPolicy::ByRule => return None,
        RecordingPolicy::Always => "always",
        RecordingPolicy::Never => "never",
    };
    Some(format!("calls of users of customer {customer:?} are {word} recorded, by customers[].recording"))
}

/// Why a rule is not for a call, or that it is.
pub(super) fn of(mismatch: Option<&Mismatch>, spec: &RuleSpec, query: &Query<'_>) -> String {
    let conditions = &spec.conditions;
    match mismatch {
        None => "matches".to_owned(),
        Some(Mismatch::Origin) => of_origin(spec, query.origin),
        Some(Mismatch::Group) => match query.origin {
            Origin::User(user) => format!("from_groups: user {user:?} is in none of its groups"),
            Origin::Trunk(_) => "from_groups: it is for users".to_owned(),
        },
        Some(Mismatch::Network) => {
            let networks = list(conditions.networks.iter().map(ToString::to_string));
            match query.source {
                Some(source) => format!("from_networks: {source} is not in {networks}"),
                None => {
                    format!("from_networks: it is for calls from {networks}, and no --source is said")
                }
            }
        }
        Some(Mismatch::Listener) => {
            let listeners = list(conditions.listeners.iter().map(|name| format!("{name:?}")));
            let own = query.listener.unwrap_or_default();
            format!("from_listeners: the call comes to {own:?}, and it is for {listeners}")
        }
        Some(Mismatch::Time) => of_time(conditions.hours.as_ref(), query),
        Some(Mismatch::Header(name)) => of_header(name, spec, query),
        Some(Mismatch::Number) => {
            let pattern = spec.from_number.as_deref().unwrap_or_default();
            format!("from_number: {:?} does not match {pattern:?}", query.caller.user)
        }
        Some(Mismatch::Destination) => {
            format!("destination: {:?} does not match {:?}", query.destination, spec.destination)
        }
    }
}

fn of_origin(spec: &RuleSpec, origin: &Origin) -> String {
    let differs =
        |key: &str, name: &str, pattern: &str| format!("{key}: {name:?} does not match {pattern:?}");
    match (origin, &spec.from_user, &spec.from_trunk) {
        (Origin::User(name), Some(pattern), _) => differs("from_user", name, pattern),
        (Origin::User(_), None, _) => "from_trunk: it is for trunks alone".to_owned(),
        (Origin::Trunk(name), _, Some(pattern)) => differs("from_trunk", name, pattern),
        (Origin::Trunk(_), _, None) => "it is for users: it has no from_trunk".to_owned(),
    }
}

fn of_time(hours: Option<&Hours>, query: &Query<'_>) -> String {
    let Some(hours) = hours else { return "when: it is for another time".to_owned() };
    let at = Timestamp::try_from(query.at).map(|at| hours.zone.to_datetime(at));
    let shown = at.map(|at| at.strftime("%a %H:%M").to_string().to_lowercase()).unwrap_or_default();
    let day = |day: &i8| DAYS.get(usize::from(day.unsigned_abs())).copied().unwrap_or_default();
    let days = list(hours.days.iter().map(day));
    let spans = list(hours.spans.iter().map(|[from, to]| format!("{}-{}", clock(*from), clock(*to))));
    let meant = [days, spans].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ");
    let zone = hours.zone.iana_name().unwrap_or("its zone");
    format!("when: it is {shown} in {zone}, and it is for {meant}")
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

fn clock(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

fn of_header(name: &str, spec: &RuleSpec, query: &Query<'_>) -> String {
    let pattern = spec.conditions.headers.iter().find(|header| header.name == name);
    let pattern = pattern.map(|header| header.pattern.as_str()).unwrap_or_default();
    let values = query.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
    let values = list(values.map(|header| format!("{:?}", header.value)));
    if values.is_empty() {
        return format!("headers: the call has no {name}");
    }
    format!("headers: {name} is {values}, which does not match {pattern:?}")
}

fn list(words: impl Iterator<Item = impl AsRef<str>>) -> String {
    words.map(|word| word.as_ref().to_owned()).collect::<Vec<_>>().join(", ")
}

/// What is done, a line each; what a menu's keys lead to is further in.
pub(super) fn steps(steps: &[Step], rule: Option<&RuleSpec>) -> Vec<String> {
    let mut lines = Vec::new();
    tell(steps, 0, &mut lines);
    if let Some(weights) = rule.and_then(weights) {
        lines.push(weights);
    }
    lines
}

/// That the order is drawn, where it is.
fn weights(rule: &RuleSpec) -> Option<String> {
    rule.actions.iter().find_map(|action| match action {
        ActionSpec::Bridge(bridge) => match &bridge.to {
            BridgeTo::Trunks(group) if group.order == TrunkOrder::Weighted => {
                let weights =
                    list(group.trunks.iter().map(|(name, weight)| format!("{name:?} with weight {weight}")));
                Some(format!("the order of the trunks is drawn for each call: {weights}; this is one draw"))
            }
            _ => None,
        },
        _ => None,
    })
}

fn tell(steps: &[Step], depth: usize, lines: &mut Vec<String>) {
    for step in steps {
        lines.push(format!("{}{}", "  ".repeat(depth), sentence(step)));
        let Step::Menu(menu) = step else { continue };
        for (key, steps) in &menu.choices {
            lines.push(format!("{}key {}:", "  ".repeat(depth + 1), key.to_char()));
            tell(steps, depth + 2, lines);
        }
    }
}

fn sentence(step: &Step) -> String {
    match step {
        Step::Answer => "answers the call".to_owned(),
        Step::Wait(time) => format!("waits {} ms", time.as_millis()),
        Step::Play(play) => {
            let repeated = if play.is_repeated { ", again and again" } else { "" };
            let interruptible = if play.is_interruptible { "; any key ends that" } else { "" };
            format!("plays {}{repeated}{interruptible}", list(play.prompts.iter()))
        }
        Step::Record(record) => {
            let format = match record.format {
                RecordingFormat::Wav => "WAV",
                RecordingFormat::Ogg => "Ogg-Opus",
            };
            let begin = if record.is_on_demand { "when a party asks for it" } else { "from the answer on" };
            format!("records as {format}, {begin}")
        }
        Step::StopRecording => "ends the recording".to_owned(),
        Step::Echo => "sends the caller's audio back until it hangs up".to_owned(),
        Step::Tone(tone) => match tone.duration {
            Some(time) => format!("plays {} Hz for {} ms", tone.frequency_hz, time.as_millis()),
            None => format!("plays {} Hz until the caller hangs up", tone.frequency_hz),
        },
        Step::Bridge(bridge) => call(bridge),
        Step::Conference(conference) => meet(conference),
        Step::Menu(menu) => format!(
            "asks for a key with {}, {} times at most; without one the next step is done",
            list(menu.prompts.iter()),
            menu.repeats + 1
        ),
        Step::Reject(end) => format!("refuses the call: {}", cause(*end)),
        Step::Hangup => "hangs up".to_owned(),
    }
}

fn meet(conference: &Conference) -> String {
    let role = match &conference.role {
        ConferenceRole::Party => "as a party".to_owned(),
        ConferenceRole::Listen => "as a supervisor whom nobody hears".to_owned(),
        ConferenceRole::Whisper { to } => format!("as a supervisor whom {to} alone hears"),
        ConferenceRole::Barge => "as a supervisor whom all hear".to_owned(),
    };
    let muted = if conference.is_muted { ", muted" } else { "" };
    format!("lets the caller into the conference in room {:?} {role}{muted}", conference.room)
}

fn call(bridge: &Bridge) -> String {
    let callees = bridge.callees.iter().map(|callee| {
        let time = callee.ring_timeout.as_secs();
        match &callee.target {
            BridgeTarget::User(name) => format!("user {name:?} for {time} s, wherever it is registered"),
            BridgeTarget::Trunk { trunk, number } => format!("{number:?} at trunk {trunk:?} for {time} s"),
        }
    });
    let mut text = format!("calls {}", callees.collect::<Vec<_>>().join(" and "));
    if let Some(number) = &bridge.shown_number {
        text += &format!(", showing {number:?}");
    }
    if let Some(time) = bridge.progress_timeout {
        text += &format!(", the next one if nothing is heard for {} s", time.as_secs());
    }
    if let Some(causes) = &bridge.only_after {
        text += &format!(", if the one before failed: {}", list(causes.iter().map(|end| cause(*end))));
    }
    text
}

/// A cause in the words of the configuration, where it has one for it.
pub(super) const fn cause(cause: EndCause) -> &'static str {
    match cause {
        EndCause::Hangup => "hung up",
        EndCause::Cancelled => "given up",
        EndCause::AnsweredElsewhere => "answered elsewhere",
        EndCause::Busy => "busy",
        EndCause::Declined => "declined",
        EndCause::NoAnswer => "no_answer",
        EndCause::Unavailable => "unavailable",
        EndCause::NotFound => "not_found",
        EndCause::Forbidden => "forbidden",
        EndCause::TooManyHops => "passed on too often",
        EndCause::NotAcceptable => "not_acceptable",
        EndCause::Glare => "two offers crossed",
        EndCause::MediaFailed => "its media failed",
        EndCause::MediaTimeout => "its media stopped",
        EndCause::TimeLimit => "as long as it may be",
        EndCause::SignallingLost => "its signalling was lost",
        EndCause::GatewayFailure => "failed",
        EndCause::Overloaded => "overloaded",
        EndCause::ShuttingDown => "the gateway goes down",
        EndCause::InternalError => "a fault of the gateway",
    }
}
