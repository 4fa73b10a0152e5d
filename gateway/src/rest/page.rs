//! Lists by pages.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::problem::Problem;

/// Things on a page where nobody says how many, and at most. Chosen by us: an answer of at most half a MiB.
const USUAL: u16 = 50;
const MAX: u16 = 200;

/// Which are wanted of a list of which nothing else is asked.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Things on a page; 50 where it is not said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u16>,
    /// What `next` of the page before said.
    after: Option<String>,
}

/// Which page is wanted.
#[derive(Debug, Clone)]
pub struct PageQuery {
    limit: usize,
    /// The name behind which it begins.
    after: Option<String>,
}

/// A page.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// To be given as `after` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// One with nothing on it.
    #[must_use]
    pub const fn none() -> Self {
        Self { items: Vec::new(), next: None }
    }
}

impl ListQuery {
    /// The page.
    ///
    /// # Errors
    /// As [`PageQuery::new`].
    pub fn page(self) -> Result<PageQuery, Problem> {
        PageQuery::new(self.limit, self.after)
    }
}

impl PageQuery {
    /// So many things on the page, 50 where it is not said, from the begin on or behind this name.
    ///
    /// # Errors
    /// [`Problem`] where there would be none or more than 200.
    pub fn new(limit: Option<u16>, after: Option<String>) -> Result<Self, Problem> {
        let limit = limit.unwrap_or(USUAL);
        if !(1..=MAX).contains(&limit) {
            return Err(Problem::bad_request(format!("limit = {limit}: write 1 to {MAX}")));
        }
        Ok(Self { limit: limit.into(), after })
    }

    /// The page of things in their order, each with the name by which a page may begin behind it; `is_behind` says whether
    /// a name comes behind another.
    pub fn of<T>(
        &self,
        things: impl Iterator<Item = (String, T)>,
        is_behind: impl Fn(&str, &str) -> bool,
    ) -> Page<T> {
        let wanted = |(name, _): &(String, T)| self.after.as_ref().is_none_or(|last| is_behind(name, last));
        let mut found: Vec<_> = things.filter(wanted).take(self.limit + 1).collect();
        let has_more = found.len() > self.limit;
        found.truncate(self.limit);
        let next = found.last().map(|(name, _)| name.clone()).filter(|_| has_more);
        Page { items: found.into_iter().map(|(_, thing)| thing).collect(), next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_without_a_gap() {
        let things = || ["a", "b", "c", "d", "e"].into_iter().map(|name| (name.to_owned(), name));
        let mut query = PageQuery::new(Some(2), None).expect("few");
        let mut seen = Vec::new();
        loop {
            let page = query.of(things(), |name, last| name > last);
            seen.push(page.items);
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
        assert_eq!(seen, [vec!["a", "b"], vec!["c", "d"], vec!["e"]]);
        let whole = PageQuery::new(None, None).expect("usual").of(things(), |name, last| name > last);
        assert_eq!((whole.items.len(), whole.next), (5, None));
        assert!(PageQuery::new(Some(0), None).is_err() && PageQuery::new(Some(201), None).is_err());
    }
}
