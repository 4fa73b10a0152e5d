//! The kinds of calls, and what happens in each.

use std::ops::Range;
use std::time::Duration;

use toml::Spanned;
use webtrunk_codecs::tone::Digit;

use super::within_at;
use crate::scenario::arrival::RATE_MAX;
use crate::scenario::fault::Faults;
use crate::scenario::file::{File, StepSection, TrafficSection};
use crate::scenario::length::SECONDS_MAX;
use crate::scenario::traffic::{CALL, USER};
use crate::scenario::{Arrival, Doing, Hanger, Kind, Length, Population, Role, Silence, Step, Talk, Traffic};

/// For how long an agent may be away: a session waits for none as long.
const AWAY_SECONDS_MAX: f64 = 300.0;

pub(super) fn check(file: &File, populations: &[Population], faults: &mut Faults<'_>) -> Vec<Traffic> {
    let each = file.traffic.iter().enumerate();
    each.map(|(at, section)| traffic(at, section.get_ref(), populations, faults)).collect()
}

fn traffic(
    at: usize,
    section: &TrafficSection,
    populations: &[Population],
    faults: &mut Faults<'_>,
) -> Traffic {
    let key = format!("traffic[{at}]");
    let callers = find(&section.from, &format!("{key}.from"), "calls", Role::calls, populations, faults);
    let to = section.to.as_ref();
    let answerers =
        to.and_then(|to| find(to, &format!("{key}.to"), "answers", Role::answers, populations, faults));
    check_destination(&key, section, answerers, faults);
    check_arrival(&format!("{key}.arrival"), &section.arrival, faults);
    let length = *section.length.get_ref();
    check_length(&format!("{key}.length"), section.length.span(), length, faults);
    let (talk, silence) = talk(&key, section, faults);
    if section.hangs_up == Hanger::Answerer && section.to.is_none() {
        let cure = "name who answers by to, or take hangs_up out";
        faults.add(section.destination.span(), format!("{key}.hangs_up"), "the target is not told to", cure);
    }
    let steps = steps(&key, section, length.longest(), [callers, answerers], faults);
    Traffic {
        name: section.name.clone().unwrap_or_else(|| default_name(section)),
        from: section.from.get_ref().clone(),
        to: section.to.as_ref().map(|to| to.get_ref().clone()),
        destinations: section.destination.get_ref().all().to_vec(),
        arrival: section.arrival.get_ref().clone(),
        length,
        talk,
        silence,
        steps,
        hanger: section.hangs_up,
    }
}

fn check_length(key: &str, span: Range<usize>, length: Length, faults: &mut Faults<'_>) {
    for figure in length.figures() {
        within_at(faults, span.clone(), key, &figure, 0.1..=SECONDS_MAX);
    }
    if let Length::Uniform { min, max } = length
        && min > max
    {
        faults.add(span, key, "min is greater than max", "exchange them");
    }
}

fn talk(key: &str, section: &TrafficSection, faults: &mut Faults<'_>) -> (Talk, Silence) {
    let talk = section.talk.as_ref().map_or(Talk::Both, |talk| *talk.get_ref());
    if let Some(written) = &section.talk {
        for length in talk.lengths() {
            check_length(&format!("{key}.talk"), written.span(), length, faults);
        }
        if talk == Talk::Answerer && section.to.is_none() {
            let cure = "name who answers by to, or let talk be \"caller\"";
            faults.add(written.span(), format!("{key}.talk"), "nobody of ours answers", cure);
        }
    }
    if let Some(silence) = section.silence.as_ref().filter(|_| talk == Talk::Both) {
        let cure = "give talk as well, or take silence out";
        faults.add(silence.span(), format!("{key}.silence"), "nobody is silent", cure);
    }
    (talk, section.silence.as_ref().map_or(Silence::Sent, |silence| *silence.get_ref()))
}

fn default_name(section: &TrafficSection) -> String {
    let to = section.to.as_ref().map_or("the target", |to| to.get_ref().as_str());
    format!("{} to {to}", section.from.get_ref())
}

fn find<'p>(
    name: &Spanned<String>,
    key: &str,
    does: &str,
    can: fn(Role) -> bool,
    populations: &'p [Population],
    faults: &mut Faults<'_>,
) -> Option<&'p Population> {
    let found = populations.iter().find(|it| it.name == *name.get_ref());
    let names = || populations.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(", ");
    match found {
        None => {
            let cure = format!("name one of {}", names());
            faults.add(name.span(), key, format!("there are no agents {:?}", name.get_ref()), cure);
        }
        Some(population) if !can(population.role) => {
            let cure = "give it role = \"both\"";
            faults.add(name.span(), key, format!("{:?} never {does}", population.name), cure);
        }
        Some(_) => {}
    }
    found
}

