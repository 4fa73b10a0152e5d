//! With whom somebody talks, as watchers are told it.

use super::calls::config;
use super::pickup::Scene;

#[test]
fn watchers_are_told_with_whom_somebody_talks_where_that_is_configured_alone() {
    for (lines, is_told) in [("show_parties = true", true), ("", false)] {
        let Some(scene) = Scene::ringing(config().subscriptions(lines)) else { return };
        let remote = "<remote><identity>sip:2001@webtrunk.test</identity></remote>";
        assert_eq!(scene.told.contains(remote), is_told, "{}", scene.told);
        assert_eq!(scene.told.contains("2001"), is_told, "{}", scene.told);
        scene.gateway.stop();
    }
}
