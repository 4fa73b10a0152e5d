//! Looks after our certificates while they are shown: a renewed one is shown as soon as it lies there, and its end is warned of.

use std::mem;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, info, warn};

use super::watch::{EndWarning, LOOK, Stamp, Watch};
use super::{CertificateFacts, Certificates};
use crate::config::PairFiles;
use crate::files::{Reader, Unread};
use crate::tls::{OwnCertificate, Pair};

/// Looks after them, each by itself, as long as it is polled. Needs a tokio runtime around it.
pub async fn keep(certificates: Certificates) {
    let mut keeping: JoinSet<()> =
        certificates.all().map(|(shown_to, own)| Keeper::new(shown_to, own).keep()).collect();
    while let Some(ended) = keeping.join_next().await {
        if let Err(error) = ended {
            error!(%error, "a certificate is not looked after any more");
        }
    }
}

/// Looks after one.
struct Keeper {
    shown_to: String,
    own: Arc<OwnCertificate>,
    /// A file may be far away, and its file system hang.
    reader: Reader,
    /// Whether it was told that its files cannot be read at all.
    has_told: bool,
    watch: Watch,
    warning: EndWarning,
}

impl Keeper {
    fn new(shown_to: String, own: &Arc<OwnCertificate>) -> Self {
        let (own, watch) = (Arc::clone(own), Watch::new(Stamp::of(&own.files())));
        let (reader, warning) = (Reader::default(), EndWarning::default());
        Self { shown_to, own, reader, has_told: false, watch, warning }
    }

    async fn keep(mut self) {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let looked = self.look().await;
            self.tell(looked);
            self.warn(Instant::now(), Timestamp::now());
        }
    }

    async fn look(&mut self) -> Result<(), Unread> {
        let files = self.own.files();
        let looked_at = files.clone();
        if !self.watch.look(self.reader.read(move || Stamp::of(&looked_at)).await?) {
            return Ok(());
        }
        let (shown_to, read) = (&self.shown_to, files.clone());
        let pair = self.reader.read(move || Pair::read_closed(&read)).await;
        // What was not read is to be read yet.
        match pair.inspect_err(|_| self.watch = Watch::default())?.map(|pair| self.own.show(pair)) {
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
                cure = error.cure(),
                shown_to,
                certificate = %files.certificate.display(),
                private_key = %files.private_key.display(),
                "the new certificate is not taken, and the old one is shown as before"
            ),
        }
        Ok(())
    }

    /// Tells once that nothing can be read, until something can be.
    fn tell(&mut self, looked: Result<(), Unread>) {
        let had_told = mem::replace(&mut self.has_told, looked.is_err());
        if let Err(error) = looked
            && !had_told
        {
            let PairFiles { certificate, private_key } = self.own.files();
            let (certificate, private_key) = (certificate.display(), private_key.display());
            error!(%error, shown_to = self.shown_to, %certificate, %private_key, "a certificate cannot be looked after: a renewal is not seen");
        }
    }

    fn warn(&mut self, now: Instant, date: Timestamp) {
        let Some(facts) = self.own.facts() else { return };
        let left = facts.left(date);
        if self.warning.is_due(left, now) {
            let certificate = self.own.files().certificate.display().to_string();
            warn_of_end(&self.shown_to, &facts, left.as_secs() / 86_400, &certificate);
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

    #[tokio::test]
    async fn what_a_trunk_is_shown_is_read_again_and_its_end_warned_of_too() {
        let folder = TempDir::new().expect("a folder");
        let (certificates, files) = configured(folder.path());
        let names: Vec<_> = certificates.facts().into_iter().map(|(shown_to, _)| shown_to).collect();
        assert_eq!(names, ["listeners", "trunk office"]);
        let (_, own) = certificates.all().last().expect("the trunk's");
        let shown = || !own.differs(&Pair::read(&files).expect("a pair"));
        let mut keeper = Keeper::new("trunk office".to_owned(), own);
        let now = Instant::now();
        write_pair(&files);
        assert!(!shown());
        look_twice(&mut keeper).await;
        assert!(shown(), "at the second look it has settled");
        assert!(2 * LOOK < Duration::from_secs(5), "it is shown in time");
        // The library makes them for ever: they end when the clock says so.
        let ends = own.facts().expect("ours").not_after.seconds();
        keeper.warn(now, Timestamp::from_second(ends - 20 * 86_400).unwrap_or(Timestamp::MAX));
        assert!(!keeper.warning.is_due(Duration::ZERO, now), "it was warned of just now");
    }

    /// It would be refused by the next reload, and at the next start.
    #[tokio::test]
    async fn a_renewed_key_that_everybody_may_read_is_not_taken_until_it_is_closed() {
        let folder = TempDir::new().expect("a folder");
        let (certificates, files) = configured(folder.path());
        let (_, own) = certificates.all().last().expect("the trunk's");
        let shown = || !own.differs(&Pair::read(&files).expect("a pair"));
        let mut keeper = Keeper::new("trunk office".to_owned(), own);
        write_pair(&files);
        let allow = |mode| fs::set_permissions(&files.private_key, Permissions::from_mode(mode));
        allow(0o644).expect("the file is ours");
        look_twice(&mut keeper).await;
        assert!(!shown(), "everybody may read it");
        allow(0o640).expect("the file is ours");
        look_twice(&mut keeper).await;
        assert!(shown(), "a group may");
    }

    async fn look_twice(keeper: &mut Keeper) {
        for _ in 0..2 {
            keeper.look().await.expect("its disk is here");
        }
    }
}
