//! The part of a call that depends on the event's type.

use super::{data_fields::DataFields, purchase::Purchase};

/// An event's call without the members that all events have.
pub(super) struct Draft<'m, 'a> {
    pub(super) content: Content<'a>,
    pub(super) fields: DataFields<'m>,
}

/// What is recorded.
pub(super) enum Content<'a> {
    /// An event with this name.
    Event(String),
    /// A purchase.
    Purchase(Purchase<'a>),
}