fn check_destination(
    key: &str,
    section: &TrafficSection,
    answerers: Option<&Population>,
    faults: &mut Faults<'_>,
) {
    let (span, all) = (section.destination.span(), section.destination.get_ref().all());
    let key = format!("{key}.destination");
    if all.is_empty() || all.iter().any(String::is_empty) {
        faults.add(span.clone(), key.as_str(), "is empty", "say whom to call");
    }
    for destination in all {
        let is_told = [CALL, USER].iter().any(|it| destination.contains(it));
        match answerers {
            Some(_) if !is_told => {
                let cure = format!("put {CALL} into it, as in \"7{CALL}\", or let it be \"{USER}\"");
                faults.add(span.clone(), key.as_str(), "does not tell which call is answered", cure);
            }
            Some(population) if population.kind == Kind::Page && destination.contains(CALL) => {
                let cure = format!("let it be \"{USER}\"");
                faults.add(span.clone(), key.as_str(), "pages are not told which number was dialled", cure);
            }
            Some(population) if destination.contains(USER) && !destination.contains(CALL) => {
                let told_apart = population.accounts.count().unwrap_or(usize::MAX);
                if told_apart < population.count {
                    let problem = format!("{told_apart} name(s) stand for {} agents", population.count);
                    let cure = "put {n} into the name of accounts.user";
                    faults.add(span.clone(), key.as_str(), problem, cure);
                }
            }
            None if destination.contains(USER) => {
                faults.add(span.clone(), key.as_str(), "nobody of ours answers", "name who does by to");
            }
            _ => {}
        }
    }
}

fn check_arrival(key: &str, arrival: &Spanned<Arrival>, faults: &mut Faults<'_>) {
    let span = arrival.span();
    for rate in arrival.get_ref().rates() {
        let is_ramp = matches!(arrival.get_ref(), Arrival::Ramp { .. });
        // A ramp may begin with nobody; what it ends with goes on.
        let least = if is_ramp { 0.0 } else { 0.001 };
        within_at(faults, span.clone(), key, &rate, least..=RATE_MAX);
    }
    match arrival.get_ref() {
        Arrival::Ramp { to, seconds, .. } => {
            within_at(faults, span.clone(), key, seconds, 0.1..=86_400.0);
            within_at(faults, span, key, to, 0.001..=RATE_MAX);
        }
        Arrival::Steps(steps) => {
            if steps.is_empty() {
                faults.add(span.clone(), key, "has no step", "write [{ rate = 1, seconds = 10 }]");
            }
            for step in steps {
                within_at(faults, span.clone(), key, &step.seconds, 0.1..=86_400.0);
            }
        }
        Arrival::Closed(calls) => within_at(faults, span, key, calls, 1..=5000),
        Arrival::Constant(_) | Arrival::Poisson(_) => {}
    }
}

fn steps(
    key: &str,
    section: &TrafficSection,
    longest: Duration,
    ends: [Option<&Population>; 2],
    faults: &mut Faults<'_>,
) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (at, section) in section.steps.iter().enumerate() {
        let key = format!("{key}.steps[{at}]");
        let (span, section) = (section.span(), section.get_ref());
        let Some(doing) = doing(&key, span.clone(), section, faults) else { continue };
        let by_answerer = section.by == Hanger::Answerer;
        let is_phone = |it: &Population| matches!(it.kind, Kind::Phone(_));
        if matches!(doing, Doing::DropWebSocket(_)) && ends[usize::from(by_answerer)].is_some_and(is_phone) {
            let cure = "let agents of kind \"webrtc\" or \"json\" do it";
            faults.add(span.clone(), format!("{key}.ws_drop"), "phones have no WebSocket", cure);
        }
        within_at(faults, span.clone(), &key, &section.after, 0.0..=SECONDS_MAX);
        if !(section.after >= 0.0 && section.after <= SECONDS_MAX) {
            continue;
        }
        let after = Duration::from_secs_f64(section.after);
        match steps.last() {
            Some(last) if last.doing.is_last() => {
                faults.add(span.clone(), &key, "comes after the end", "take it out");
            }
            Some(last) if last.after > after => {
                faults.add(span.clone(), &key, "is earlier than the one before", "put steps in their order");
            }
            _ => {}
        }
        if after > longest {
            let cure = format!("no call is longer than {} s", longest.as_secs_f64());
            faults.add(span, &key, "never comes", cure);
        }
        steps.push(Step { after, by_answerer, doing });
    }
    if section.to.is_none()
        && let Some(at) = steps.iter().position(|step| step.by_answerer)
    {
        let span = section.steps[at].span();
        faults.add(span, format!("{key}.steps[{at}].by"), "the target is not told to", "take it out");
    }
    steps
}

fn doing(key: &str, span: Range<usize>, section: &StepSection, faults: &mut Faults<'_>) -> Option<Doing> {
    let mut all = Vec::new();
    if let Some(digits) = &section.digits {
        if digits.is_empty() || digits.chars().any(|key| Digit::parse(key).is_none()) {
            faults.add(span.clone(), key, format!("{digits:?} are no digits"), "write 0-9 * # A-D");
        }
        all.push(Doing::Digits(digits.clone()));
    }
    if let Some(seconds) = section.hold {
        within_at(faults, span.clone(), key, &seconds, 0.1..=SECONDS_MAX);
        all.push(Doing::Hold(Duration::from_secs_f64(seconds.clamp(0.0, SECONDS_MAX))));
    }
    all.extend(section.refresh.then_some(Doing::Refresh));
    all.extend(section.moves.then_some(Doing::Move));
    if let Some(seconds) = section.ws_drop {
        within_at(faults, span.clone(), key, &seconds, 0.0..=AWAY_SECONDS_MAX);
        all.push(Doing::DropWebSocket(Duration::from_secs_f64(seconds.clamp(0.0, AWAY_SECONDS_MAX))));
    }
    all.extend(section.transfer.clone().map(Doing::Transfer));
    all.extend(section.vanish.then_some(Doing::Vanish));
    if all.len() == 1 {
        return all.pop();
    }
    let problem = if all.is_empty() { "says nothing to do" } else { "says more than one thing to do" };
    let cure = "write one of digits, hold, refresh, move, ws_drop, transfer, vanish in each step";
    faults.add(span, key, problem, cure);
    None
}
