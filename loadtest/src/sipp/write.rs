//! What was read, as the TOML of a scenario of ours.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::Wishes;
use super::cast::{Cast, Kind, Person};
use super::fault::Remark;
use super::plan::{Step, StepDeed};
use crate::agent::PhoneTransport;
use crate::scenario::Length;

/// What whoever plays it is called, and who calls whoever answers.
const NAME: &str = "sipp";
const CALLERS: &str = "callers";
/// How much longer than its arrivals a run may take to begin its calls, in seconds.
const SLACK_SECONDS: f64 = 5.0;
/// What a scenario has at most.
const AT_ONCE_MAX: f64 = 5000.0;

/// The scenario.
pub(super) fn write(file: &str, cast: &Cast, wishes: &Wishes, remarks: &BTreeSet<Remark>) -> String {
    let mut out = format!("# Made of {} by webtrunk-loadtest import.\n", plain(file));
    if !remarks.is_empty() {
        out += "#\n# Done otherwise than there, by its lines:\n#\n";
        for remark in remarks {
            let _ = writeln!(out, "#   {}", plain(&remark.to_string()));
        }
    }
    limits(&mut out, cast, wishes);
    target(&mut out, cast, wishes);
    agents(&mut out, cast, wishes);
    for (at, kind) in cast.kinds.iter().enumerate() {
        traffic(&mut out, cast, wishes, at, kind);
    }
    out
}

fn limits(out: &mut String, cast: &Cast, wishes: &Wishes) {
    let longest = cast.kinds.iter().map(|kind| kind.course.length.longest().as_secs_f64());
    let longest = longest.fold(0.0, f64::max);
    // As SIPp bounds itself.
    let at_once =
        wishes.at_once.unwrap_or((3.0 * wishes.rate * longest).clamp(1.0, AT_ONCE_MAX).ceil() as usize);
    let seconds = number(wishes.calls as f64 / wishes.rate + SLACK_SECONDS);
    let _ = write!(out, "\n[limits]\ncalls = {}\nseconds = {seconds}\nat_once = {at_once}\n", wishes.calls);
}

fn target(out: &mut String, cast: &Cast, wishes: &Wishes) {
    let key = if wishes.transport == PhoneTransport::Tls { "sip_tls" } else { "sip" };
    let _ = writeln!(out, "\n[target]\n{key} = {}", quoted(&wishes.target));
    if let Some(domain) = &cast.manner.domain {
        let _ = writeln!(out, "domain = {}", quoted(domain));
    }
    if wishes.transport == PhoneTransport::Tls {
        *out += "# ca = \"authority.pem\"   # who vouches for its certificate\n";
    }
}

fn agents(out: &mut String, cast: &Cast, wishes: &Wishes) {
    let manner = &cast.manner;
    let role = if manner.is_answerer { "answerer" } else { "caller" };
    let _ = writeln!(out, "\n[[agents]]\nname = \"{NAME}\"\nkind = \"phone\"\nrole = \"{role}\"");
    if cast.people.len() > 1 {
        let _ = writeln!(out, "count = {}", cast.people.len());
    }
    let transport = match wishes.transport {
        PhoneTransport::Udp => "udp",
        PhoneTransport::Tcp => "tcp",
        PhoneTransport::Tls => "tls",
    };
    let _ = writeln!(out, "transport = \"{transport}\"");
    if manner.is_answerer {
        let _ =
            writeln!(out, "bind = {}   # the target must route the destination to it", quoted(&wishes.bind));
        let _ = writeln!(out, "rings_seconds = {}", number(manner.rings));
    }
    *out += &accounts(&cast.people);
    let has_password = cast.people.iter().any(|it| it.password.is_some());
    if has_password {
        let _ = writeln!(out, "register = {}", manner.registers);
    }
    if !manner.codecs.is_empty() {
        let codecs: Vec<_> = manner.codecs.iter().map(|codec| quoted(codec)).collect();
        let _ = writeln!(out, "codecs = [{}]", codecs.join(", "));
    }
    if let Some(profile) = manner.profile {
        let _ = writeln!(out, "srtp = [\"{profile}\"]");
    }
    if manner.is_answerer {
        let _ = writeln!(
            out,
            "\n# SIPp answers whoever calls; here somebody has to.\n[[agents]]\nname = \"{CALLERS}\"\nkind = \"phone\"\n\
             role = \"caller\"\ntransport = \"{transport}\""
        );
    }
}

