//! What `SparkPost`'s bounce classes mean
//! (<https://support.sparkpost.com/docs/deliverability/bounce-classification-codes>).

/// What is to be done about a bounce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BounceKind {
    /// The address will never take mail.
    Hard,
    /// It may take it later.
    Soft,
    /// The receiver does not want mail from here.
    Block,
    /// A rule of the sender's side.
    Admin,
    /// Nobody knows.
    Undetermined,
}

impl BounceKind {
    /// In the order in which they are worth a look.
    pub const ALL: [Self; 5] = [
        Self::Hard,
        Self::Block,
        Self::Soft,
        Self::Admin,
        Self::Undetermined,
    ];

    /// For a person.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::Soft => "soft",
            Self::Block => "block",
            Self::Admin => "admin",
            Self::Undetermined => "undetermined",
        }
    }

    /// What it means.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Hard => "the address will never take mail: send nothing more to it",
            Self::Soft => "the address may take mail later",
            Self::Block => {
                "the receiver does not want mail from here: look at reputation and content"
            }
            Self::Admin => "a rule of your own side: suppression, relaying or configuration",
            Self::Undetermined => "the answer of the receiver is not understood",
        }
    }
}

/// A class by its number, as it is written in an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BounceClass {
    /// The number; empty for one that `SparkPost` has not described.
    pub code: &'static str,
    /// What `SparkPost` calls it.
    pub name: &'static str,
    /// What is to be done about it.
    pub kind: BounceKind,
}

const fn class(code: &'static str, name: &'static str, kind: BounceKind) -> BounceClass {
    BounceClass { code, name, kind }
}

const CLASSES: [BounceClass; 23] = [
    class("1", "undetermined", BounceKind::Undetermined),
    class("10", "invalid recipient", BounceKind::Hard),
    class("20", "soft bounce", BounceKind::Soft),
    class("21", "DNS failure", BounceKind::Soft),
    class("22", "mailbox full", BounceKind::Soft),
    class("23", "message too large", BounceKind::Soft),
    class("24", "timeout", BounceKind::Soft),
    class("25", "admin failure", BounceKind::Admin),
    class("26", "smart send suppression", BounceKind::Admin),
    class("30", "no recipient", BounceKind::Hard),
    class("40", "generic bounce", BounceKind::Soft),
    class("50", "mail block", BounceKind::Block),
    class("51", "spam block", BounceKind::Block),
    class("52", "spam content", BounceKind::Block),
    class("53", "prohibited attachment", BounceKind::Block),
    class("54", "relaying denied", BounceKind::Block),
    class("60", "automatic reply", BounceKind::Soft),
    class("70", "transient failure", BounceKind::Soft),
    class("80", "subscribe", BounceKind::Admin),
    class("90", "unsubscribe", BounceKind::Hard),
    class("100", "challenge and response", BounceKind::Soft),
    class("0", "no class", BounceKind::Undetermined),
    class("", "no class", BounceKind::Undetermined),
];

/// All classes that are described.
pub fn all() -> impl Iterator<Item = BounceClass> {
    CLASSES.into_iter()
}

/// What is known of a class; a number that `SparkPost` has not described is undetermined.
pub fn of(code: &str) -> BounceClass {
    let known = CLASSES.into_iter().find(|class| class.code == code);
    known.unwrap_or(BounceClass {
        code: "",
        name: "not described",
        kind: BounceKind::Undetermined,
    })
}

/// In words: `22: mailbox full (soft)`.
pub fn words(code: &str) -> String {
    let class = of(code);
    format!("{code}: {} ({})", class.name, class.kind.label())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_told_in_words() {
        assert_eq!(words("22"), "22: mailbox full (soft)");
        assert_eq!(words("10"), "10: invalid recipient (hard)");
        assert_eq!(words("999"), "999: not described (undetermined)");
        for (index, class) in CLASSES.iter().enumerate() {
            assert!(
                CLASSES
                    .iter()
                    .skip(index + 1)
                    .all(|other| other.code != class.code)
            );
        }
    }
}
