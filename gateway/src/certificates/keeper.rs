//! Looks after our certificates while they are shown: a renewed one is shown as soon as it lies there, and its end is warned of.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, info, warn};

use super::watch::{EndWarning, LOOK, Stamp, Watch};
use super::{CertificateFacts, Certificates};
use crate::tls::OwnCertificate;

/// Looks after them, as long as it is polled.
pub async fn keep(certificates: Certificates) {
    let mut keepers: Vec<_> = certificates.all().map(|(shown_to, own)| Keeper::new(shown_to, own)).collect();
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        // A file may be far away.
        let looked = tokio::task::spawn_blocking(move || {
            keepers.iter_mut().for_each(|keeper| keeper.look(Instant::now(), Timestamp::now()));
            keepers
        });
        match looked.await {
            Ok(back) => keepers = back,
            Err(error) => return error!(%error, "certificates are not looked after any more"),
        }
    }
}

/// Looks after one.
struct Keeper {
    shown_to: String,
    own: Arc<OwnCertificate>,
    watch: Watch,
    warning: EndWarning,
}

impl Keeper {
    fn new(shown_to: String, own: &Arc<OwnCertificate>) -> Self {
        let (own, watch) = (Arc::clone(own), Watch::new(Stamp::of(&own.files())));
        Self { shown_to, own, watch, warning: EndWarning::default() }
    }

    fn look(&mut self, now: Instant, date: Timestamp) {
        let (files, shown_to) = (self.own.files(), &self.shown_to);
        if self.watch.look(Stamp::of(&files)) {
            match self.own.change(&files) {
                Ok(true) => {
                    self.warning = EndWarning::default();
                    let facts = self.own.facts();
                    let names = facts.as_ref().map(|facts| facts.names.join(" "));
                    let ends = facts.map(|facts| String::from(facts.not_after));
                    info!(shown_to, certificate = %files.certificate.display(), names, ends, "certificate renewed: it is shown from now on");
                }
                // Somebody has read it before us, or it was only touched.
                Ok(false) => {}
                Err(error) => error!(
                    %error,
                    shown_to,
                    certificate = %files.certificate.display(),
                    private_key = %files.private_key.display(),
                    "the new certificate is not taken, and the old one is shown as before"
                ),
            }
        }
        let Some(facts) = self.own.facts() else { return };
        let left = facts.left(date);
        if self.warning.is_due(left, now) {
            warn_of_end(shown_to, &facts, left.as_secs() / 86_400, &files.certificate.display().to_string());
        }
    }
}

fn warn_of_end(shown_to: &str, facts: &CertificateFacts, days_left: u64, certificate: &str) {
    let (name, ends) = (facts.title(), String::from(facts.not_after));
    warn!(
        shown_to,
        name,
        ends,
        days_left,
        certificate,
        "the certificate ends soon: renew it; it is taken up as soon as it lies there"
    );
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::time::Duration;

    use tempfile::TempDir;

    use super::*;
    use crate::config::PairFiles;

    fn write_pair(files: &PairFiles) {
        let made = rcgen::generate_simple_self_signed(vec!["us.example".to_owned()]).expect("a certificate");
        fs::write(&files.certificate, made.cert.pem()).expect("the folder is ours");
        fs::write(&files.private_key, made.signing_key.serialize_pem()).expect("the folder is ours");
        fs::set_permissions(&files.private_key, Permissions::from_mode(0o600)).expect("the file is ours");
    }

    fn configured(folder: &Path) -> (Certificates, PairFiles) {
        let files = |name: &str| PairFiles {
            certificate: folder.join(format!("{name}.crt")),
            private_key: folder.join(format!("{name}.key")),
        };
        let [own, trunk] = ["own", "trunk"].map(files);
        [&own, &trunk].into_iter().for_each(write_pair);
        let text = format!(
            "[[sip.listeners]]\ntransport = \"tls\"\nbind = \"127.0.0.1:0\"\n[tls]\ncertificate = {:?}\nprivate_key = {:?}\n[[trunks]]\nname = \"office\"\nhost = \"192.0.2.1\"\n\
             transport = \"tls\"\nclient_certificate = {{ certificate = {:?}, private_key = {:?} }}\n",
            own.certificate, own.private_key, trunk.certificate, trunk.private_key
        );
        let config = crate::config::Config::parse("w.toml", &text).expect("sound");
        (Certificates::read(&config).expect("pairs"), trunk)
    }

    #[test]
    fn what_a_trunk_is_shown_is_read_again_and_its_end_warned_of_too() {
        let folder = TempDir::new().expect("a folder");
        let (certificates, files) = configured(folder.path());
        let names: Vec<_> = certificates.facts().into_iter().map(|(shown_to, _)| shown_to).collect();
        assert_eq!(names, ["listeners", "trunk office"]);
        let (_, own) = certificates.all().last().expect("the trunk's");
        let shown = || own.differs(&files).map(|differs| !differs).expect("a pair");
        let mut keeper = Keeper::new("trunk office".to_owned(), own);
        let now = Instant::now();
        write_pair(&files);
        assert!(!shown());
        for look in 0..2 {
            keeper.look(now + look * LOOK, Timestamp::now());
        }
        assert!(shown(), "at the second look it has settled");
        assert!(2 * LOOK < Duration::from_secs(5), "it is shown in time");
        // The library makes them for ever: they end when the clock says so.
        let ends = own.facts().expect("ours").not_after.seconds();
        keeper.look(now, Timestamp::from_second(ends - 20 * 86_400).unwrap_or(Timestamp::MAX));
        assert!(!keeper.warning.is_due(Duration::ZERO, now), "it was warned of just now");
    }
}
