//! Looks after our certificate while it is shown: a renewed one is shown as soon as it lies there, and its end is warned of.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, info, warn};

use super::CertificateFacts;
use super::watch::{EndWarning, LOOK, Stamp, Watch};
use crate::tls::OwnCertificate;

/// Looks after it, as long as it is polled.
pub async fn keep(own: Arc<OwnCertificate>) {
    let mut keeper = Keeper::new(own);
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        // A file may be far away.
        let looked = tokio::task::spawn_blocking(move || {
            keeper.look(Instant::now(), Timestamp::now());
            keeper
        });
        match looked.await {
            Ok(back) => keeper = back,
            Err(error) => return error!(%error, "certificates are not looked after any more"),
        }
    }
}

struct Keeper {
    own: Arc<OwnCertificate>,
    watch: Watch,
    warning: EndWarning,
}

impl Keeper {
    fn new(own: Arc<OwnCertificate>) -> Self {
        let watch = Watch::new(Stamp::of(&own.files()));
        Self { own, watch, warning: EndWarning::default() }
    }

    fn look(&mut self, now: Instant, date: Timestamp) {
        let files = self.own.files();
        if self.watch.look(Stamp::of(&files)) {
            match self.own.change(&files) {
                Ok(true) => {
                    self.warning = EndWarning::default();
                    let facts = self.own.facts();
                    let names = facts.as_ref().map(|facts| facts.names.join(" "));
                    let ends = facts.map(|facts| String::from(facts.not_after));
                    info!(certificate = %files.certificate.display(), names, ends, "certificate renewed: it is shown from now on");
                }
                // Somebody has read it before us, or it was only touched.
                Ok(false) => {}
                Err(error) => error!(
                    %error,
                    certificate = %files.certificate.display(),
                    private_key = %files.private_key.display(),
                    "the new certificate is not taken, and the old one is shown as before"
                ),
            }
        }
        let Some(facts) = self.own.facts() else { return };
        let left = facts.left(date);
        if self.warning.is_due(left, now) {
            warn_of_end(&facts, left.as_secs() / 86_400, &files.certificate.display().to_string());
        }
    }
}

fn warn_of_end(facts: &CertificateFacts, days_left: u64, certificate: &str) {
    let (name, ends) = (facts.title(), String::from(facts.not_after));
    warn!(
        name,
        ends,
        days_left,
        certificate,
        "the certificate ends soon: renew it; it is taken up as soon as it lies there"
    );
}
