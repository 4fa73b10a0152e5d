//! What a scenario that came over the bus may read on this machine: files in the folder that the agent was given, and variables
//! that its owner named. Whoever may lead agents cannot read their machines by them.

use std::path::{Component, Path};

use toml::Value;

/// Looks through a scenario for what it would read.
///
/// # Errors
/// What it may not, with the agent's option that allows it.
pub(super) fn check(text: &str, has_folder: bool, variables: &[String]) -> Result<(), String> {
    // What is no TOML is told by who parses it, with its lines.
    let Ok(table) = text.parse::<toml::Table>() else { return Ok(()) };
    let rules = Rules { has_folder, variables };
    table.iter().try_for_each(|(key, value)| rules.check(key, value))
}

struct Rules<'r> {
    has_folder: bool,
    variables: &'r [String],
}

impl Rules<'_> {
    fn check(&self, key: &str, value: &Value) -> Result<(), String> {
        match value {
            Value::Table(table) => table.iter().try_for_each(|(key, value)| self.check(key, value)),
            Value::Array(values) => values.iter().try_for_each(|value| self.check(key, value)),
            Value::String(text) => self.check_text(key, text),
            _ => Ok(()),
        }
    }

    fn check_text(&self, key: &str, text: &str) -> Result<(), String> {
        let path = Path::new(text);
        // Whatever the key: no text of a scenario has reason to be a path that leads elsewhere.
        if path.is_absolute() || path.components().any(|it| it == Component::ParentDir) {
            return Err(format!("{key} = {text:?} leads out of the agent's folder; name a file in it"));
        }
        let names_file = key == "ca" || key == "file" || key.ends_with("_file");
        if names_file && !self.has_folder {
            return Err(format!(
                "{key} = {text:?}: the agent may read no files; give it --folder, with those that scenarios name"
            ));
        }
        if key.ends_with("_env") && !self.variables.iter().any(|it| it == text) {
            return Err(format!(
                "{key} = {text:?}: the agent may not read that variable; allow it with --env {text}"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::EXAMPLE;

    #[test]
    fn a_scenario_reads_what_the_agents_owner_lets_it_and_no_more() {
        let accounts =
            |word: &str| format!("[[agents]]\naccounts = {{ user = \"a\", list = [{{ {word} }}] }}\n");
        let allowed = ["ALICE".to_owned()];
        for (word, has_folder, expected) in [
            ("password_file = \"alice.txt\"", true, None),
            ("password_file = \"keys/alice.txt\"", true, None),
            ("password_file = \"alice.txt\"", false, Some("--folder")),
            ("ca = \"ca.pem\"", false, Some("--folder")),
            ("secret_file = \"secret.txt\"", false, Some("--folder")),
            ("token = { key_file = \"key.txt\" }", false, Some("--folder")),
            ("token = { key_env = \"HOME\" }", true, Some("--env HOME")),
            ("password_file = \"/etc/shadow\"", true, Some("leads out")),
            ("password_file = \"keys/../../.netrc\"", true, Some("leads out")),
            ("anything = \"../x\"", true, Some("leads out")),
            ("anything = [\"x\", \"../x\"]", true, Some("leads out")),
            ("password_env = \"ALICE\"", false, None),
            ("secret_env = \"AWS_SECRET_ACCESS_KEY\"", true, Some("--env AWS_SECRET_ACCESS_KEY")),
            ("password = \"written\"", false, None),
        ] {
            let told = check(&accounts(word), has_folder, &allowed);
            match expected {
                None => assert_eq!(told, Ok(()), "{word}"),
                Some(part) => assert!(told.as_ref().is_err_and(|it| it.contains(part)), "{word}: {told:?}"),
            }
        }
    }

    #[test]
    fn the_example_needs_a_folder_alone() {
        assert_eq!(check(EXAMPLE, true, &[]), Ok(()));
        assert!(check(EXAMPLE, false, &[]).is_err_and(|it| it.contains("alice.txt")));
    }
}
