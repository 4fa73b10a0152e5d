//! Whether an agent plays what a leader sent it, and what its part of that is.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::words::Play;
use super::{sources, split};
use crate::scenario::{Scenario, Share, strangers};

/// What the owner of an agent lets leaders do with it.
#[derive(Debug, Clone, Default)]
pub struct AgentConfig {
    /// What leaders and reports call it.
    pub name: String,
    /// The folder of files that scenarios may name: passwords, certificates. Without one they may name none.
    pub folder: Option<PathBuf>,
    /// Variables of the environment that scenarios may read.
    pub variables: Vec<String>,
    /// Where its phones and media are, in place of what scenarios say.
    pub address: Option<IpAddr>,
    /// Targets that are neither on this machine nor in a private network are the owner's to put a load on.
    pub owns_targets: bool,
}

/// What a search for the largest load may come to.
const TIMES_MIN: f64 = 0.001;
const TIMES_MAX: f64 = 1000.0;
/// A file is no folder, so nothing is in it.
const NO_FOLDER: &str = "/dev/null";

impl AgentConfig {
    /// Its part of the scenario.
    ///
    /// # Errors
    /// The scenario wants what the owner does not let it, or is faulty; then why, for people.
    pub(super) fn admit(&self, share: Share, what: &Play) -> Result<Scenario, String> {
        let Play { name, text, times } = what;
        if !share.is_sound() {
            return Err(format!("{} of {} is no share", share.index, share.of));
        }
        sources::check(text, self.folder.is_some(), &self.variables)?;
        let folder = self.folder.as_deref().unwrap_or(Path::new(NO_FOLDER));
        let file = folder.join(Path::new(name).file_name().unwrap_or_default());
        if !(TIMES_MIN..=TIMES_MAX).contains(times) {
            return Err(format!("{times} times the load is out of bounds"));
        }
        let scenario = Scenario::parse(&file, text).map_err(|error| error.to_string())?.times(*times);
        let strangers = strangers(&scenario);
        if !self.owns_targets && !strangers.is_empty() {
            return Err(format!(
                "{} is neither on its machine nor in a private network; if it is yours, start the agent with --i-own-this-target",
                strangers.join(", ")
            ));
        }
        let faults = split::faults(&scenario, share.of);
        if faults.is_empty() {
            Ok(split::shared(scenario, share, self.address))
        } else {
            Err(faults.join("; "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Arrival;

    const SHARE: Share = Share { index: 1, of: 2 };

    fn text(server: &str, accounts: &str) -> String {
        format!(
            "[limits]\ncalls = 10\nseconds = 20\n[target]\nsip = \"{server}\"\n\
             [[agents]]\nname = \"callers\"\nkind = \"phone\"\nrole = \"caller\"\ncount = 5\n{accounts}\n\
             [[traffic]]\nfrom = \"callers\"\ndestination = \"9196\"\n\
             arrival = {{ constant = 4 }}\nlength = {{ fixed = 3 }}\n"
        )
    }

    fn play(name: &str, text: &str) -> Play {
        Play { name: name.to_owned(), text: text.to_owned(), times: 1.0 }
    }

    #[test]
    fn each_agent_consents_for_itself_to_targets_that_are_strangers() {
        let far = text("192.0.2.9:5060", "");
        let refused = AgentConfig::default().admit(SHARE, &play("s.toml", &far)).expect_err("a stranger");
        assert!(refused.contains("192.0.2.9:5060") && refused.contains("--i-own-this-target"), "{refused}");
        let owner = AgentConfig { owns_targets: true, ..AgentConfig::default() };
        assert!(owner.admit(SHARE, &play("s.toml", &far)).is_ok());
        assert!(AgentConfig::default().admit(SHARE, &play("s.toml", &text("10.1.2.3:5060", ""))).is_ok());
    }

    #[test]
    fn files_are_those_of_the_agents_own_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("p.txt"), "secret\n").expect("ours");
        let text = text("127.0.0.1:5060", "accounts = { user = \"u{n}\", password_file = \"p.txt\" }");
        let config = AgentConfig { folder: Some(folder.path().to_owned()), ..AgentConfig::default() };
        let own = config
            .admit(SHARE, &play("../../elsewhere/s.toml", &text))
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((own.calls, own.share), (5, SHARE));
        let refused =
            AgentConfig::default().admit(SHARE, &play("s.toml", &text)).expect_err("it has no folder");
        assert!(refused.contains("--folder"), "{refused}");
    }

    #[test]
    fn a_share_of_a_heavier_load_is_of_its_arrivals_alone() {
        let what = Play { times: 3.0, ..play("s.toml", &text("127.0.0.1:5060", "")) };
        let own = AgentConfig::default().admit(SHARE, &what).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((&own.traffic[0].arrival, own.calls), (&Arrival::Constant(12.0), 5));
        let closed = what.text.replace("constant = 4", "closed = 3");
        let own = AgentConfig::default().admit(SHARE, &Play { text: closed, ..what });
        assert_eq!(own.unwrap_or_else(|error| panic!("{error}")).traffic[0].arrival, Arrival::Closed(4));
        for times in [0.0, -1.0, f64::NAN, f64::INFINITY, 1001.0] {
            let what = Play { times, ..play("s.toml", &text("127.0.0.1:5060", "")) };
            let refused = AgentConfig::default().admit(SHARE, &what).expect_err("no load");
            assert!(refused.contains("out of bounds"), "{refused}");
        }
    }

    #[test]
    fn nonsense_is_refused_in_words() {
        let config = AgentConfig::default();
        let sound = text("127.0.0.1:5060", "");
        for (share, text, part) in [
            (Share { index: 0, of: 0 }, sound.as_str(), "no share"),
            (SHARE, "seed = 1", "limits"),
            (Share { index: 0, of: 6 }, sound.as_str(), "count: 5 is too few for 6 agents"),
        ] {
            let refused = config.admit(share, &play("s.toml", text)).expect_err("nonsense");
            assert!(refused.contains(part), "{refused}");
        }
    }
}
