//! The colours of bounces; their classes in words are the model's.

pub(crate) use event_model::sparkpost::bounce_class::{BounceKind, of, words};

/// The class of a kind's colour in the style sheet: neighbours in the stack that everybody can distinguish.
pub(crate) const fn colour(kind: BounceKind) -> &'static str {
    match kind {
        BounceKind::Hard => "t-bounce",
        BounceKind::Block => "t-unsubscribe",
        BounceKind::Soft => "t-delay",
        BounceKind::Admin => "t-sms",
        BounceKind::Undetermined => "t-injection",
    }
}
