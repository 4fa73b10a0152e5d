//! What a sound configuration says that hardly anybody means: `check` warns of it.

use regex::Regex;
use webtrunk_signalling::routing::{Conditions, RuleSpec};

use crate::config::{Config, Trunk, nearest};

/// A line for each doubt, without the word "warning".
pub(super) fn doubts(config: &Config) -> Vec<String> {
    let rules: Vec<_> = config.rules.specs().collect();
    let mut lines: Vec<_> = config.trunks.iter().flat_map(of_trunk).collect();
    for (index, rule) in rules.iter().enumerate() {
        lines.extend(never_applies(rule, config));
        lines.extend(hidden(rule, &rules[..index]));
    }
    lines.extend(of_log(&config.log.filter));
    lines
}

fn of_trunk(trunk: &Trunk) -> Vec<String> {
    let (name, sip) = (&trunk.sip.name, &trunk.sip);
    let mut lines = Vec::new();
    for network in sip.source_networks.iter().map(ToString::to_string).filter(|text| text.ends_with("/0")) {
        lines.push(format!(
            "trunk {name:?} has {network} in its networks: whoever calls is taken for it, and may call at your cost; \
             write the provider's addresses"
        ));
    }
    let accounts =
        sip.credentials.iter().chain(sip.registrations.iter().filter_map(|one| one.credentials.as_ref()));
    for account in accounts {
        if account.password.is_empty() {
            lines
                .push(format!("trunk {name:?} has an empty password; write it, or take the credentials out"));
        } else if let Some(variable) = variable(&account.password) {
            lines.push(format!(
                "a password of trunk {name:?} looks like a variable's name, and is used as it stands; write password = \
                 {{ env = {variable:?} }}"
            ));
        }
    }
    for rewrite in &sip.rewrites {
        if let Some(group) = missing_group(&rewrite.pattern, &rewrite.to) {
            lines.push(format!(
                "a rewrite of trunk {name:?} to {:?} names the group {group}, which its pattern has not, so nothing is \
                 written there; add a group in brackets, or correct the number",
                rewrite.to
            ));
        }
    }
    lines
}

/// The variable that `$NAME` or `${NAME}` names.
fn variable(password: &str) -> Option<&str> {
    let rest = password.strip_prefix('$')?;
    let name = rest.strip_prefix('{').map_or(Some(rest), |rest| rest.strip_suffix('}'))?;
    let is_allowed = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    (name.len() >= 2 && name.bytes().all(is_allowed)).then_some(name)
}

/// The first group that `to` refers to and `pattern` has not.
fn missing_group(pattern: &Regex, to: &str) -> Option<String> {
    let reference = Regex::new(r"\$\$|\$\{([^}]*)\}|\$([0-9A-Za-z_]+)").ok()?;
    let is_there = |name: &str| match name.parse::<usize>() {
        Ok(number) => number < pattern.captures_len(),
        Err(_) => pattern.capture_names().flatten().any(|known| known == name),
    };
    let named = |found: regex::Captures<'_>| Some(found.get(1).or(found.get(2))?.as_str().to_owned());
    reference.captures_iter(to).filter_map(named).find(|name| !is_there(name)).map(|name| format!("${name}"))
}

fn never_applies(rule: &RuleSpec, config: &Config) -> Option<String> {
    let name = &rule.name;
    let trunk = rule.from_trunk.as_ref()?;
    if rule.from_user.is_some() || rule.conditions.members.is_some() {
        return Some(format!(
            "rule {name:?} asks for a trunk and for a user, so it never applies; take from_trunk out, or from_user and \
             from_groups"
        ));
    }
    let expression = Regex::new(&format!("^(?:{trunk})$")).ok()?;
    let mut named = config.trunks.iter().filter(|trunk| expression.is_match(&trunk.sip.name)).peekable();
    named.peek()?;
    let can_call = |trunk: &Trunk| {
        let sip = &trunk.sip;
        !sip.source_networks.is_empty()
            || !sip.registrations.is_empty()
            || sip.takes_page_accounts
            || sip.peer_user.is_some()
            || sip.certificate_name.is_some()
    };
    (!named.any(can_call)).then(|| {
        format!(
            "rule {name:?} is for calls from trunk {trunk:?}, which nothing shows to be it; add networks, register, \
             user or certificate_name to the trunk"
        )
    })
}

/// The earlier rule that takes all the calls of this one.
fn hidden(rule: &RuleSpec, earlier: &[&RuleSpec]) -> Option<String> {
    let before = earlier.iter().find(|before| takes_all(before, rule))?;
    Some(format!(
        "rule {:?} never applies, for rule {:?} before it takes all its calls; put it before, or take it out",
        rule.name, before.name
    ))
}

