//! What is sent for one event.

use crate::iterable::User;

/// One item for a destination.
#[derive(Clone, Debug)]
pub struct Call {
    /// What is done with it there.
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
    /// What was changed or left out.
    pub notes: Vec<Note>,
}

/// What is done with an item.
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
    /// Every operation, in the order in which they are best done: a profile may make the user that the others need.
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

/// Something that was changed or left out so that an event could be sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Note {
    /// A purchase's quantity is a fraction: it was rounded up, and the exact one is in the item's fields.
    QuantityRounded,
    /// A purchase's item does not say how many: it counts as one.
    QuantityAssumed,
    /// A purchase says no sum: it was computed from its items.
    TotalComputed,
    /// A purchase lacks what a purchase needs, so it is sent as an event.
    PurchaseAsEvent,
    /// A field could not be read as the type that it has there, its name is not allowed or taken, or it is too long.
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
    /// That a field is left out.
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

    /// The field that it is about; of what is inside an attribute, the path to it.
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
