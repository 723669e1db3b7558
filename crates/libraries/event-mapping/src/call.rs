//! The calls that events become.

use crate::iterable::User;

/// One item for a destination.
#[derive(Clone, Debug)]
pub struct Call {
    /// The operation at the destination.
    pub operation: Operation,
    /// Its id, the same whenever the event is mapped, so that sending it twice is safe.
    pub id: String,
    /// Its user.
    pub user: User,
    /// The name of the event; empty for a profile.
    pub event_name: String,
    /// When it happened, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// The item as JSON.
    pub json: String,
    /// Changes and omissions.
    pub notes: Vec<Note>,
}

/// An operation at the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// A profile is updated or created.
    Profile,
    /// A custom event is recorded.
    Track,
    /// A purchase is recorded.
    Purchase,
}

impl Operation {
    /// Every operation, in the best order: a profile may create the user that the others need.
    pub const ALL: [Self; 3] = [Self::Profile, Self::Track, Self::Purchase];

    /// A short fixed name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Track => "track",
            Self::Purchase => "purchase",
        }
    }
}

/// A change or omission that was necessary to send an event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Note {
    /// A purchase's quantity is a fraction: it was rounded up, and the exact one is in the item's fields.
    QuantityRounded,
    /// A purchase's item has no quantity: it counts as one.
    QuantityAssumed,
    /// A purchase has no total: it was computed from its items.
    TotalComputed,
    /// A purchase lacks a required member, so it is sent as an event.
    PurchaseAsEvent,
    /// A field has a value of the wrong type, a name that is not allowed or already used, or is too long.
    FieldLeftOut(String),
    /// A field should be a number and is not: it is sent as text, under this name.
    FieldAsText(String),
    /// A field has a name that is not allowed: it is sent under another.
    FieldRenamed(String),
    /// A value is sent in another form: a phone number without its punctuation, an address without the white space around it.
    FieldChanged(String),
    /// A value is sent with another type, as the configuration says: a number as text, or text as a number.
    FieldTypeChanged(String),
}

/// The longest name in a note, in characters.
const MAX_NOTED_CHARS: usize = 100;

impl Note {
    /// A value is sent in another form: a phone number without punctuation, an address without surrounding white space.
    pub(super) fn left_out(name: &str) -> Self {
        Self::FieldLeftOut(shown(name))
    }

    /// That a field has another name.
    pub(super) fn renamed(name: &str) -> Self {
        Self::FieldRenamed(shown(name))
    }

    /// That a field has another form.
    pub(super) fn changed(name: &str) -> Self {
        Self::FieldChanged(shown(name))
    }

    /// That a field has another type.
    pub(super) fn type_changed(name: &str) -> Self {
        Self::FieldTypeChanged(shown(name))
    }

    /// The field; inside an attribute, the path to it.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::QuantityRounded
            | Self::QuantityAssumed
            | Self::TotalComputed
            | Self::PurchaseAsEvent => None,
            Self::FieldLeftOut(name)
            | Self::FieldAsText(name)
            | Self::FieldRenamed(name)
            | Self::FieldChanged(name)
            | Self::FieldTypeChanged(name) => Some(name),
        }
    }
}

fn shown(name: &str) -> String {
    match name.char_indices().nth(MAX_NOTED_CHARS) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

impl Note {
    /// A short fixed name.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::QuantityRounded => "quantity_rounded",
            Self::QuantityAssumed => "quantity_assumed",
            Self::TotalComputed => "total_computed",
            Self::PurchaseAsEvent => "purchase_as_event",
            Self::FieldLeftOut(_) => "field_left_out",
            Self::FieldAsText(_) => "field_as_text",
            Self::FieldRenamed(_) => "field_renamed",
            Self::FieldChanged(_) => "field_changed",
            Self::FieldTypeChanged(_) => "field_type_changed",
        }
    }
}
