//! Keywords in what SIPp sends: `[service]`, `[field0]`, `[$name]`, and those that it alone knows.

use super::variables::Variables;

/// What keywords stand for in the calls of one line of an injection file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words<'w> {
    /// `[service]`.
    pub(super) service: &'w str,
    /// `[field0]` and so on.
    pub(super) row: Option<&'w [String]>,
}

impl Words<'_> {
    /// The text with all that is known put in; other keywords stay as they are.
    pub(super) fn put_in(&self, text: &str, variables: &Variables) -> String {
        expand(text, |keyword| self.value(keyword, variables))
    }

    fn value(&self, keyword: &str, variables: &Variables) -> Option<String> {
        match keyword {
            "service" => Some(self.service.to_owned()),
            // As a scenario of ours has the number of the call.
            "call_number" => Some("{call}".to_owned()),
            _ => match keyword.strip_prefix('$') {
                Some(name) => variables.text(name),
                None => self.row?.get(field_of(keyword)?).cloned(),
            },
        }
    }
}

/// The number of a field, of whatever file; a line of its own is nobody's in turn.
fn field_of(keyword: &str) -> Option<usize> {
    let (name, more) = keyword.split_once(' ').unwrap_or((keyword, ""));
    if more.contains("line=") {
        return None;
    }
    name.strip_prefix("field")?.parse().ok()
}

/// Puts values in the place of keywords; those in other keywords first.
fn expand(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(open) = rest.find('[') {
        out += &rest[..open];
        let inside = &rest[open + 1..];
        match inside.find(['[', ']']) {
            Some(end) if inside[end..].starts_with(']') => {
                let keyword = &inside[..end];
                out += &value(keyword).unwrap_or_else(|| format!("[{keyword}]"));
                rest = &inside[end + 1..];
            }
            _ => {
                out.push('[');
                rest = inside;
            }
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sipp::variables::Value;

    #[test]
    fn what_is_known_is_put_in_and_the_rest_stays() {
        let row = ["alice".to_owned(), "hush".to_owned()];
        let words = Words { service: "100", row: Some(&row) };
        let mut variables = Variables::default();
        variables.set("n", Value::Number(3.0));
        for (text, expected) in [
            ("sip:[service]@[remote_ip]:[remote_port]", "sip:100@[remote_ip]:[remote_port]"),
            (
                "[authentication username=[field0] password=[field1]]",
                "[authentication username=alice password=hush]",
            ),
            ("[field0 file=\"u.csv\"] [field0 line=3] [field7]", "alice [field0 line=3] [field7]"),
            ("[$n][$m][call_number]", "3[$m]{call}"),
            ("a [ b ] c]", "a [ b ] c]"),
        ] {
            assert_eq!(words.put_in(text, &variables), expected);
        }
    }
}
