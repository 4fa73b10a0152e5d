//! What calls play: named by path in rules and sections, read once each.

use std::collections::HashMap;
use std::sync::Arc;

use toml::Spanned;
use webtrunk_codecs::wav::Clip;

use super::faults::Faults;
use crate::prompts;

/// What is played, by the names that it has in the configuration.
pub type Prompts = HashMap<Arc<str>, Clip>;

/// Reads a prompt, once for all who play it.
pub(super) fn load(
    prompt: &Spanned<String>,
    loaded: &mut Prompts,
    faults: &mut Faults<'_>,
) -> Option<Arc<str>> {
    let name: Arc<str> = prompt.get_ref().as_str().into();
    if loaded.contains_key(&name) {
        return Some(name);
    }
    let read = || prompts::read(&faults.read_from(prompt.span(), &name));
    match prompts::built_in(&name).map_or_else(read, Ok) {
        Ok(clip) => {
            loaded.insert(Arc::clone(&name), clip);
            Some(name)
        }
        Err(error) => {
            faults.add(prompt.span(), &error, error.cure());
            None
        }
    }
}
