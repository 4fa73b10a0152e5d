//! Why a change is not made.

/// Nothing was changed, but for [`PeopleError::Unsure`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeopleError {
    /// The configuration lets the store have none.
    #[error(
        "the store keeps no users, customers and keys: add store.secret_key, 64 hexadecimal digits, as by `openssl rand -hex 32`"
    )]
    NotKept,
    /// There is none by this name.
    #[error("the store has no {what} {name:?}; list them to see what there is")]
    Unknown {
        /// `user`, `customer` or `key`.
        what: &'static str,
        /// What was asked for.
        name: String,
    },
    /// There is one already.
    #[error("there is a {what} {name:?} already; change that one, or take another name")]
    Taken {
        /// `user`, `customer` or `key`.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A number is one customer's.
    #[error("numbers: {number:?} is the customer {customer:?}'s already; take it out of that one first")]
    NumberTaken {
        /// The number, as it was written.
        number: String,
        /// Whose it is.
        customer: String,
    },
    /// It stands in the configuration file, where nobody but its owner writes.
    #[error("the {what} {name:?} stands in the configuration file; change it there, and reload")]
    InFile {
        /// `user`, `customer` or `key`.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// It cannot be so, and why, a line each.
    #[error("{}", .0.join("\n"))]
    Faulty(Vec<String>),
    /// There are as many as there may be.
    #[error("the store has {most} of {what} already; remove some")]
    Full {
        /// `users`, `customers` or `keys`.
        what: &'static str,
        /// So many.
        most: usize,
    },
    /// Customers have as many together as they may.
    #[error("there is no room for more users of customers; ask the operator")]
    NoRoom,
    /// The customer has as many changes under way as it may.
    #[error("the customer has {most} changes under way, as many as it may; wait for them")]
    Busy {
        /// So many.
        most: usize,
    },
    /// The file cannot be read as it was: a secret that it names is gone, say.
    #[error("the configuration cannot be read again as it was: {0}")]
    Unfit(String),
    /// The database did not take it.
    #[error("the store cannot be written: {0}")]
    Unwritten(String),
    /// The database did not say in time whether it took it.
    #[error(
        "the store did not say in time whether it took the change, which may have been made: {0}; look before you repeat it"
    )]
    Unsure(String),
    /// Nobody makes changes any more, or not yet.
    #[error("the gateway goes down, or was started without a file that could be read again")]
    NotNow,
}

impl PeopleError {
    /// In one word, for programs.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::NotKept => "not_kept",
            Self::Unknown { .. } => "not_found",
            Self::Taken { .. } => "exists",
            Self::NumberTaken { .. } => "number_taken",
            Self::InFile { .. } => "in_file",
            Self::Faulty(_) => "faulty",
            Self::Full { .. } | Self::NoRoom => "full",
            Self::Busy { .. } => "busy",
            Self::Unfit(_) => "unfit",
            Self::Unwritten(_) => "unwritten",
            Self::Unsure(_) => "unsure",
            Self::NotNow => "not_now",
        }
    }

    pub(super) fn faulty(fault: impl Into<String>) -> Self {
        Self::Faulty(vec![fault.into()])
    }
}