fn accounts(people: &[Person]) -> String {
    let account = |it: &Person| {
        let password = it.password.as_ref().map(|password| format!(", password = {}", quoted(password)));
        format!("user = {}{}", quoted(&it.user), password.unwrap_or_default())
    };
    match people {
        [] => String::new(),
        [one] => format!("accounts = {{ {} }}\n", account(one)),
        many => {
            let lines: String = many.iter().map(|it| format!("    {{ {} }},\n", account(it))).collect();
            format!("accounts = {{ list = [\n{lines}] }}\n")
        }
    }
}

fn traffic(out: &mut String, cast: &Cast, wishes: &Wishes, at: usize, kind: &Kind) {
    let is_answerer = cast.manner.is_answerer;
    *out += "\n[[traffic]]\n";
    if cast.kinds.len() > 1 {
        let _ = writeln!(out, "name = \"way {} of {}\"", at + 1, cast.kinds.len());
    }
    if is_answerer {
        let _ = writeln!(out, "from = \"{CALLERS}\"\nto = \"{NAME}\"\ndestination = \"7{{call}}\"");
    } else {
        let _ = writeln!(out, "from = \"{NAME}\"   # without a to, the target answers with an echo");
        let destinations: Vec<_> = kind.destinations.iter().map(|it| quoted(it)).collect();
        let _ = match &destinations[..] {
            [one] => writeln!(out, "destination = {one}"),
            many => writeln!(out, "destination = [{}]", many.join(", ")),
        };
    }
    let _ = writeln!(out, "arrival = {{ constant = {} }}", number(wishes.rate * kind.share));
    let _ = writeln!(out, "length = {}", length(kind.course.length));
    if !kind.course.steps.is_empty() {
        *out += "steps = [\n";
        for step in &kind.course.steps {
            let _ = writeln!(out, "    {},", step_of(step, is_answerer));
        }
        *out += "]\n";
    }
    let hanger = if kind.course.hangs_up == is_answerer { "answerer" } else { "caller" };
    let _ = writeln!(out, "hangs_up = \"{hanger}\"");
}

fn length(length: Length) -> String {
    match length {
        Length::Fixed(seconds) => format!("{{ fixed = {} }}", number(seconds)),
        Length::Uniform { min, max } => {
            format!("{{ uniform = {{ min = {}, max = {} }} }}", number(min), number(max))
        }
        Length::Exponential { mean, max } => {
            format!("{{ exponential = {{ mean = {}, max = {} }} }}", number(mean), number(max))
        }
    }
}

fn step_of(step: &Step, by_answerer: bool) -> String {
    let what = match &step.deed {
        StepDeed::Digits(digits) => format!("digits = {}", quoted(digits)),
        StepDeed::Hold(seconds) => format!("hold = {}", number(*seconds)),
        StepDeed::Refresh => "refresh = true".to_owned(),
        StepDeed::Transfer(to) => format!("transfer = {}", quoted(to)),
    };
    let by = if by_answerer { ", by = \"answerer\"" } else { "" };
    format!("{{ after = {}, {what}{by} }}", number(step.after))
}

/// To a thousandth; TOML wants a point or an exponent in what is no whole number only.
fn number(number: f64) -> String {
    ((number * 1000.0).round() / 1000.0).to_string()
}

/// A text as TOML has it.
fn quoted(text: &str) -> String {
    let mut out = "\"".to_owned();
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            letter if letter.is_control() => {
                let _ = write!(out, "\\u{:04X}", letter as u32);
            }
            letter => out.push(letter),
        }
    }
    out + "\""
}

/// A text in one line, as a comment has it.
fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_numbers_are_read_back_as_they_were() {
        for text in ["plain", "with \"quotes\" and \\", "line\nand tab\t", "ä \u{7f} \u{1f600}"] {
            let read: toml::Table = toml::from_str(&format!("it = {}", quoted(text))).expect(text);
            assert_eq!(read["it"].as_str(), Some(text));
        }
        for (value, expected) in [(1.0, "1"), (0.12345, "0.123"), (12.5, "12.5"), (3600.0, "3600")] {
            assert_eq!(number(value), expected);
        }
        assert_eq!(plain("a\nb"), "a b");
    }
}