/// Whether whatever matches `rule` matches `before`, as far as that is plain to see.
fn takes_all(before: &RuleSpec, rule: &RuleSpec) -> bool {
    let callers = |rule: &RuleSpec| (rule.from_user.clone(), rule.from_trunk.clone());
    let is_every_user = || (&before.from_user, &before.from_trunk, &rule.from_trunk) == (&None, &None, &None);
    // The cheapest first: there may be thousands of rules.
    (before.destination == ".*" || before.destination == rule.destination)
        && (before.from_number.is_none() || before.from_number == rule.from_number)
        && (is_every_user() || callers(before) == callers(rule))
        && (before.conditions == Conditions::default() || before.conditions == rule.conditions)
}

/// Where our own events come from.
const OURS: [&str; 4] = ["webtrunk", "webtrunk_engine", "webtrunk_signalling", "webtrunk_codecs"];

/// A target that nothing logs to, where one of ours is meant.
fn of_log(filter: &str) -> Vec<String> {
    // Spans and their fields, in brackets, may hold anything.
    let directives =
        filter.split(',').map(str::trim).filter(|part| !part.contains('[') && part.contains('='));
    let target = |part: &str| part.split(['=', ':']).next().unwrap_or_default().trim().to_owned();
    let targets = directives.map(target).filter(|target| !OURS.contains(&target.as_str()));
    let line = |target: String| {
        let meant = nearest(&target, OURS).filter(|_| target.starts_with('w'))?;
        Some(format!("log.filter names {target:?}, to which nothing is logged; did you mean {meant:?}?"))
    };
    targets.filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let listener = "[[sip.listeners]]\ntransport = \"udp\"\nbind = \"127.0.0.1:0\"\n";
        let users = "[[users]]\nname = \"alice\"\nha1_md5 = \"0123456789abcdef0123456789abcdef\"\ngroups = [\"sales\"]\n";
        doubts(&Config::parse("w.toml", &format!("{listener}{users}{text}")).expect("sound"))
    }

    fn trunk(keys: &str) -> String {
        format!("[[trunks]]\nname = \"p\"\nhost = \"192.0.2.1\"\n{keys}\n")
    }

    fn rule(name: &str, destination: &str, keys: &str) -> String {
        format!(
            "[[rules]]\nname = {name:?}\ndestination = {destination:?}\n{keys}\nactions = [\"answer\", \"echo\"]\n"
        )
    }

    #[test]
    fn what_hardly_anybody_means_is_doubted() {
        let credentials =
            |password: &str| trunk(&format!("credentials = {{ user = \"u\", password = {password:?} }}"));
        let rewrite = |to: &str| {
            trunk(&format!(
                "rewrite = [{{ number = \"called\", direction = \"out\", pattern = \"0(.*)\", to = {to:?} }}]"
            ))
        };
        let networks = "networks = [\"192.0.2.0/24\"]";
        let both = |keys: &str| trunk(networks) + &rule("a", "1", &format!("from_trunk = \"p\"\n{keys}"));
        let pair =
            |one: (&str, &str), other: (&str, &str)| rule("a", one.0, one.1) + &rule("b", other.0, other.1);
        let log = |filter: &str| format!("[log]\nfilter = {filter:?}\n");
        for (text, expected) in [
            (trunk("networks = [\"0.0.0.0/0\"]"), Some("has 0.0.0.0/0 in its networks")),
            (trunk("networks = [\"::/0\"]"), Some("has ::/0 in its networks")),
            (trunk(networks), None),
            (credentials(""), Some("empty password")),
            (credentials("${PROVPW}"), Some("{ env = \"PROVPW\" }")),
            (credentials("$PROVPW"), Some("{ env = \"PROVPW\" }")),
            (credentials("$ecret"), None),
            (rewrite("+$3"), Some("names the group $3")),
            (rewrite("${country}$1"), Some("names the group $country")),
            (rewrite("+49$1"), None),
            (both("from_user = \"alice\""), Some("a trunk and for a user")),
            (both("from_groups = [\"sales\"]"), Some("a trunk and for a user")),
            (both(""), None),
            (trunk("") + &rule("a", "1", "from_trunk = \"p\""), Some("nothing shows to be it")),
            (pair((".*", ""), ("1", "")), Some("rule \"b\" never applies, for rule \"a\"")),
            (pair((".*", ""), ("1", "from_user = \"alice\"")), Some("never applies")),
            (pair(("1", ""), ("1", "")), Some("never applies")),
            (pair(("1", "from_user = \"alice\""), ("1", "")), None),
            (pair(("1", ""), (".*", "")), None),
            (pair(("1", "from_groups = [\"sales\"]"), ("1", "")), None),
            (trunk(networks) + &pair((".*", ""), ("1", "from_trunk = \"p\"")), None),
            (log("webtrnk_engine=debug"), Some("did you mean \"webtrunk_engine\"?")),
            (log("info,webtrunk_engine=debug,is=off"), None),
        ] {
            let lines = told(&text);
            match expected {
                Some(expected) => {
                    assert!(lines.len() == 1 && lines[0].contains(expected), "{text}\n{lines:?}");
                }
                None => assert_eq!(lines, [""; 0], "{text}"),
            }
        }
    }
}
