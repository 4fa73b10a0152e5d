//! By which keys the rows of people are sealed, as another process than the gateway sees it.

use super::database;
use super::{StoreError, StorePlace};
use crate::people::StoreKeys;

/// How many rows each key has sealed; those that do not say which stand behind `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealCounts(Vec<(Option<String>, u64)>);

impl SealCounts {
    /// Reads them, beside a gateway that may be running. Needs a tokio runtime around it.
    ///
    /// # Errors
    /// [`StoreError`] where the store is not there, or cannot be read.
    pub async fn read(place: &StorePlace) -> Result<Self, StoreError> {
        let mut connection = database::open_to_read(place).await?;
        let query = "SELECT sealed_by, count(*) FROM (SELECT sealed_by FROM users UNION ALL \
                     SELECT sealed_by FROM customers UNION ALL SELECT sealed_by FROM keys UNION ALL \
                     SELECT sealed_by FROM api_keys UNION ALL SELECT sealed_by FROM upstream UNION ALL \
                     SELECT sealed_by FROM account_passwords) AS sealed GROUP BY sealed_by ORDER BY sealed_by";
        let rows: Vec<(Option<String>, i64)> = sqlx::query_as(query)
            .fetch_all(&mut connection)
            .await
            .map_err(|source| StoreError::unreadable(place, source))?;
        Ok(Self(rows.into_iter().map(|(by, count)| (by, count.unsigned_abs())).collect()))
    }

    /// What is to be known of those that another key than the first has sealed, a line each.
    #[must_use]
    pub fn told(&self, keys: &StoreKeys) -> Vec<String> {
        let first = keys.sealing().id();
        let others = self.0.iter().filter(|(by, _)| by.as_deref() != Some(first));
        let line = |(by, count): &(Option<String>, u64)| match by {
            Some(by) if keys.ids().any(|id| id == by) => format!(
                "rows of the store sealed by the key {by}, which stands behind the first of store.secret_key, {first}: {count}; the \
                 gateway seals them anew while it runs, and that key stays there until then"
            ),
            Some(by) => format!(
                "warning: rows of the store sealed by the key {by}, which store.secret_key has not: {count}; the gateway does not \
                 start: write that key behind the first, {first}"
            ),
            None => format!(
                "rows of the store that do not say by which key they are sealed: {count}; the gateway seals them anew by {first} \
                 while it runs, and all keys of store.secret_key stay there until then"
            ),
        };
        let told: Vec<_> = others.map(line).collect();
        match (told.is_empty(), keys.ids().count()) {
            (true, 2..) => vec![format!(
                "all rows of the store are sealed by the first of store.secret_key, {first}: what stands behind it may be taken out"
            )],
            _ => told,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::StoreKey;

    #[test]
    fn what_another_key_has_sealed_is_told_by_its_id() {
        let [new, old, gone] =
            ["1", "2", "3"].map(|digit| StoreKey::from_hex(&digit.repeat(64)).expect("a key"));
        let both = StoreKeys::new(new.clone(), vec![old.clone()]);
        let counts = |all: &[(Option<&StoreKey>, u64)]| {
            SealCounts(all.iter().map(|(by, count)| (by.map(|key| key.id().to_owned()), *count)).collect())
        };
        let told = counts(&[(None, 3), (Some(&new), 9), (Some(&old), 4), (Some(&gone), 5)]).told(&both);
        assert_eq!(told.len(), 3, "{told:#?}");
        assert!(told[0].contains("do not say by which key they are sealed: 3"), "{}", told[0]);
        assert!(told[1].contains(&format!("{}, which stands behind the first", old.id())), "{}", told[1]);
        assert!(
            told[2].contains(&format!("{}, which store.secret_key has not: 5", gone.id())),
            "{}",
            told[2]
        );
        let done = counts(&[(Some(&new), 9)]);
        assert!(done.told(&both)[0].contains("may be taken out"));
        assert_eq!(done.told(&StoreKeys::new(new, Vec::new())), [""; 0], "there is nothing to be known");
    }
}
